"""`python -m benchmarks.tables`: the figures of latest.json as tables in docs/performance.md, between its marks."""

from pathlib import Path

from benchmarks import results
from benchmarks.figures import Figure

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
BEGIN, END = "<!-- figures: written by python -m benchmarks.tables -->", "<!-- end of figures -->"


def tables(figures: list[Figure]) -> str:
    """A table for each benchmark: a line an engine and unit, ratios of the same engine side by side."""
    found: list[str] = []
    for benchmark in dict.fromkeys(figure.benchmark for figure in figures):
        lines: dict[tuple[str, str], list[Figure]] = {}
        for figure in figures:
            if figure.benchmark == benchmark:
                lines.setdefault((figure.unit, figure.engine), []).append(figure)
        found += [f"### {benchmark}", "", "| unit | engine | min | median | max | ratio |", "|---|---|--:|--:|--:|---|"]
        found += [_line(unit, engine, several) for (unit, engine), several in lines.items()]
        found.append("")
    return "\n".join(found)


def _line(unit: str, engine: str, figures: list[Figure]) -> str:
    one = figures[0]
    numbers = " | ".join(_number(value) for value in (min(one.runs), one.value, max(one.runs)))
    ratios = ", ".join(f"{f.ratio:.2f} × {f.ratio_to}" for f in figures if f.ratio is not None)
    return f"| {unit} | {engine} | {numbers} | {ratios} |"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def main() -> None:
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{tables(results.read())}\n{END}{after}")


if __name__ == "__main__":
    main()
