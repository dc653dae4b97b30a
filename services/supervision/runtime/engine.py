"""The one thread on which everything is read, folded and published: no batch ever waits for another thread.

A turn of reading, a turn for each partition that has something to fold, a write where nothing more is to come or much
is unwritten, and when nothing waits, or now and then, a wait for what was published to be acknowledged. Free of Faust
and of groups.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue

import structlog

from services.shared.failpoints import failpoint
from services.supervision import telemetry
from services.supervision.runtime.lane import Lane
from services.supervision.runtime.publisher import Publisher
from services.supervision.runtime.reader import Place, Reader

log = structlog.get_logger()
IDLE_SECONDS = 0.05
UNACKNOWLEDGED_SECONDS = 0.5
UNWRITTEN = 65_536  # records of all partitions together, which are kept in memory


class Engine(threading.Thread):
    """Runs lanes until the process ends. `failed(place, error)` is told why it cannot go on; place is None when that
    is no partition's fault. What is asked of it is done between two turns."""

    def __init__(self, reader: Reader, publisher: Publisher, failed: Callable[[Place | None, Exception], None]) -> None:
        super().__init__(name="engine", daemon=True)
        self._reader, self._publisher, self._failed = reader, publisher, failed
        self._asked: SimpleQueue[tuple[Callable[[], None], Future[None]]] = SimpleQueue()
        self._lanes: dict[Place, Lane] = {}
        self._paused: set[Place] = set()
        self._sought: set[Place] = set()  # read anew, and nothing has come since
        self._flushed = 0.0

    def add(self, place: Place, lane: Lane) -> "Future[None]":
        """Read and fold a partition from where its store is."""

        def do() -> None:
            self._lanes[place] = lane
            self._sought.add(place)
            self._reader.begin(place, lane.next_offset)

        return self._ask(do)

    def remove(self, place: Place) -> "Future[None]":
        """Have no more turns of a partition; what it has published is acknowledged."""

        def do() -> None:
            if place in self._lanes:
                self._lanes[place].settle(0, caught_up=True)
                self._flush()
                self._reader.end(place)
                del self._lanes[place]
                self._paused.discard(place)

        return self._ask(do)

    def run(self) -> None:
        try:
            while True:
                while not self._asked.empty():
                    do, done = self._asked.get()
                    do()
                    done.set_result(None)
                self._read(0)
                if not self._busy():
                    self._flush()
                    self._read(IDLE_SECONDS)
                elif time.monotonic() - self._flushed > UNACKNOWLEDGED_SECONDS:
                    self._flush()
                self._turns()
        except Exception as error:
            self._failed(None, error)

    def _ask(self, do: Callable[[], None]) -> "Future[None]":
        done: Future[None] = Future()
        self._asked.put((do, done))
        return done

    def _busy(self) -> bool:
        return any(lane.busy for lane in self._lanes.values())

    def _read(self, seconds: float) -> None:
        """Bring batches; a partition whose lane is full is not read meanwhile, the others are."""
        full = {place for place, lane in self._lanes.items() if lane.full}
        if full - self._paused:
            self._reader.pause(full - self._paused)
        if self._paused - full:
            self._reader.resume(self._paused - full)
        self._paused = full
        for place, records in self._reader.poll(seconds).items():
            failpoint("receive.before")
            lane = self._lanes[place]
            expected, met = lane.next_offset, records[0].offset
            sought, fold = place in self._sought, lane.partition.fold.name
            self._sought.discard(place)
            if met <= expected:
                lane.offer(records)
            elif sought:
                log.error("log.gap", place=lane.partition.place, expected=expected, met=met)
                telemetry.GAPS.labels(fold).inc()
                lane.offer(records)
            else:
                log.warning("log.rewound", place=lane.partition.place, to=expected, met=met)
                telemetry.REWINDS.labels(fold).inc()
                self._sought.add(place)
                self._reader.end(place)
                self._reader.begin(place, expected)

    def _turns(self) -> None:
        most = UNWRITTEN // max(1, len(self._lanes))
        for place, lane in self._lanes.items():
            try:
                if lane.busy:
                    lane.turn()
                if lane.partition.unwritten:
                    lane.settle(most, caught_up=self._reader.caught_up(place, lane.next_offset))
            except Exception as error:
                self._failed(place, error)

    def _flush(self) -> None:
        """While more waits, folding goes on and the stores keep what may not be published yet."""
        self._flushed = time.monotonic()
        lanes = [lane for lane in self._lanes.values() if lane.unacknowledged]
        if lanes:
            self._publisher.flush()
            failpoint("publish.after")
            for lane in lanes:
                lane.acknowledge()
