"""Timers: what a tick costs when nothing is due, and a million deadlines that pass at once. No Kafka is needed.

Sizes F, 3F, 10F of open clocks in one partition's store (F: 1,000,000, quick 100,000). Then F clocks of one day pass at
once, three times, each time after a poll of a `due_at` index in MongoDB has fired its own: interleaved, same run.
"""

import gc
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from statistics import linear_regression, median

import psutil
from msgspec.structs import replace

from benchmarks.engine.common import TOPIC, batches, midnight, noon, partition_fold, short, size_of, tick, visits
from benchmarks.engine.firing import Firing, fire
from benchmarks.engine.polling import Poll, polled
from benchmarks.figures import Figure, Settings, figure
from services.supervision.runtime.partition import PartitionFold
from services.supervision.runtime.reader import ReadRecord
from services.supervision.runtime.store import PartitionStore
from services.supervision.runtime.worker import YOUNG_OBJECTS

TICKS = 200
COHORTS = 3


def run(settings: Settings) -> list[Figure]:
    """Figures of ticks, of mass firing against the poll, and of what an open case takes."""
    before = gc.get_threshold()
    gc.set_threshold(YOUNG_OBJECTS)  # as a worker does
    try:
        return _figures(settings)
    finally:
        gc.set_threshold(*before)


def _figures(settings: Settings) -> list[Figure]:
    cohort = settings.events or (100_000 if settings.quick else 1_000_000)
    folder = settings.folder / "timers"
    store = PartitionStore(folder / "store")
    partition = partition_fold(store)
    figures, costs, begun = list[Figure](), list[tuple[int, list[float]]](), _rss()
    opened, ticks = 0, count()
    days = [(0, cohort), (1, cohort), (2, cohort), (3, 7 * cohort)]  # day of the visits, how many
    for day, number in days:
        _open(partition, opened, number, day)
        opened += number
        if opened in (cohort, 3 * cohort, 10 * cohort):
            costs.append((opened, [_ticks(partition, ticks) for _ in range(settings.runs)]))
    figures += _of_ticks(costs)
    figures.append(figure(f"timers: memory per case, {short(opened)} open", "duban", "B", [(_rss() - begun) / opened]))
    figures.append(figure(f"timers: disk per case, {short(opened)} open", "duban", "B", [size_of(store.path) / opened]))
    store.close()
    started = time.perf_counter()
    store = PartitionStore(folder / "store")
    partition = partition_fold(store)
    _take(partition, midnight(3))
    reopened = (time.perf_counter() - started) * 1e3
    figures.append(figure(f"timers: reopening {short(opened)} and first tick", "duban", "ms", [reopened]))
    with polled(folder, min(cohort // 25, 20_000), COHORTS) as poll:
        figures += _of_firing(partition, cohort, opened, folder, poll)
    store.close()
    return figures


def _of_firing(partition: PartitionFold, cohort: int, opened: int, folder: Path, poll: Poll) -> list[Figure]:
    fired, polls = list[Firing](), list[float]()
    for number, as_of in enumerate((midnight(4), midnight(5), midnight(8))):  # a visit on Monday is due on Thursday
        polls.append(poll.fire(number))
        fired.append(fire(partition, as_of, folder / f"other-{number}"))
        assert fired[-1].clocks == cohort, f"{fired[-1].clocks:,} clocks fired, {cohort:,} were due"
    of = f"{short(cohort)} due of {short(opened)} open"
    peer = figure(f"timers: {of}", f"due_at poll, {short(poll.due)} due, {poll.server}", "clocks/s", polls)
    return [
        figure(peer.benchmark, "duban", "clocks/s", [f.rate for f in fired], peer),
        peer,
        figure(f"timers: CPU a clock, {of}", "duban", "us", [f.cpu_us for f in fired]),
        figure(f"timers: longest piece, {of}", "duban", "ms", [f.longest_piece_ms for f in fired]),
        figure(f"timers: longest wait of others, {of}", "duban", "ms",
               [f.longest_wait_ms for f in fired]),
        figure(f"timers: the tick after, {of}", "duban", "ms", [f.write_after_ms for f in fired]),
    ]  # fmt: skip


def _of_ticks(costs: list[tuple[int, list[float]]]) -> list[Figure]:
    figures: list[Figure] = []
    for opened, runs in costs:
        first = figures[0] if figures else None
        found = figure(f"timers: idle tick, {short(opened)} open", "duban", "us", runs)
        if first is not None:
            found = replace(found, ratio_to=f"duban, {short(costs[0][0])} open", ratio=found.value / first.value)
        figures.append(found)
    slope = linear_regression([n / 1e6 for n, _ in costs], [median(runs) for _, runs in costs]).slope
    line = f"timers: idle tick, growth per 1M open, to {short(costs[-1][0])}"
    return [*figures, figure(line, "duban", "us", [slope])]


def _open(partition: PartitionFold, first: int, number: int, day: int) -> None:
    for batch in batches(visits(first, number, day), partition.store.offset):
        for _ in partition.take(batch):
            partition.store.acknowledge()


def _ticks(partition: PartitionFold, numbers: Iterator[int]) -> float:
    """The median cost in µs of ticks that pass nothing: decoded, marked, forwarded and written, each by itself."""
    took = []
    for _ in range(TICKS):
        at = noon(0) + timedelta(seconds=next(numbers))
        started = time.perf_counter()
        _take(partition, at)
        took.append((time.perf_counter() - started) * 1e6)
    return median(took)


def _take(partition: PartitionFold, as_of: datetime) -> None:
    offset = partition.store.offset
    for _ in partition.take([ReadRecord(TOPIC, 0, offset, 1_770_000_000_000, None, tick(as_of))]):
        partition.store.acknowledge()


def _rss() -> int:
    return int(psutil.Process().memory_info().rss)
