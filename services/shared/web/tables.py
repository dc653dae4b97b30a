"""Lists as CSV, for spreadsheets. Free of what is listed."""

import csv
from collections.abc import Iterable
from io import StringIO

MARK = "\ufeff"  # before the first line, so that a spreadsheet reads UTF-8


def line(cells: Iterable[object]) -> str:
    """One line with its end; a text that a spreadsheet would run as a formula is defused, None is empty."""
    out = StringIO()
    csv.writer(out).writerow([_cell(cell) for cell in cells])
    return out.getvalue()


def _cell(value: object) -> str:
    if not isinstance(value, str):
        return "" if value is None else str(value)
    return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t")) else value
