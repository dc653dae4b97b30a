"""Complaints from a table: boxes and letters typed in by a clerk, one row each (row A1). Free of files and of HTTP."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args

import msgspec

from services.complaints.domain.channels import CHANNELS, read_intake, refuse_personal
from services.contracts.complaints import Channel, ComplaintFiledV1
from services.contracts.identifiers import name_of

CHANNEL_NAMES: tuple[str, ...] = get_args(Channel)
_CASE_COLUMNS = ("offence", "agency", "section", "officer", "enterprise", "place", "item", "occurred_on", "text")
_REF = "ref"
_LISTS = frozenset({"openers"})
_YES, _NO = frozenset({"yes", "true", "1", "是"}), frozenset({"no", "false", "0", "否"})
Row = Mapping[str | None, Any]


class Filing(msgspec.Struct, frozen=True, kw_only=True):
    """A row as the request that files it. The same row of the same batch has the same `key` for ever."""

    line: int
    ref: str
    key: str
    body: dict[str, Any]


class BadRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row that is no complaint, with the reason; `line` counts from 1, the header being line 1."""

    line: int
    reason: str
    ref: str = ""


def columns(channel: Channel) -> tuple[str, ...]:
    """The columns that a table of this channel may have."""
    return (_REF, *_CASE_COLUMNS, *CHANNELS[channel].__struct_fields__)


def read_rows(
    channel: Channel, rows: Iterable[tuple[int, Row]], common: Mapping[str, str]
) -> Iterator[Filing | BadRow]:
    """Every row as a filing or with what is wrong about it. `common` are fields that hold for all rows.

    Rows with a `ref` are known by it; equal rows without one are told apart by how many came before.
    """
    seen: Counter[str] = Counter()
    for line, row in rows:
        values = dict(common) | {str(k): v.strip() for k, v in row.items() if k and isinstance(v, str) and v.strip()}
        ref = values.pop(_REF, "")
        try:
            if None in row:
                raise ValueError("more cells than columns")
            body = _body(channel, values)
        except ValueError as error:
            yield BadRow(line=line, reason=str(error), ref=ref)
            continue
        batch = str(body.get("intake", {}).get("batch", ""))
        same = name_of("row", channel, batch, ref or repr(sorted(body.items())))
        seen[same] += 1
        if ref and seen[same] > 1:
            yield BadRow(line=line, reason=f"ref {ref} stands in an earlier row of this file", ref=ref)
        else:
            yield Filing(line=line, ref=ref, key=name_of("filing", same, seen[same]), body=body)


def _body(channel: Channel, values: Mapping[str, str]) -> dict[str, Any]:
    """The request's body, checked as the service checks it. Raises ValueError."""
    if unknown := sorted(values.keys() - set(columns(channel))):
        raise ValueError(f"no column {', '.join(unknown)} in the channel {channel}")
    case = {name: value for name, value in values.items() if name in _CASE_COLUMNS}
    if "text" not in case and "offence" not in case:
        raise ValueError("neither text nor offence: what is it about?")
    intake = {name: _value(channel, name, value) for name, value in values.items() if name not in case}
    read_intake(channel, intake, lambda number: "")
    for name in case.keys() - {"text"}:
        refuse_personal(name, case[name])
    body = {"channel": channel, **case} | ({"intake": intake} if intake else {})
    msgspec.convert({name: value for name, value in body.items() if name != "text"}, ComplaintFiledV1)
    return body


def _value(channel: Channel, name: str, value: str) -> Any:
    """A cell as its field has it: openers are two codes with a comma or a space between, yes and no are yes and no."""
    if name in _LISTS:
        return value.replace(",", " ").split()
    kind = next(f.type for f in msgspec.structs.fields(CHANNELS[channel]) if f.name == name)
    if kind is not bool:
        return value
    if value.lower() not in _YES | _NO:
        raise ValueError(f"{name}: yes or no was expected, not {value!r}")
    return value.lower() in _YES
