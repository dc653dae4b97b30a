"""Checkpoints of partition stores in a shared folder, named by offset. Free of Kafka.

Two workers may for a while both believe that they own a partition. Their stores are the same function of the same log,
so a checkpoint of an offset is right whoever wrote it, and the newest is the one with the highest offset.
"""

import os
import shutil
import uuid
from pathlib import Path

import structlog

from services.supervision.runtime.store import PartitionStore

log = structlog.get_logger()
KEPT = 2


class Checkpoints:
    """The checkpoints of one topic-partition below `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def newest(self) -> tuple[int, Path] | None:
        """(offset, folder) of the newest complete checkpoint."""
        found = sorted((int(path.name.split("@")[0]), path) for path in self._folder.glob("[0-9]*@*"))
        return found[-1] if found else None

    def save(self, store: PartitionStore) -> int:
        """Keep the store as it is now, drop all but the newest; the offset that is now safe to commit."""
        newest = self.newest()
        if newest is not None and newest[0] >= store.offset:
            return newest[0]
        name = f"{store.offset:020d}@{uuid.uuid4().hex[:8]}"
        draft = self._folder / f"draft-{name}"
        store.checkpoint(draft)
        os.replace(draft, self._folder / name)
        for path in sorted(self._folder.glob("[0-9]*@*"))[:-KEPT]:
            shutil.rmtree(path, ignore_errors=True)
        return store.offset

    def open(self, path: Path) -> PartitionStore:
        """The local store at `path`, or the newest checkpoint copied there when that is further on or `path` is bad."""
        newest = self.newest()
        store = self._local(path)
        if newest is None or (store is not None and store.offset >= newest[0]):
            return store or PartitionStore(path)
        if store is not None:
            store.close()
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(newest[1], path)
        log.info("store.restored", store=path.name, offset=newest[0])
        return PartitionStore(path)

    def _local(self, path: Path) -> PartitionStore | None:
        if not path.exists():
            return None
        try:
            return PartitionStore(path)
        except Exception as error:  # RocksDB raises plain Exception: whatever it is, the log can rebuild the store
            log.error("store.unreadable", store=path.name, error=str(error)[:300])
            shutil.rmtree(path, ignore_errors=True)
            return None
