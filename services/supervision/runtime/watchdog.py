"""Notices a worker that has stopped working without ending. Asks the broker itself, from a thread of its own, so that
neither a consumer that died quietly nor a loop that hangs can hide it.

By a consumer that never subscribes: librdkafka's admin client aborts the process when brokers are killed while it asks
(assertion in rd_kafka_enq_once_del_source_return, seen with confluent-kafka 2.x).
"""

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

import structlog
from confluent_kafka import Consumer, TopicPartition

from services.supervision import telemetry

log = structlog.get_logger()
Place = tuple[str, int]
_ASK_SECONDS = 5.0


class Seen(NamedTuple):
    """How a partition stands: `end` of the log and `committed` offset as the broker says, (offset, index) of the store
    as `folded`, and the offset that a checkpoint covers as `safe`."""

    end: int
    committed: int
    folded: tuple[int, int]
    safe: int


class Judge:
    """Says which partition has not moved for `patience` seconds though it has something to do. Pure."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._moved: dict[tuple[Place, str], tuple[object, float]] = {}

    def verdict(self, now: float, partitions: dict[Place, Seen]) -> str | None:
        """The reason to end the process, or None. `now` in seconds of any steady clock."""
        stuck = []
        for place, seen in partitions.items():
            lag = seen.end - seen.folded[0]
            if self._still(place, "fold", seen.folded, lag > 0, now):
                stuck.append(f"{place[0]}-{place[1]}: {lag} records wait, none folded")
            if self._still(place, "commit", seen.committed, seen.safe > seen.committed, now):
                stuck.append(f"{place[0]}-{place[1]}: offset {seen.safe} is safe, {seen.committed} committed")
        for key in [key for key in self._moved if key[0] not in partitions]:
            del self._moved[key]
        return f"nothing moved for {self._patience:.0f} s: {'; '.join(stuck)}" if stuck else None

    def _still(self, place: Place, what: str, at: object, due: bool, now: float) -> bool:
        before, since = self._moved.get((place, what), (None, now))
        if at != before or not due:
            since = now
        self._moved[place, what] = (at if due else None, since)
        return now - since > self._patience


class Watchdog:
    """Asks every few seconds and calls `bite(reason)` when there is one. A broker that does not answer proves nothing:
    then everybody's time begins anew."""

    def __init__(
        self, brokers: str, group: str, standing: Callable[[], dict[Place, tuple[tuple[int, int], int]]],
        bite: Callable[[str], None], patience: float,
    ) -> None:  # fmt: skip
        self._standing, self._bite, self._patience = standing, bite, patience
        self._consumer = Consumer({"bootstrap.servers": brokers, "group.id": group, "log_level": 2})

    def start(self) -> None:
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def _watch(self) -> None:
        judge = Judge(self._patience)
        while True:
            time.sleep(min(_ASK_SECONDS, self._patience / 4))
            try:
                partitions = self._look()
            except Exception as error:  # whatever the client raises while brokers come and go
                log.warning("watchdog.blind", error=str(error)[:200])
                judge = Judge(self._patience)
                continue
            if reason := judge.verdict(time.monotonic(), partitions):
                self._bite(reason)

    def _look(self) -> dict[Place, Seen]:
        standing = self._standing()
        if not standing:
            return {}
        asked = [TopicPartition(*place) for place in standing]
        found = {}
        for tp in self._consumer.committed(asked, _ASK_SECONDS):
            place = (tp.topic, tp.partition)
            folded, safe = standing[place]
            end = self._consumer.get_watermark_offsets(tp, _ASK_SECONDS, cached=False)[1]
            found[place] = Seen(end, max(tp.offset, 0), folded, safe)
            telemetry.LAG.labels(tp.topic, str(tp.partition)).set(max(0, found[place].end - folded[0]))
        return found
