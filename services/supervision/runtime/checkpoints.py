"""Checkpoints of partition stores in a shared folder, named by offset, with a checksum of every file. Free of Kafka.

Two workers may for a while both believe that they own a partition. Their stores are the same function of the same log,
so a checkpoint of an offset is right whoever wrote it, and the newest is the one with the highest offset.
"""

import os
import shutil
import uuid
import zlib
from collections.abc import Callable
from pathlib import Path

import msgspec
import structlog

from services.supervision.runtime.store import CONDEMNED, PartitionStore, is_damage

log = structlog.get_logger()
KEPT = 2
SUMS = "checksums.json"
_CHUNK = 1 << 20
Sums = dict[str, tuple[int, int, int]]  # file -> (inode, size, CRC-32)


class Checkpoints:
    """The checkpoints of one topic-partition below `folder`. `on_damage` is told of every one that is not whole."""

    def __init__(self, folder: Path, on_damage: Callable[[], None] = lambda: None) -> None:
        self._folder, self._on_damage = folder, on_damage
        self._sums: Sums = {}
        folder.mkdir(parents=True, exist_ok=True)

    def newest(self) -> tuple[int, Path] | None:
        """(offset, folder) of the newest complete checkpoint."""
        found = self._all()
        return (int(found[-1].name.split("@")[0]), found[-1]) if found else None

    def save(self, store: PartitionStore) -> int:
        """Keep the store as it is now, drop all but the newest; the offset that is now safe to commit. Folding may go
        on meanwhile: then the checkpoint may hold more than it is named for, never less."""
        newest, offset = self.newest(), store.offset
        if newest is not None and newest[0] >= offset:
            return newest[0]
        name = f"{offset:020d}@{uuid.uuid4().hex[:8]}"
        draft = self._folder / f"draft-{name}"
        store.checkpoint(draft)
        self._sums = _sums(draft, self._sums)
        (draft / SUMS).write_bytes(msgspec.json.encode(self._sums))
        _sync(draft / SUMS)
        os.replace(draft, self._folder / name)
        _sync(self._folder)
        for path in self._all()[:-KEPT]:
            shutil.rmtree(path, ignore_errors=True)
        return offset

    def open(self, path: Path) -> PartitionStore:
        """The local store at `path`, or the newest whole checkpoint copied there when that is further on or `path` is
        bad. An empty store when there is neither: the log is then folded from its beginning.

        Checkpoints of a store that was condemned may hold its bad tables, under sums of their own: then every block of
        one is read before it is used.
        """
        doubt = (path / CONDEMNED).exists()
        store = self._local(path)
        while (newest := self.newest()) is not None and (store is None or store.offset < newest[0]):
            if self._whole(newest[1]):
                if store is not None:
                    store.close()
                store = None
                if (restored := self._restored(newest[1], path, doubt)) is not None:
                    log.info("store.restored", store=path.name, offset=newest[0])
                    return restored
            log.error("checkpoint.damaged", store=path.name, offset=newest[0])
            self._on_damage()
            os.replace(newest[1], self._folder / f"damaged-{newest[1].name}")
        return store or PartitionStore(path)

    def _restored(self, checkpoint: Path, path: Path, doubt: bool) -> PartitionStore | None:
        """A copy of `checkpoint` as the store at `path`; None when it is not fit to be one."""
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(checkpoint, path, ignore=shutil.ignore_patterns(SUMS))
        try:
            store = PartitionStore(path)
            try:
                if doubt:
                    store.verify()
            except BaseException:
                store.close()
                raise
        except Exception as error:
            if not is_damage(error):
                raise
            shutil.rmtree(path, ignore_errors=True)
            return None
        return store

    def _all(self) -> list[Path]:
        return sorted(self._folder.glob("[0-9]*@*"))

    def _whole(self, checkpoint: Path) -> bool:
        try:
            kept: Sums = msgspec.json.decode((checkpoint / SUMS).read_bytes(), type=Sums)
            return {n: s[1:] for n, s in kept.items()} == {n: s[1:] for n, s in _sums(checkpoint, {}).items()}
        except (OSError, msgspec.DecodeError):
            return False

    def _local(self, path: Path) -> PartitionStore | None:
        if not path.exists():
            return None
        try:
            if (path / CONDEMNED).exists():
                raise OSError("damage was met while it was read")
            return PartitionStore(path)
        except Exception as error:  # RocksDB raises plain Exception: whatever it is, the log can rebuild the store
            log.error("store.unreadable", store=path.name, error=str(error)[:300])
            self._on_damage()
            shutil.rmtree(path, ignore_errors=True)
            return None


def _sums(folder: Path, known: Sums) -> Sums:
    """The sum of every file; tables never change and are hard links from one checkpoint to the next: summed once."""
    found = {}
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.name == SUMS:
            continue
        status = entry.stat()
        before = known.get(entry.name)
        if entry.name.endswith(".sst") and before is not None and before[:2] == (status.st_ino, status.st_size):
            found[entry.name] = before
        else:
            found[entry.name] = (status.st_ino, status.st_size, _sum(Path(entry.path)))
    return found


def _sum(path: Path) -> int:
    value = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            value = zlib.crc32(chunk, value)
    return value


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
