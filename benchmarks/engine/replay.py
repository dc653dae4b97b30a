"""Replay: a year of a province through the real cases worker on Kafka: events/s stays flat, memory bounded.

The generator keeps a bounded number of records ahead of the worker. So many counties take part that their year fits the
time there is, by a short year of a few counties before; at most 50 million events. Generator, broker and worker share
the machine. What is counted is what the worker has folded, ticks included, checkpoints at production's interval.
"""

import threading
import time
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Self

import psutil

from benchmarks.engine.common import short, size_of
from benchmarks.engine.province import Out, Province
from benchmarks.figures import Figure, Settings, figure
from benchmarks.kafka import Kafka, until
from benchmarks.report import say
from tests.support import crew
from tests.support.processes_of_sources import Process

MOST = 50_000_000
AHEAD, LOOK_EVERY = 150_000, 10_000
WARM_COUNTIES = 8
Sample = tuple[float, float, int, float]


class Watch:
    """Samples of a worker: (time, records folded, resident bytes, effects)."""

    def __init__(self, worker: Process) -> None:
        self.samples: list[Sample] = []
        self._worker, self._process = worker, psutil.Process(worker.process.pid)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def folded(self) -> float:
        return self._worker.metric("duban_supervision_records_total")

    def _run(self) -> None:
        while not self._over.wait(0.25):
            effects = self._worker.metric("duban_supervision_effects_total")
            self.samples.append((time.perf_counter(), self.folded(), self._process.memory_info().rss, effects))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def run(settings: Settings) -> list[Figure]:
    """Events/s and peak memory of the first and the last tenth, and how far the tenths differ."""
    days, seconds = (91, 40.0) if settings.quick else (365, 600.0)
    with crew.kafka_alone(settings.folder / "replay") as stack:
        worker = crew.worker(stack, "cases-1").ready()
        try:
            kafka = Kafka(stack.brokers)
            rate = _warm(kafka, worker)
            province = Province("province", days)
            events = settings.events or min(MOST, int(rate * seconds))
            counties = max(1, events // province.per_county)
            before = worker.metric("duban_supervision_records_total")
            with Watch(worker) as watch:
                sent = kafka.put(_held(province.records(counties), watch, before))
                until(lambda: watch.folded() >= before + sent, "all folded", 600, every=0.1)
                time.sleep(0.5)
            alerts = worker.metric("duban_supervision_effects_total", topic="alerts.v1")
            kafka.close()
        finally:
            worker.kill()
        disk = size_of(crew.disk_of(stack, "cases-1"))
    span = "a year" if days == 365 else f"{days} days"
    figures = _of([(at, count - before, *rest) for at, count, *rest in watch.samples], sent, span)  # type: ignore[misc]
    say(
        f"replay: {sent:,} records, {span} of {counties:,} counties, {alerts:,.0f} records written to alerts.v1, "
        f"{disk / 1e6:,.0f} MB on disk" + ("" if sent >= MOST else f"; as many as fit {seconds:.0f} s")
    )
    return figures


def _warm(kafka: Kafka, worker: Process) -> float:
    """Records a second of a short year, after which nothing is cold."""
    province = Province("warm", days=120)
    begun = time.perf_counter()
    sent = kafka.put(province.records(WARM_COUNTIES))
    until(lambda: worker.metric("duban_supervision_records_total") >= sent, "warm", 300, every=0.05)
    return sent / (time.perf_counter() - begun)


def _held(records: Iterable[Out], watch: Watch, before: float) -> Iterator[Out]:
    """The records, no more than AHEAD of them before the worker has folded what came earlier."""
    for number, record in enumerate(records):
        if number % LOOK_EVERY == 0 and number > AHEAD:
            until(lambda done=number - AHEAD: watch.folded() - before >= done, "folded", 600)  # type: ignore[misc]
        yield record


def _of(samples: list[Sample], sent: int, span: str) -> list[Figure]:
    """The tenths of the log do not hold equal work: early on nothing is overdue. So what is put out counts beside what
    is taken in."""
    begun = max((s for s in samples if s[1] <= 0), default=samples[0], key=lambda s: s[0])
    ends = [begun] + [next(s for s in samples if s[1] >= sent * n / 10) for n in range(1, 11)]
    times = [end[0] for end in ends]
    rates = [sent / 10 / (end - start) for start, end in pairwise(times)]
    moved = [(sent / 10 + end[3] - start[3]) / (end[0] - start[0]) for start, end in pairwise(ends)]
    peaks = [max((s[2] for s in samples if start <= s[0] <= end), default=0) / 1e6 for start, end in pairwise(times)]
    title = f"replay: {span}, {short(round(sent, -5) if sent > 100_000 else sent)} events"
    first = figure(f"{title}, first tenth", "duban", "events/s", [rates[0]])
    memory = figure(f"{title}, peak memory, first tenth", "duban", "MB", [peaks[0]])
    return [
        figure(f"{title}, whole", "duban", "events/s", [sent / (times[-1] - times[0])]),
        first,
        figure(f"{title}, last tenth", "duban", "events/s", [rates[-1]], first),
        figure(f"{title}, tenths", "duban", "events/s", rates),
        figure(f"{title}, slowest tenth / fastest", "duban", "ratio", [min(rates) / max(rates)]),
        figure(f"{title}, records in and out, tenths", "duban", "records/s", moved),
        figure(f"{title}, records in and out, slowest tenth / fastest", "duban", "ratio", [min(moved) / max(moved)]),
        memory,
        figure(f"{title}, peak memory, last tenth", "duban", "MB", [peaks[-1]], memory),
        figure(f"{title}, peak memory, tenths", "duban", "MB", peaks),
    ]
