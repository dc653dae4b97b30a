"""Handover: a second worker joins, and the first gives up all of its 64 stores and opens half of them again."""

from pathlib import Path
from typing import Any

import msgspec

from benchmarks.engine.common import short
from benchmarks.engine.opencases import OpenCases, answered
from benchmarks.engines import Engine, start, stop
from benchmarks.figures import Figure, figure
from benchmarks.job import Job
from benchmarks.kafka import Kafka, until
from services.supervision.runtime.transport import BatchApp

PARTITIONS = 64


def handover(kafka: Kafka, runs: int, folder: Path, count: int) -> list[Figure]:
    """Milliseconds of closing 64 stores with their checkpoints, and until all are open again, in two workers."""
    cases = OpenCases(kafka, "bench-open-64", count, PARTITIONS)
    closing, whole = list[float](), list[float]()
    for number in range(runs):
        closed, opened = _once(kafka, cases, folder / f"handover-{number}", number)
        assert len(closed) == PARTITIONS, f"{len(closed)} stores were closed"
        closing.append((closed[-1] - closed[0]) * PARTITIONS / (PARTITIONS - 1) * 1000)
        whole.append((opened[-1] - closed[0]) * 1000)
    limit = BatchApp("limits", brokers="none").conf.broker_max_poll_interval * 1000
    allowed = figure(f"recovery: handover of 64 partitions, {short(count)} open", "max.poll.interval.ms", "ms", [limit])
    return [
        figure(f"recovery: giving up 64 partitions, {short(count)} open", "duban", "ms", closing, allowed),
        figure(allowed.benchmark, "duban", "ms", whole, allowed),
        allowed,
    ]


def _once(kafka: Kafka, cases: OpenCases, folder: Path, number: int) -> tuple[list[float], list[float]]:
    """When the first worker closed its stores, and when both had opened theirs, in s since the epoch."""
    job = Job(
        brokers=kafka.brokers, inputs=[cases.topic], output="bench-alerts-64", group=f"handover-{number}",
        state=str(folder), interval=5.0,
    )  # fmt: skip
    kafka.new_topics(job.output)
    folder.mkdir()
    logs = {member: folder / f"{member}.log" for member in "ab"}
    engines = {m: Engine(name="duban", module="benchmarks.engine.hosted", hosts=f"duban:{m}") for m in logs}
    first = start(engines["a"], job, logs["a"])
    try:
        answered(kafka.tail(job.output), cases.probe(), 600)
        before = len(_events(logs["a"], "store.opened"))
        second = start(engines["b"], job, logs["b"])
        try:
            until(lambda: len(_opened(logs, before)) == PARTITIONS, "handed over", 120)
            answered(kafka.tail(job.output), cases.probe(), 120)
            return _events(logs["a"], "store.closed"), _opened(logs, before)
        finally:
            stop(second)
    finally:
        stop(first)


def _opened(logs: dict[str, Path], before: int) -> list[float]:
    return sorted(_events(logs["a"], "store.opened")[before:] + _events(logs["b"], "store.opened"))


def _events(log: Path, name: str) -> list[float]:
    """The instants of a log's lines of that name."""
    found: list[float] = []
    for line in log.read_bytes().splitlines() if log.exists() else ():
        if line.startswith(b"{"):
            entry: dict[str, Any] = msgspec.json.decode(line)
            if entry.get("event") == name:
                found.append(entry["at"])
    return found
