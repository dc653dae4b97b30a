"""One partition at work: the batches that wait, its store, its checkpoints. Free of Faust and of Kafka."""

import threading
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from typing import Protocol

import structlog

from services.shared.consuming import Record
from services.shared.failpoints import failpoint
from services.supervision import telemetry
from services.supervision.runtime.checkpoints import Checkpoints
from services.supervision.runtime.partition import PartitionFold
from services.supervision.runtime.store import StoredEffect

log = structlog.get_logger()
QUEUED = 4
TURN_SECONDS = 0.05
WRITE_SECONDS = 1.0


class Sender(Protocol):
    def send(self, effects: Sequence[StoredEffect]) -> int: ...


class Lane:
    """Folds batches in order, a turn at a time, so that no partition starves another. One thread offers, turns and
    acknowledges; `checkpoint` and `close` may be called by others, `close` when there are no more turns."""

    def __init__(self, partition: PartitionFold, checkpoints: Checkpoints, publisher: Sender) -> None:
        self.partition = partition
        self._checkpoints, self._publisher = checkpoints, publisher
        self.next_offset = partition.store.offset  # that the next batch should begin at, if not earlier
        self._waiting: deque[Sequence[Record]] = deque()
        self._pieces: Iterator[list[StoredEffect]] | None = None
        self._since = 0.0  # when folding began that is not written yet
        self._counted = (partition.store.offset, partition.unreadable.copy())
        self._open = threading.Lock()  # held while the store must not be closed
        self._closed = False

    @property
    def busy(self) -> bool:
        """Whether there is something to fold."""
        return self._pieces is not None or bool(self._waiting)

    @property
    def full(self) -> bool:
        """Whether nothing more should be offered for now."""
        return len(self._waiting) >= QUEUED or bool(self.partition.stopped)

    def offer(self, records: Sequence[Record]) -> None:
        """Let `records` wait for their turn; a partition that has stopped takes nothing."""
        if not self.partition.stopped:
            self._waiting.append(records)
            self.next_offset = records[-1].offset + 1

    def turn(self) -> None:
        """Fold for at most TURN_SECONDS, or to the end of a batch, and publish what had to be written on the way.

        Raises whatever keeps an effect or a write from being done: the store is a prefix of the log, so to end the
        process loses nothing.
        """
        now = time.monotonic()
        end = now + TURN_SECONDS
        if not self.partition.unwritten:
            self._since = now
        while now < end:
            if self._pieces is None:
                if not self._waiting:
                    break
                failpoint("receive.after")
                self._pieces = self.partition.fold_all(self._waiting.popleft())
            for effects in self._pieces:
                self._publish(effects)
                if (now := time.monotonic()) > end:
                    break
            else:
                self._pieces = None
                now = time.monotonic()
        if self.partition.stopped:
            telemetry.STOPPED.labels(self.partition.fold.name).inc()
            log.error("partition.stopped", reason=self.partition.stopped)
            self._waiting.clear()
            self._pieces = None
        self._count(self.partition.fold.name)

    def settle(self, most: int, *, caught_up: bool) -> None:
        """Write and publish what has been folded, unless more is to come that one write may hold too: at most `most`
        records, and none for longer than WRITE_SECONDS."""
        unwritten = self.partition.unwritten
        if unwritten and self._pieces is None:
            nothing_waits = caught_up and not self._waiting
            if nothing_waits or unwritten >= most or time.monotonic() - self._since > WRITE_SECONDS:
                self._publish(self.partition.write())
                self._count(self.partition.fold.name)

    def _publish(self, effects: Sequence[StoredEffect]) -> None:
        failpoint("publish.before")
        self._publisher.send(effects)
        for topic, count in Counter(effect.topic for effect in effects).items():
            telemetry.EFFECTS.labels(self.partition.fold.name, topic).inc(count)

    @property
    def unacknowledged(self) -> bool:
        return self.partition.store.unacknowledged

    def acknowledge(self) -> None:
        """All that was sent is published."""
        self.partition.store.acknowledge()

    def checkpoint(self, covered: int) -> int:
        """Save a checkpoint when the store is beyond `covered`; the offset that is safe to commit."""
        with self._open:
            if self._closed or self.partition.store.offset <= covered:
                return covered
            failpoint("checkpoint.before")
            telemetry.CHECKPOINTS.labels(self.partition.fold.name).inc()
            saved = self._checkpoints.save(self.partition.store)
            failpoint("checkpoint.after")
            return saved

    def close(self) -> None:
        """Leave a checkpoint for the next owner and close the store."""
        self.checkpoint(0)
        with self._open:
            self._closed = True
            if self.partition.stopped:
                telemetry.STOPPED.labels(self.partition.fold.name).dec()
            self.partition.store.close()

    def _count(self, name: str) -> None:
        offset, unreadable = self._counted
        topic = self.partition.place.rpartition("-")[0]
        self._counted = (self.partition.store.offset, self.partition.unreadable.copy())
        telemetry.RECORDS.labels(name, topic).inc(self._counted[0] - offset)
        for kind, count in (self._counted[1] - unreadable).items():
            telemetry.UNREADABLE.labels(name, topic, kind).inc(count)
