"""`python -m benchmarks.tables`: the figures of latest.json as tables in docs/performance.md, between its marks."""

from pathlib import Path

from benchmarks import results
from benchmarks.figures import Figure

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
BEGIN, END = "<!-- figures: written by python -m benchmarks.tables -->", "<!-- end of figures -->"


def tables(figures: list[Figure]) -> str:
    """A table for each group of benchmarks: a line for each figure, engine and unit, its ratios side by side."""
    found: list[str] = []
    for group in dict.fromkeys(_group(figure) for figure in figures):
        lines: dict[tuple[str, str, str], list[Figure]] = {}
        for figure in figures:
            if _group(figure) == group:
                lines.setdefault((figure.benchmark, figure.unit, figure.engine), []).append(figure)
        runs = max(len(several[0].runs) for several in lines.values())
        found += [f"### {group}, {runs} run{'s' if runs > 1 else ''}", ""]
        found += ["| what | engine | unit | min | median | max | ratio |", "|---|---|---|--:|--:|--:|---|"]
        found += [_line(*key, several) for key, several in lines.items()]
        found.append("")
    return "\n".join(found)


def _group(figure: Figure) -> str:
    return figure.benchmark.partition(":")[0]


def _line(benchmark: str, unit: str, engine: str, figures: list[Figure]) -> str:
    one = figures[0]
    what = benchmark.partition(": ")[2] or "events folded"
    numbers = " | ".join(_number(value) for value in (min(one.runs), one.value, max(one.runs)))
    ratios = ", ".join(f"{f.ratio:.2f} × {f.ratio_to}" for f in figures if f.ratio is not None)
    return f"| {what} | {engine} | {unit} | {numbers} | {ratios} |"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def main() -> None:
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{tables(results.read())}\n{END}{after}")


if __name__ == "__main__":
    main()
