"""Bar charts as SVG made on the server: zero-based, each bar labelled with its value. No script, no style attribute."""

from collections.abc import Sequence
from xml.sax.saxutils import escape

import msgspec

ROW, BAR, GAP = 30, 10, 4
WIDTH, LABEL_Y = 320, 12
VALUE_WIDTH = 44


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """One bar of `value`, of which `red` are red cards. `note` says both in words; `href` narrows the board to it."""

    label: str
    value: int
    red: int
    note: str
    href: str


def bars(data: Sequence[Bar], title: str) -> str:
    """An <svg> with one horizontal bar a row, the label above it and the value at its end."""
    height = ROW * len(data) + GAP
    scale = (WIDTH - VALUE_WIDTH) / max((bar.value for bar in data), default=1)
    rows = "".join(_row(bar, n * ROW + GAP, scale) for n, bar in enumerate(data))
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {height}" role="group" aria-label="{_quoted(title)}" '
        f'xmlns="http://www.w3.org/2000/svg">{rows}'
        f'<line class="chart-zero" x1="0.5" x2="0.5" y1="0" y2="{height}"/></svg>'
    )


def _row(bar: Bar, y: int, scale: float) -> str:
    length, red = bar.value * scale, bar.red * scale
    top = y + LABEL_Y + 3
    return (
        f'<a href="{_quoted(bar.href)}"><title>{escape(bar.note)}</title>'
        f'<rect class="chart-hit" x="0" y="{y}" width="{WIDTH}" height="{ROW - 2}"/>'
        f'<text class="chart-label" x="5" y="{y + LABEL_Y - 1}">{escape(bar.label)}</text>'
        f'<rect class="chart-bar" x="0" y="{top}" width="{length:.1f}" height="{BAR}"/>'
        f'<rect class="chart-red" x="0" y="{top}" width="{red:.1f}" height="{BAR}"/>'
        f'<text class="chart-value" x="{length + 6:.1f}" y="{top + BAR - 1}">{bar.value}</text></a>'
    )


def _quoted(text: str) -> str:
    return escape(text, {'"': "&quot;"})
