"""One partition at work: its queue of batches, its store, its checkpoints. Free of Faust."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Executor

import structlog

from services.shared.consuming import Record
from services.shared.failpoints import failpoint
from services.supervision import telemetry
from services.supervision.runtime.checkpoints import Checkpoints
from services.supervision.runtime.partition import PartitionFold
from services.supervision.runtime.publisher import Publisher

log = structlog.get_logger()
QUEUED = 4
TURN_SECONDS = 0.05
UNACKNOWLEDGED_SECONDS = 0.5


class Lane:
    """Takes batches in order. `folding` runs turns of at most TURN_SECONDS of every lane of a worker, one after
    another, so that no partition starves another; `seek(offset)` asks for the log to be read again from there."""

    def __init__(
        self, partition: PartitionFold, checkpoints: Checkpoints, publisher: Publisher, folding: Executor,
        seek: Callable[[int], None],
    ) -> None:  # fmt: skip
        self.partition = partition
        self.queue: asyncio.Queue[Sequence[Record]] = asyncio.Queue(QUEUED)
        self._checkpoints, self._publisher, self._folding, self._seek = checkpoints, publisher, folding, seek
        self._rewound_from: int | None = None
        self._still = asyncio.Lock()  # held while the store changes
        self._closed = False
        self._flushed = 0.0

    async def run(self) -> None:
        """Fold what comes into the queue until cancelled, or until the partition has stopped.

        Raises whatever keeps an effect or a write from being done: the store is a prefix of the log, so to end the
        process loses nothing.
        """
        while not self.partition.stopped:
            records = await self.queue.get()
            failpoint("receive.after")
            if self._continues(records):
                await self._fold(records)

    async def checkpoint(self, covered: int) -> int:
        """Save a checkpoint when the store is beyond `covered`; the offset that is safe to commit."""
        async with self._still:
            if self._closed or self.partition.store.offset <= covered:
                return covered
            failpoint("checkpoint.before")
            telemetry.CHECKPOINTS.labels(self.partition.fold.name).inc()
            saved = await asyncio.to_thread(self._checkpoints.save, self.partition.store)
            failpoint("checkpoint.after")
            return saved

    async def close(self) -> None:
        """Leave a checkpoint for the next owner and close the store; after `run` has been cancelled."""
        await asyncio.get_running_loop().run_in_executor(self._folding, lambda: None)  # a turn outlives its task
        await self.checkpoint(0)
        async with self._still:
            self._closed = True
            self.partition.store.close()

    def _continues(self, records: Sequence[Record]) -> bool:
        """Whether nothing is missing before `records`. If so the log is read again, once: it may begin later now."""
        expected, met = self.partition.store.offset, records[0].offset
        if met <= expected:
            return True
        if self._rewound_from == met:
            log.error("log.gap", place=self.partition.place, expected=expected, met=met)
            telemetry.GAPS.labels(self.partition.fold.name).inc()
            return True
        log.warning("log.rewound", place=self.partition.place, to=expected, met=met)
        telemetry.REWINDS.labels(self.partition.fold.name).inc()
        self._rewound_from = met
        self._seek(expected)
        return False

    async def _flush(self) -> None:
        """While more batches wait, folding goes on and the store keeps what may not be published yet."""
        self._flushed = time.monotonic()
        if self.partition.store.unacknowledged:
            await asyncio.to_thread(self._publisher.flush)
            failpoint("publish.after")
            self.partition.store.acknowledge()

    async def _fold(self, records: Sequence[Record]) -> None:
        name, loop = self.partition.fold.name, asyncio.get_running_loop()
        unreadable, before = self.partition.unreadable.copy(), self.partition.store.offset
        pieces = self.partition.take(records)

        def turn() -> bool:
            end = time.monotonic() + TURN_SECONDS
            for effects in pieces:
                failpoint("publish.before")
                self._publisher.send(effects)
                for topic, count in Counter(effect.topic for effect in effects).items():
                    telemetry.EFFECTS.labels(name, topic).inc(count)
                if time.monotonic() > end:
                    return True
            return False

        more = True
        while more:
            async with self._still:
                more = await loop.run_in_executor(self._folding, turn)
        if self.queue.empty() or time.monotonic() - self._flushed > UNACKNOWLEDGED_SECONDS:
            await self._flush()
        telemetry.RECORDS.labels(name, records[0].topic).inc(self.partition.store.offset - before)
        for kind, count in (self.partition.unreadable - unreadable).items():
            telemetry.UNREADABLE.labels(name, records[0].topic, kind).inc(count)
        if self.partition.stopped:
            log.error("partition.stopped", reason=self.partition.stopped)
