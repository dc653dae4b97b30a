"""One run of one engine over a log that lies in Kafka already: its alerts compared, its speed and cost measured."""

import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import msgspec

from benchmarks import engines
from benchmarks.engines import Engine
from benchmarks.job import Job
from benchmarks.kafka import Kafka, Out
from benchmarks.measure import Machine, Sampler
from benchmarks.spans import span

IDLE_SECONDS = 60.0  # an engine that adds nothing for so long has ended


class Wrong(RuntimeError):
    """The engine's alerts are not those that were expected. The message says how many differ and names one."""


class Measured(msgspec.Struct, frozen=True):
    """events/s, CPU seconds per million events over the same span, peak MB, alerts written more than once, share of
    the machine that other programs took."""

    rate: float
    cpu: float
    memory: float
    repeated: int
    others: float = 0.0


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """`expected`: every alert as (id, what it says); `causes`: id -> (place, offset), of some or of all; `warm` of the
    `records` of the log come first. `readable` gives the (id, what it says) of a record, None for what is no alert.
    `fresh` topics are emptied before each run, like `output`."""

    inputs: list[str]
    output: str
    expected: set[tuple[str, object]]
    causes: Mapping[str, tuple[int | str, int]]
    warm: int
    records: int
    readable: Callable[[Out], tuple[str, object] | None]
    fresh: list[str] = []


def measure(kafka: Kafka, engine: Engine, task: Task, folder: Path, interval: float) -> Measured:
    """Run the engine from the beginning of the log to its last alert. Raises Wrong, Missing, TimeoutError."""
    name = f"{engine.name}-{uuid.uuid4().hex[:8]}"
    kafka.new_topics(task.output, *task.fresh)
    job = Job(
        brokers=kafka.brokers, inputs=task.inputs, output=task.output, group=f"bench-{name}", state=str(folder / name),
        interval=interval,
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"{name}.log"
    process = engines.start(engine, job, log)
    seen = Seen(kafka, task)
    try:
        sampler, machine = Sampler(process.pid), Machine()
        try:
            _await(seen, process.poll, log)
        finally:
            sampler.stop()
            others = machine.others()
    finally:
        engines.stop(process)
    seen.look()
    compare(seen.said, task.expected)
    over = span(seen.times, task.causes, task.warm, task.records)
    return Measured(
        rate=over.rate, cpu=sampler.cpu_between(over.start, over.end) / over.events * 1e6,
        memory=sampler.peak_bytes / 1e6, repeated=len(seen.times) - len(task.expected), others=others,
    )  # fmt: skip


class Seen:
    """The alerts in the output of a run. Nothing is read before as many records are there as alerts are expected, so
    that reading takes nothing from the engine."""

    def __init__(self, kafka: Kafka, task: Task) -> None:
        self.said: set[tuple[str, object]] = set()
        self.times: list[tuple[float, str]] = []
        self._kafka, self._task = kafka, task
        self._tail = kafka.tail(task.output)

    def size(self) -> int:
        return self._kafka.size(self._task.output)

    def complete(self, size: int) -> bool:
        """Whether the output, which holds `size` records, holds every expected alert."""
        if size < len(self._task.expected):
            return False
        self.look()
        return len(self.said) >= len(self._task.expected)

    def look(self) -> None:
        for record in self._tail.more():
            alert = self._task.readable(record)
            if alert is not None:
                self.said.add(alert)
                self.times.append((record.at, alert[0]))


def compare(found: set[tuple[str, object]], wanted: Iterable[tuple[str, object]]) -> None:
    """Raises Wrong unless both are equal."""
    wanted = set(wanted)
    missing, extra = wanted - found, found - wanted
    if missing or extra:
        one = next(iter(missing or extra))
        raise Wrong(f"{len(missing)} alerts missing, {len(extra)} unexpected, among them {one}")


def _await(seen: Seen, ended: Callable[[], int | None], log: Path) -> None:
    """Until the output holds every alert that is expected, or nothing has come for a long time."""
    last, since = -1, time.monotonic()
    while True:
        if (code := ended()) is not None:
            raise Wrong(f"the engine ended with {code} after {last} records: {_tail(log)}")
        size = seen.size()
        if size != last:
            if seen.complete(size):
                return
            last, since = size, time.monotonic()
        elif time.monotonic() - since > IDLE_SECONDS:
            return
        time.sleep(0.1)


def _tail(log: Path) -> str:
    return " / ".join(log.read_text(errors="replace").splitlines()[-3:])[-400:]
