"""One-time links as a table: plain, or each on a line of the list of enterprises that was sent (row A6). Pure.

The list goes out again with the links and is kept nowhere; who got which link is known to that table alone.
"""

import csv
from collections.abc import Sequence
from io import BytesIO, StringIO

from services.complaints.attachments.kinds import encoding_of
from services.complaints.surveys.domain.campaign import MAX_LINKS
from services.shared.web import tables

MAX_LIST = 1024 * 1024
HEADING = "link"


class BadList(Exception):
    """What was sent is no list of enterprises, or too long a one."""


def rows_of(content: bytes) -> list[list[str]]:
    """The lines of a CSV file but for empty ones, in UTF-8 or GB 18030 as spreadsheets save it. Raises BadList."""
    encoding = encoding_of(BytesIO(content)) if len(content) <= MAX_LIST else None
    if encoding is None:
        raise BadList
    try:
        rows = [row for row in csv.reader(StringIO(content.decode(encoding))) if any(cell.strip() for cell in row)]
    except csv.Error:
        raise BadList from None
    if not 1 <= len(rows) <= MAX_LINKS + 1:
        raise BadList
    return rows


def listed(rows: Sequence[Sequence[str]], heading: bool, links: Sequence[str]) -> str:
    """The list with a link on each line but the heading, as CSV."""
    head, body = (rows[:1], rows[1:]) if heading else ([], rows)
    lines = [tables.line([*row, HEADING]) for row in head]
    return tables.MARK + "".join([*lines, *(tables.line([*row, link]) for row, link in zip(body, links, strict=True))])


def plain(agency: str, links: Sequence[str]) -> str:
    """Links about one agency, as CSV."""
    return tables.MARK + "".join(tables.line(row) for row in [("agency", HEADING), *((agency, link) for link in links)])
