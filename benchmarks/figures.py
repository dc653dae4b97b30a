"""What a benchmark is given and what it hands back. Free of engines and of output."""

from collections.abc import Callable
from pathlib import Path
from statistics import median

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """`events` is the size asked for, 0 for the benchmark's own; `folder` is a temporary folder that may be filled."""

    quick: bool
    runs: int
    events: int
    folder: Path


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One number of one engine. `value` is the median of `runs`; `ratio` is value / value of the engine `ratio_to`."""

    benchmark: str
    engine: str
    value: float
    unit: str
    ratio_to: str | None = None
    ratio: float | None = None
    runs: list[float]


Benchmark = Callable[[Settings], list[Figure]]


def figure(benchmark: str, engine: str, unit: str, runs: list[float], against: Figure | None = None) -> Figure:
    """The figure of `runs` (not empty), as a ratio to the figure `against` where there is one."""
    value = median(runs)
    ratio = value / against.value if against is not None and against.value else None
    return Figure(
        benchmark=benchmark, engine=engine, value=value, unit=unit, ratio_to=against.engine if against else None,
        ratio=ratio, runs=runs,
    )  # fmt: skip
