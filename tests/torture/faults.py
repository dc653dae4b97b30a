"""What can go wrong around a worker, done on purpose. Every function does one thing and says what it touched."""

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.embedded.stack import Stack
from services.supervision.runtime.checkpoints import SUMS
from tests.support.crew import disk_of
from tests.support.stack import eventually
from tests.torture import PATIENCE
from tests.torture.lives import Life

_BLOCK = 16 * 1024


def outlive_session(zombie: Life, heir: Life, partitions: int) -> None:
    """SIGSTOP a worker until the group has given all `partitions` to `heir`; it is left stopped. See Life.go_on."""
    zombie.pause()
    eventually(lambda: heir.metric("duban_supervision_partitions") == partitions, PATIENCE)


def kill_brokers(stack: Stack, *numbers: int) -> None:
    """kill -9 of brokers at once; the stack's supervisor starts them again."""
    for number in numbers:
        stack.kill(f"kafka-{number}")


def brokers_back(stack: Stack, *numbers: int, seconds: float = PATIENCE) -> None:
    for number in numbers:
        stack.wait_ready(f"kafka-{number}", seconds)


def wipe_store(stack: Stack, name: str) -> None:
    """The local disk of a dead worker is gone."""
    shutil.rmtree(disk_of(stack, name), ignore_errors=True)


def damage_checkpoints(stack: Stack, fold: str) -> list[str]:
    """Flip bytes in the newest checkpoint of every partition of a fold; those that have an older one behind it."""
    touched = []
    for place in sorted((stack.data / "checkpoints" / f"{fold}").iterdir()):
        kept = sorted(place.glob("[0-9]*@*"))
        if len(kept) >= 2:
            _flip(_largest(kept[-1], lambda name: name != SUMS))
            touched.append(place.name)
    return touched


def damage_stores(stack: Stack, name: str, fold: str, ending: str, most: int) -> list[str]:
    """Flip bytes in the largest file with that ending ("sst", "log", or "" for the manifest) of at most `most` local
    stores of a dead worker."""
    touched: list[str] = []
    for place in sorted((disk_of(stack, name) / fold).iterdir())[:most]:
        chosen = _largest(place, lambda f: f.endswith(ending) if ending else f.startswith("MANIFEST"))
        if chosen is not None:
            _flip(chosen)
            touched.append(place.name)
    return touched


@contextmanager
def small_disk(stack: Stack, name: str, megabytes: int) -> Iterator[bool]:
    """A disk of that size under a worker's stores. False where nothing may be mounted: see Life's limit_bytes."""
    folder = disk_of(stack, name)
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "duban-small", str(folder)]
    mounted = os.geteuid() == 0 and subprocess.run(mount, capture_output=True, check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill_disk(stack: Stack, name: str, left: int) -> Path:
    """Fill a worker's small disk up to `left` bytes; the file to delete when there is to be room again."""
    ballast = disk_of(stack, name) / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * _BLOCK)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
        file.truncate(max(0, file.tell() - left))
    return ballast


def _largest(folder: Path, wanted: object) -> Path | None:
    files = [path for path in folder.iterdir() if path.is_file() and wanted(path.name)]  # type: ignore[operator]
    return max(files, key=lambda path: path.stat().st_size, default=None)


def _flip(path: Path | None) -> None:
    """Invert 64 bytes in the middle of a file, in a copy: tables are hard links shared with other checkpoints."""
    assert path is not None
    content = bytearray(path.read_bytes())
    start = max(0, len(content) // 2 - 32)
    for at in range(start, min(start + 64, len(content))):
        content[at] ^= 0xFF
    path.unlink()
    path.write_bytes(content)
