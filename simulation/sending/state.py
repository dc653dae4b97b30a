"""How far an import has come, in one small file that is replaced atomically. Free of the log and of the network."""

import os
from pathlib import Path

import msgspec


class Progress(msgspec.Struct, kw_only=True):
    """`segments_done` segments have been taken in whole. `finished` is set once the last of them has."""

    timeline: str
    mode: str
    segments: int
    segments_done: int = 0
    applied: int = 0
    repeated: int = 0
    refused: int = 0
    finished: bool = False


class OtherMode(ValueError):
    """The import was begun the other way; the message says how to go on."""


def path_of(data: Path, timeline: str) -> Path:
    """The progress file of `timeline` in the stack's data folder."""
    return data / "imports" / f"{timeline}.json"


def load(data: Path, timeline: str, mode: str, segments: int) -> Progress:
    """What is on record, or a fresh start. Raises OtherMode for an unfinished import of the other mode."""
    try:
        known = msgspec.json.decode(path_of(data, timeline).read_bytes(), type=Progress)
    except (FileNotFoundError, msgspec.DecodeError):
        return Progress(timeline=timeline, mode=mode, segments=segments)
    if not known.finished and known.mode != mode and known.segments_done:
        begun = "with --direct" if known.mode == "direct" else "without --direct"
        raise OtherMode(f"this import was begun {begun}: go on {begun}")
    return known


def save(data: Path, progress: Progress) -> None:
    """Write `progress` so that a kill at any moment leaves the old file or the new one."""
    path = path_of(data, progress.timeline)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".tmp")
    with draft.open("wb") as file:
        file.write(msgspec.json.encode(progress))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
