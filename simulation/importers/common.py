"""What every importer shares: opening a log, reading rows without losing any, instants. Free of any log's columns."""

import csv
import gzip
import hashlib
import io
import zlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

import msgspec

from simulation.stream import Command

_EXCERPT = 400
_LONGEST_LINE = 1 << 20
_LONGEST_ROW = 50
_YEARS = range(1900, 2200)


class NotThisForm(ValueError):
    """The file is not a log of this form at all. The message is one line for the person who gave it."""


class BadField(ValueError):
    """A field that cannot be read; the message says which and why."""


class Unreadable(msgspec.Struct, frozen=True, kw_only=True):
    """A row (or an event) that could not be read: where it stands, why, and the beginning of it."""

    line: int
    reason: str
    raw: str


Report = Callable[[Unreadable], None]


class ImportedLog(msgspec.Struct, kw_only=True):
    """A log as commands in event time. `end` is the last tick: the instant up to which the log speaks."""

    name: str
    kind: str
    zone: ZoneInfo
    cases: int
    commands: list[Command]
    end: datetime | None


def open_log(path: Path) -> BinaryIO:
    """The uncompressed bytes of a plain or gzip file, told apart by its content. Raises NotThisForm."""
    try:
        plain = path.open("rb")
    except OSError as error:
        raise NotThisForm(f"{path}: {error.strerror or error}") from None
    magic = plain.read(2)
    plain.seek(0)
    return gzip.GzipFile(fileobj=plain) if magic == b"\x1f\x8b" else plain  # type: ignore[return-value]


def digest(path: Path) -> str:
    """The SHA-256 of the uncompressed content, in hexadecimal. Raises NotThisForm for a damaged gzip file."""
    sha = hashlib.sha256()
    try:
        with open_log(path) as stream:
            while block := stream.read(1 << 20):
                sha.update(block)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise NotThisForm(f"{path}: damaged gzip file: {error}") from None
    except OSError as error:
        raise NotThisForm(f"{path}: {error.strerror or error}") from None
    return sha.hexdigest()


def unreadable(line: int, reason: str, raw: str) -> Unreadable:
    """An entry of the report file; `raw` is cut to an excerpt that any editor can show."""
    excerpt = raw[:_EXCERPT].encode("utf-8", "backslashreplace").decode()
    return Unreadable(line=line, reason=reason, raw=excerpt.rstrip("\r\n"))


def rows(
    stream: BinaryIO, form: str, required: Sequence[str | tuple[str, ...]], report: Report
) -> Iterator[tuple[int, dict[str, str], str]]:
    """(line, fields by column, raw text) for each row of a CSV file; what cannot be read goes to `report`.

    A row may span lines inside quotes. When such a row turns out wrong, only its first line is given up, so that a
    stray quote does not swallow what follows. A tuple in `required` names a column and its other names. Raises
    NotThisForm when a required column is missing.
    """
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
    header_line = text.readline(_LONGEST_LINE)
    columns, delimiter = _header(header_line, form, required)
    line = 1
    ahead: list[str] = []
    while True:
        first = ahead.pop(0) if ahead else text.readline(_LONGEST_LINE)
        if not first:
            return
        line += 1
        if not first.strip():
            continue
        fields, reason, more = _fields([first], delimiter, len(columns))
        taken = [first]
        while more and len(taken) < _LONGEST_ROW:
            if len(taken) > len(ahead):
                ahead.append(text.readline(_LONGEST_LINE))
            if not ahead[-1]:
                break
            taken.append(ahead[len(taken) - 1])
            fields, reason, more = _fields(taken, delimiter, len(columns))
        if fields is None:
            report(unreadable(line, reason, first))
            continue
        del ahead[: len(taken) - 1]
        yield line, dict(zip(columns, fields, strict=True)), first
        line += len(taken) - 1


def _header(first: str, form: str, required: Sequence[str | tuple[str, ...]]) -> tuple[list[str], str]:
    names = [(r,) if isinstance(r, str) else r for r in required]
    missing: list[str] = []
    for delimiter in (",", ";", "\t"):
        try:
            columns = [c.strip() for c in next(csv.reader([first], delimiter=delimiter), [])]
        except csv.Error:
            continue
        lacking = [name[0] for name in names if not set(name) & set(columns)]
        if not lacking:
            for name, *others in names:
                columns = [name if c in others and name not in columns else c for c in columns]
            return columns, delimiter
        missing = missing if missing and len(missing) <= len(lacking) else lacking
    raise NotThisForm(f"not {form}: the first line has no column {', '.join(missing) or '?'}")


def _fields(taken: list[str], delimiter: str, expected: int) -> tuple[list[str] | None, str, bool]:
    """The fields, or why there are none and whether another line may complete the row."""
    try:
        read = list(csv.reader(taken, delimiter=delimiter, strict=True))
    except csv.Error as error:
        return None, f"not a row: {error}", "unexpected end" in str(error)
    fields = read[0] if len(read) == 1 else []
    if len(fields) != expected:
        return None, f"{expected} columns expected, {len(fields)} found", False
    if any("\udc80" <= char <= "\udcff" for field in fields if not field.isascii() for char in field):
        return None, "not UTF-8 text", False
    return fields, "", False


def needed(fields: dict[str, str], column: str) -> str:
    """The field, stripped. Raises BadField when it is empty."""
    value = fields[column].strip()
    if not value:
        raise BadField(f"{column} is missing")
    return value


def instant(fields: dict[str, str], column: str, zone: ZoneInfo) -> datetime | None:
    """The instant in UTC, or None for an empty field. Without an offset it is local time in `zone`, and in the hour
    that the clock shows twice the first one is meant. Raises BadField."""
    value = (fields.get(column) or "").strip()
    return None if not value else parse_instant(value, column, zone)


def parse_instant(value: str, column: str, zone: ZoneInfo) -> datetime:
    """ISO 8601 text as an instant in UTC; see `instant`. Raises BadField."""
    try:
        at = datetime.fromisoformat(value)
        if at.year not in _YEARS:
            raise BadField(f"{column}: the year of {value[:40]!r} is out of range")
        return (at if at.tzinfo else at.replace(tzinfo=zone, fold=0)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        if isinstance(error, BadField):
            raise
        raise BadField(f"{column}: {value[:40]!r} is not a date and time") from None


def number_repeated(label: str, seen: dict[str, int]) -> str:
    """`label`, or "label#2", "label#3"… when it has been seen before."""
    seen[label] = seen.get(label, 0) + 1
    return label if seen[label] == 1 else f"{label}#{seen[label]}"
