"""Supervision workers on a real Kafka, started and killed by a test, and everything that they wrote to alerts.v1."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import msgspec
from kafka import KafkaConsumer, TopicPartition

from deploy.embedded.stack import Stack
from services.contracts.alerts import AlertV1
from services.contracts.clock import ClockTickedV1
from services.contracts.codec import decode
from services.contracts.topics import ALERTS, FACTS, SOURCE_TOPICS
from simulation.city.generate import Town, generate
from simulation.comparison import as_expected, difference
from simulation.oracle import Expected, expected
from simulation.sending.direct import DirectSender
from simulation.stream import Segment
from tests.support.folding import POLICIES
from tests.support.processes_of_sources import Process
from tests.support.stack import eventually, running_stack


def town(days: int = 30, seed: int = 5) -> Town:
    return generate(POLICIES, seed=seed, days=days)


def worker(stack: Stack, name: str, kind: str = "cases", **environment: str) -> Process:
    """A worker with a disk of its own under `name`, not waited for."""
    disk = {"DUBAN_MEMBER": name, "DUBAN_STATE_DIR": str(disk_of(stack, name))}
    return Process(stack, "supervision", kind, **disk | environment)


def disk_of(stack: Stack, name: str) -> Path:
    return stack.data / "state" / name


@contextmanager
def kafka_alone(data: Path, **options: Any) -> Iterator[Stack]:
    """A stack of Kafka with its topics, and whatever else is named in `only`."""
    with running_stack(data, options.pop("only", ("kafka",)), **options) as stack:
        yield stack


def send(stack: Stack, timeline: str, segments: Iterable[Segment]) -> None:
    DirectSender(stack.brokers, timeline).send(list(segments))


def records_in(stack: Stack, segments: Iterable[Segment]) -> int:
    """How many records `send` makes of these: their events, and a tick in every partition."""
    places = len(SOURCE_TOPICS) * stack.plan.partitions
    return sum(len(segment.commands) + places for segment in segments)


class Written:
    """What lies in alerts.v1 of one timeline: grows with every look."""

    def __init__(self, stack: Stack, timeline: str) -> None:
        self.values: list[tuple[bytes, bytes]] = []  # (alert id, record value), in the order of each partition
        self._timeline, self._ticks = timeline, dict[str, datetime]()
        counts = range(stack.plan.partitions)
        self._sources = {f"{topic}-{n}" for topic in (*SOURCE_TOPICS, FACTS) for n in counts}
        self._consumer: Any = KafkaConsumer(bootstrap_servers=stack.brokers, enable_auto_commit=False)
        partitions = [TopicPartition(ALERTS, n) for n in counts]
        self._consumer.assign(partitions)
        self._consumer.seek_to_beginning(*partitions)

    def look(self) -> Self:
        while polled := self._consumer.poll(timeout_ms=200):
            for batch in polled.values():
                for record in batch:
                    event = decode(record.value)
                    if event.timeline != self._timeline:
                        continue
                    if isinstance(event.data, ClockTickedV1):
                        source = event.data.source or ""
                        self._ticks[source] = max(event.data.as_of, self._ticks.get(source, event.data.as_of))
                    else:
                        self.values.append((record.key, record.value))
        return self

    def complete(self, end: datetime, kinds: tuple[str, ...] = ("cases", "subjects")) -> bool:
        """Whether every partition of the folds has passed on the tick `end`."""
        self.look()
        wanted = {s for s in self._sources if ("subjects" if s.startswith(FACTS) else "cases") in kinds}
        return all(self._ticks.get(source, end.min.replace(tzinfo=end.tzinfo)) >= end for source in wanted)

    def await_end(self, end: datetime, seconds: float = 90, kinds: tuple[str, ...] = ("cases", "subjects")) -> Self:
        eventually(lambda: self.complete(end, kinds), seconds)
        return self

    def versions(self) -> dict[bytes, list[bytes]]:
        """Alert -> its distinct versions in the order of the log. Raises when one version was written in two ways."""
        found: dict[bytes, dict[int, bytes]] = {}
        for key, value in self.values:
            version = decode(value).data.version
            assert found.setdefault(key, {}).setdefault(version, value) == value, f"two texts of {key!r} {version}"
        return {key: list(versions.values()) for key, versions in found.items()}

    def last(self) -> list[AlertV1]:
        """The alerts as a board that keeps the highest version would show them."""
        return [max((decode(v).data for v in texts), key=lambda a: a.version) for texts in self.versions().values()]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()


def against_the_oracle(found: Iterable[AlertV1], city: Town) -> tuple[list[Expected], list[Expected]]:
    """(missing, unexpected) by the simulator's own oracle."""
    rows = (as_expected(msgspec.to_builtins(alert)) for alert in found)
    return difference(rows, expected(city.commands, POLICIES, city.end))
