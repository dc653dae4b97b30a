"""One partition's mass firing through its lane, while another lane of the same worker goes on folding."""

import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, cast

from benchmarks.engine.common import TOPIC, partition_fold, tick, visits
from services.contracts.topics import ALERTS
from services.shared.consuming import Record
from services.supervision.runtime.checkpoints import Checkpoints
from services.supervision.runtime.engine import Engine
from services.supervision.runtime.lane import Lane
from services.supervision.runtime.partition import PartitionFold
from services.supervision.runtime.reader import Place, ReadRecord
from services.supervision.runtime.store import PartitionStore, StoredEffect
from tests.support.fed import Fed

A_MS = 1_770_000_000_000
SMALL, EVERY_SECONDS = 10, 0.02
_FIRING, _BESIDE = (TOPIC, 0), (TOPIC, 1)


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
    """Let everything due before `as_of` pass, in an engine whose other partition's store lies at `other`."""
    sink, fed, failures = Sink(), Fed(), list[Exception]()
    engine = Engine(cast(Any, fed), cast(Any, sink), lambda _, error: failures.append(error))
    neighbour = partition_fold(PartitionStore(other), partition=1)
    lane, beside = _lane(partition, sink, other), _lane(neighbour, Sink(), other)
    engine.start()
    for place, running in ((_FIRING, lane), (_BESIDE, beside)):
        engine.add(place, running).result()
    sink.longest, sink._last = 0.0, time.perf_counter()
    cpu, started = time.process_time(), time.perf_counter()
    offset = partition.store.offset
    fed.put(_FIRING, [_at(offset, tick(as_of))])
    waits, small = [], _small()
    while partition.store.offset <= offset or partition.store.unacknowledged:
        waits.append(_wait(fed, _BESIDE, beside, next(small)))
        time.sleep(EVERY_SECONDS)
        if failures:
            raise failures[0]
    seconds, used = time.perf_counter() - started, time.process_time() - cpu
    after = _wait(fed, _FIRING, lane, [_at(offset + 1, tick(as_of.replace(second=1)))])
    for place in (_FIRING, _BESIDE):
        engine.remove(place).result()
    neighbour.store.close()
    clocks = sink.alerts
    return Firing(
        clocks, clocks / seconds, used / max(1, clocks) * 1e6, sink.longest * 1e3, max(waits) * 1e3, after * 1e3
    )


def _lane(partition: PartitionFold, sink: Any, folder: Path) -> Lane:
    return Lane(partition, Checkpoints(folder.with_name(f"{folder.name}-checkpoints")), sink)


def _wait(fed: Fed, place: Place, lane: Lane, records: Sequence[Record]) -> float:
    """Seconds from handing over `records` until the store holds them."""
    started = time.perf_counter()
    fed.put(place, records)
    while lane.partition.store.offset <= records[-1].offset:
        time.sleep(0.001)
    return time.perf_counter() - started


def _small() -> Iterator[list[Record]]:
    """Batches of the other partition."""
    first = 0
    while True:
        found = visits(10**12 + first, SMALL, 6)
        yield [ReadRecord(TOPIC, 1, first + n, A_MS, key, value) for n, (key, value) in enumerate(found)]
        first += SMALL


def _at(offset: int, value: bytes) -> Record:
    return ReadRecord(TOPIC, 0, offset, A_MS, None, value)
