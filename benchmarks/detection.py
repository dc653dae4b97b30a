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
from benchmarks.measure import Sampler
from benchmarks.spans import span

IDLE_SECONDS = 60.0  # an engine that adds nothing for so long has ended


class Wrong(RuntimeError):
    """The engine's alerts are not those that were expected. The message says how many differ and names one."""


class Measured(msgspec.Struct, frozen=True):
    """events/s, CPU seconds per million events over the same span, peak MB, alerts written more than once."""

    rate: float
    cpu: float
    memory: float
    repeated: int


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """`expected`: every alert as (id, what it says); `causes`: id -> (partition, offset); `warm` events come first.
    `readable` gives the (id, what it says) of a record."""

    inputs: list[str]
    output: str
    expected: set[tuple[str, object]]
    causes: Mapping[str, tuple[int, int]]
    warm: int
    readable: Callable[[Out], tuple[str, object]]


def measure(kafka: Kafka, engine: Engine, task: Task, folder: Path, interval: float) -> Measured:
    """Run the engine from the beginning of the log to its last alert. Raises Wrong, Missing, TimeoutError."""
    name = f"{engine.name}-{uuid.uuid4().hex[:8]}"
    kafka.new_topics(task.output)
    job = Job(
        brokers=kafka.brokers, inputs=task.inputs, output=task.output, group=f"bench-{name}", state=str(folder / name),
        interval=interval,
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"{name}.log"
    process = engines.start(engine, job, log)
    try:
        sampler = Sampler(process.pid)
        try:
            _await(kafka, task, process.poll, log)
        finally:
            sampler.stop()
    finally:
        engines.stop(process)
    found = kafka.read(task.output)
    named = [(record.at, task.readable(record)) for record in found]
    compare({text for _, text in named}, task.expected)
    over = span(((at, name) for at, (name, _) in named), task.causes, task.warm)
    return Measured(
        rate=over.rate, cpu=sampler.cpu_between(over.start, over.end) / over.events * 1e6,
        memory=sampler.peak_bytes / 1e6, repeated=len(found) - len(task.expected),
    )  # fmt: skip


def compare(found: set[tuple[str, object]], wanted: Iterable[tuple[str, object]]) -> None:
    """Raises Wrong unless both are equal."""
    wanted = set(wanted)
    missing, extra = wanted - found, found - wanted
    if missing or extra:
        one = next(iter(missing or extra))
        raise Wrong(f"{len(missing)} alerts missing, {len(extra)} unexpected, among them {one}")


def _await(kafka: Kafka, task: Task, ended: Callable[[], int | None], log: Path) -> None:
    """Until the output holds as many records as are expected, or nothing has come for a long time."""
    seen, since = -1, time.monotonic()
    while seen < len(task.expected):
        if (code := ended()) is not None:
            raise Wrong(f"the engine ended with {code} after {seen} alerts: {_tail(log)}")
        size = kafka.size(task.output)
        if size != seen:
            seen, since = size, time.monotonic()
        elif time.monotonic() - since > IDLE_SECONDS:
            break
        time.sleep(0.1)


def _tail(log: Path) -> str:
    return " / ".join(log.read_text(errors="replace").splitlines()[-3:])[-400:]
