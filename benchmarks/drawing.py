"""Figures as one SVG: a group of bars for each benchmark and unit. Free of files."""

from collections.abc import Iterable
from html import escape

from benchmarks.figures import Figure

_LEFT, _BAR, _WIDTH, _LINE, _RIGHT = 190, 380, 760, 20, 12
_OURS, _OTHERS = "#b3261e", "#8a8f98"


def draw(figures: Iterable[Figure]) -> str:
    """The bars' lengths are medians, the thin lines reach from the smallest run to the largest."""
    groups: dict[tuple[str, str], dict[str, Figure]] = {}
    for figure in figures:
        groups.setdefault((figure.benchmark, figure.unit), {}).setdefault(figure.engine, figure)
    parts, y = list[str](), 26
    for (benchmark, unit), engines in groups.items():
        parts.append(f'<text x="{_RIGHT}" y="{y}" class="title">{escape(benchmark)}: {escape(unit)}</text>')
        most = max(max(figure.runs) for figure in engines.values()) or 1.0
        for engine, figure in sorted(engines.items(), key=lambda item: -item[1].value):
            y += _LINE
            parts += _bar(y, engine, figure, most)
        y += 2 * _LINE
    style = "text{font:13px sans-serif;fill:#24292f}.title{font-weight:bold}.end{text-anchor:end}"
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y}" width="{_WIDTH}" height="{y}">'
        f'<style>{style}</style><rect width="100%" height="100%" fill="#fff"/>\n{body}\n</svg>\n'
    )


def _bar(y: int, engine: str, figure: Figure, most: float) -> list[str]:
    length, low, high = (_BAR * max(value, 0) / most for value in (figure.value, min(figure.runs), max(figure.runs)))
    colour = _OURS if engine.startswith("duban") else _OTHERS
    number = f"{figure.value:,.0f}" if figure.value >= 100 else f"{figure.value:.3g}"
    return [
        f'<text x="{_LEFT - 8}" y="{y}" class="end">{escape(engine)}</text>',
        f'<rect x="{_LEFT}" y="{y - 11}" width="{length:.1f}" height="13" fill="{colour}"/>',
        f'<line x1="{_LEFT + low:.1f}" x2="{_LEFT + high:.1f}" y1="{y - 4.5}" y2="{y - 4.5}" stroke="#24292f"/>',
        f'<text x="{_LEFT + max(length, high) + 8:.1f}" y="{y}">{number}</text>',
    ]
