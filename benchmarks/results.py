"""The figures as a table, as latest.json and as latest.svg. Free of engines."""

from pathlib import Path

import msgspec
from rich.table import Table

from benchmarks import report
from benchmarks.drawing import draw
from benchmarks.figures import Figure

FOLDER = Path(__file__).with_name("results")
LATEST = FOLDER / "latest.json"


def write(figures: list[Figure], keep: bool = False) -> None:
    """latest.json and latest.svg; `keep` leaves the figures of benchmarks that are not among `figures`."""
    FOLDER.mkdir(exist_ok=True)
    if keep:
        new = {_family(figure) for figure in figures}
        figures = [figure for figure in read() if _family(figure) not in new] + figures
    LATEST.write_bytes(msgspec.json.format(msgspec.json.encode(figures), indent=1) + b"\n")
    LATEST.with_suffix(".svg").write_text(draw(figures))


def read() -> list[Figure]:
    """The figures of the last run; none when there was none."""
    return msgspec.json.decode(LATEST.read_bytes(), type=list[Figure]) if LATEST.exists() else []


def show(figures: list[Figure]) -> None:
    """min, median and max of the runs, and the ratio, a line a figure."""
    table = Table(title="benchmarks")
    for column in ("benchmark", "engine", "unit"):
        table.add_column(column, no_wrap=True)
    for column in ("min", "median", "max", "ratio"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("to", no_wrap=True)
    for figure in figures:
        ratio = f"{figure.ratio:.2f}" if figure.ratio is not None else ""
        numbers = [_number(n) for n in (min(figure.runs), figure.value, max(figure.runs))]
        table.add_row(figure.benchmark, figure.engine, figure.unit, *numbers, ratio, figure.ratio_to or "")
    report.console.print(table)


def _family(figure: Figure) -> str:
    """The "timers" of "timers: idle tick, 1M open": what is measured together is replaced together."""
    return figure.benchmark.partition(":")[0]


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
