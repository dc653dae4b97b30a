"""Reads alerts.v1 and facts.v1 while everything is being killed, and says what is wrong with them.

Told apart for every record: first occurrence, copy (the same bytes under the same id: harmless, a reader knows it by
its id), and what may not be: one id with two texts, a first occurrence behind a later one of the same cause, a version
that does not follow the one before it.
"""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Collection
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Self

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition

from services.contracts.alerts import AlertV1
from services.contracts.clock import ClockTickedV1
from services.contracts.codec import decode
from services.contracts.topics import ALERTS, FACTS, SOURCE_TOPICS
from simulation.comparison import as_expected
from simulation.oracle import Expected
from tests.torture import PATIENCE

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Newest(msgspec.Struct):
    """The highest version of an alert that has been read."""

    version: int
    alert: Expected


class Seen:
    """Everything read of one timeline."""

    def __init__(self) -> None:
        self.texts: dict[bytes, bytes] = {}  # name of a record -> digest of its value
        self.newest: dict[str, Newest] = {}
        self.marks: dict[tuple[str, int], datetime] = {}  # (source, partition of alerts.v1) -> as_of
        self.cases: set[str] = set()  # those with alerts


class Reader(threading.Thread):
    """Reads from the beginning until `close`. `counts`: alerts, facts, copies; `wrong`: what may not be, in words."""

    def __init__(self, brokers: str, partitions: int) -> None:
        super().__init__(name="reader", daemon=True)
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.records, self.moved_at = 0, time.monotonic()
        self._partitions = partitions
        self._timelines: defaultdict[str, Seen] = defaultdict(Seen)
        self._next: dict[tuple[str, int], int] = {}
        self._highest: dict[tuple[str, int, str], tuple[int, int]] = {}
        self._lock, self._ending = threading.Lock(), threading.Event()
        self._news = threading.Condition(self._lock)
        self._consumer = Consumer({
            "bootstrap.servers": brokers, "group.id": "torture-reader", "enable.auto.commit": False, "log_level": 2,
        })  # fmt: skip
        self._consumer.assign(
            [TopicPartition(t, p, OFFSET_BEGINNING) for t in (ALERTS, FACTS) for p in range(partitions)]
        )

    def run(self) -> None:
        while not self._ending.is_set():
            try:
                batch = self._consumer.consume(1000, 0.2)
            except KafkaException:  # brokers come and go: that is what this is about
                continue
            with self._lock:
                for record in batch:
                    if record.error() is None:
                        self._take(record)
                if batch:
                    self._news.notify_all()
        self._consumer.close()

    def passed(self, timeline: str, at: datetime, kinds: Collection[str] = ("cases", "subjects")) -> bool:
        """Whether the folds of `kinds` have told every partition of alerts.v1 that they are beyond `at`."""
        with self._lock:
            return self._passed(timeline, at, kinds)

    def await_passed(
        self, timeline: str, at: datetime, seconds: float = PATIENCE, kinds: Collection[str] = ("cases", "subjects")
    ) -> Self:
        """Raises AssertionError when it has not come to that within `seconds`."""
        with self._news:
            done = self._news.wait_for(lambda: self._passed(timeline, at, kinds), seconds)
        assert done, f"{timeline} is not beyond {at} within {seconds:g} s"
        return self

    def await_news(self, seconds: float) -> None:
        """Until something is read, for at most `seconds`."""
        with self._news:
            self._news.wait(seconds)

    @property
    def cases(self) -> int:
        """How many cases have alerts, over all timelines."""
        with self._lock:
            return sum(len(seen.cases) for seen in self._timelines.values())

    def alerts(self, timeline: str) -> list[Expected]:
        """The alerts of a timeline as a board that keeps the highest version of each id would show them."""
        with self._lock:
            return [newest.alert for newest in self._timelines[timeline].newest.values()]

    def timelines(self) -> list[Seen]:
        with self._lock:
            return list(self._timelines.values())

    def position(self) -> int:
        """How many offsets lie behind it, over all partitions."""
        with self._lock:
            return sum(self._next.values())

    def close(self) -> None:
        self._ending.set()
        self.join(30)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _passed(self, timeline: str, at: datetime, kinds: Collection[str]) -> bool:
        topics = [*(SOURCE_TOPICS if "cases" in kinds else ()), *((FACTS,) if "subjects" in kinds else ())]
        sources = [f"{topic}-{number}" for topic in topics for number in range(self._partitions)]
        marks = self._timelines[timeline].marks
        return all(marks.get((s, p), _LONG_AGO) >= at for s in sources for p in range(self._partitions))

    def _take(self, record: Any) -> None:
        self.records += 1
        self._next[record.topic(), record.partition()] = record.offset() + 1
        self.moved_at = time.monotonic()
        value, partition = record.value(), record.partition()
        event = decode(value)
        seen, place = self._timelines[event.timeline], f"{record.topic()}-{partition}@{record.offset()}"
        digest = blake2b(value, digest_size=8).digest()
        data = event.data
        name = (f"{data.alert_id}.{data.version}" if isinstance(data, AlertV1) else event.id).encode()
        known = seen.texts.setdefault(name, digest)
        origin = next((value.decode() for key, value in record.headers() or () if key == "origin"), None)
        if known is not digest:
            self.counts["copies"] += 1
            if known != digest:
                self.wrong.append(f"{place}: another text of {name!r}")
        elif origin is None:
            self.wrong.append(f"{place}: no origin")
        else:
            self._in_order(record.topic(), partition, origin, place)
        if isinstance(data, ClockTickedV1):
            if record.topic() == ALERTS:
                mark = (data.source or "", partition)
                seen.marks[mark] = max(data.as_of, seen.marks.get(mark, _LONG_AGO))
        elif known is digest:
            self.counts["alerts" if isinstance(data, AlertV1) else "facts"] += 1
            if isinstance(data, AlertV1):
                self._keep(seen, data, place)

    def _in_order(self, topic: str, partition: int, origin: str, place: str) -> None:
        source, offset, index = origin.rsplit(":", 2)
        at, key = (int(offset), int(index)), (topic, partition, source)
        if at <= self._highest.get(key, (-1, -1)):
            self.wrong.append(f"{place}: first seen behind {self._highest[key]} of {source}, from {at}")
        self._highest[key] = max(at, self._highest.get(key, at))

    def _keep(self, seen: Seen, data: AlertV1, place: str) -> None:
        if data.case_ref is not None:
            seen.cases.add(data.case_ref)
        before = seen.newest.get(data.alert_id)
        if data.version != (before.version + 1 if before else 1):
            self.wrong.append(f"{place}: version {data.version} of {data.alert_id} behind {before}")
        if before is None or before.version < data.version:
            seen.newest[data.alert_id] = Newest(data.version, as_expected(msgspec.to_builtins(data)))
