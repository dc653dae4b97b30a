"""One partition's mass firing through its lane, while another lane of the same worker goes on folding."""

import asyncio
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.engine.common import TOPIC, Lying, partition_fold, tick, visits
from services.contracts.topics import ALERTS
from services.supervision.runtime.checkpoints import Checkpoints
from services.supervision.runtime.lane import Lane
from services.supervision.runtime.partition import PartitionFold, Record
from services.supervision.runtime.store import PartitionStore, StoredEffect

A_MS = 1_770_000_000_000
SMALL, EVERY_SECONDS = 10, 0.02


class Firing(NamedTuple):
    """`cpu_us` is of this thread's process per clock; waits are of the other partition's batches of ten events."""

    clocks: int
    rate: float
    cpu_us: float
    longest_piece_ms: float
    longest_wait_ms: float
    write_after_ms: float


class Sink:
    """In place of the publisher, so that the time is the runtime's alone. Counts alerts and the time between pieces."""

    def __init__(self) -> None:
        self.alerts, self.longest, self._last = 0, 0.0, time.perf_counter()

    def send(self, effects: Iterable[StoredEffect]) -> int:
        self.alerts += sum(effect.topic == ALERTS and effect.key != b"clock" for effect in effects)
        now = time.perf_counter()
        self.longest, self._last = max(self.longest, now - self._last), now
        return 0

    def flush(self) -> None:
        """Nothing waits."""


def fire(partition: PartitionFold, as_of: datetime, other: Path) -> Firing:
    """Let everything due before `as_of` pass, in a worker whose other partition's store lies at `other`."""
    return asyncio.run(_fire(partition, as_of, other))


async def _fire(partition: PartitionFold, as_of: datetime, other: Path) -> Firing:
    sink, neighbour = Sink(), partition_fold(PartitionStore(other), partition=1)
    with ThreadPoolExecutor(1) as folding:
        lane, beside = _lane(partition, sink, folding, other), _lane(neighbour, Sink(), folding, other)
        tasks = [asyncio.create_task(running.run()) for running in (lane, beside)]
        sink.longest, sink._last = 0.0, time.perf_counter()
        cpu, started = time.process_time(), time.perf_counter()
        offset = partition.store.offset
        await lane.queue.put([_at(offset, tick(as_of))])
        waits, small = [], _small()
        while partition.store.offset <= offset or partition.store.unacknowledged:
            waits.append(await _wait(beside, next(small)))
            await asyncio.sleep(EVERY_SECONDS)
            if any(task.done() for task in tasks):
                raise next(task.exception() for task in tasks if task.done()) or RuntimeError("a lane ended")
        seconds, used = time.perf_counter() - started, time.process_time() - cpu
        after = await _wait(lane, [_at(offset + 1, tick(as_of.replace(second=1)))])
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    neighbour.store.close()
    clocks = sink.alerts
    return Firing(
        clocks, clocks / seconds, used / max(1, clocks) * 1e6, sink.longest * 1e3, max(waits) * 1e3, after * 1e3
    )


def _lane(partition: PartitionFold, sink: Any, folding: ThreadPoolExecutor, folder: Path) -> Lane:
    checkpoints = Checkpoints(folder.with_name(f"{folder.name}-checkpoints"))
    return Lane(partition, checkpoints, sink, folding, lambda offset: None)


async def _wait(lane: Lane, records: Sequence[Record]) -> float:
    """Seconds from handing over `records` until the store holds them."""
    started = time.perf_counter()
    await lane.queue.put(records)
    while lane.partition.store.offset <= records[-1].offset:  # noqa: ASYNC110 the folding thread sets no event
        await asyncio.sleep(0.001)
    return time.perf_counter() - started


def _small() -> Iterator[list[Record]]:
    """Batches of the other partition."""
    first = 0
    while True:
        found = visits(10**12 + first, SMALL, 6)
        yield [Lying(TOPIC, 1, first + n, A_MS, key, value) for n, (key, value) in enumerate(found)]
        first += SMALL


def _at(offset: int, value: bytes) -> Record:
    return Lying(TOPIC, 0, offset, A_MS, None, value)
