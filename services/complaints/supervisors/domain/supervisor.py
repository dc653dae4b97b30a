"""Supervisors (监督员, row A5) and their terms of office. Account codes only; free of frameworks, clocks and I/O."""

from datetime import date, datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec

CITY_TIME = ZoneInfo("Asia/Shanghai")
Body = Literal[
    "peoples_congress", "cppcc", "enterprise", "outside_investor", "democratic_party", "media", "resident"
]  # fmt: skip
Code = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64)]


class Term(msgspec.Struct, frozen=True, kw_only=True):
    """From the first to the last day in office, both included, by the city's calendar.

    Raises ValueError for a term that ends before it begins.
    """

    from_on: date
    to_on: date

    def __post_init__(self) -> None:
        if self.to_on < self.from_on:
            raise ValueError("to_on: a term ends on or after the day on which it begins")


class Supervisor(msgspec.Struct, frozen=True, kw_only=True):
    """`code` is the account's name; who holds it is known to the body that sent them, not here. `group` is the
    supervision group that they work with. Terms follow one another and never overlap."""

    code: Code
    body: Body
    group: str | None = None
    terms: tuple[Term, ...] = ()
    version: int = 0


class Refused(Exception):
    """An act that the register does not allow. `slug` names the kind, the message says why."""

    def __init__(self, slug: str, detail: str) -> None:
        super().__init__(detail)
        self.slug, self.detail = slug, detail


def term_at(supervisor: Supervisor, at: datetime) -> Term | None:
    """The term of office that `at` falls into."""
    day = at.astimezone(CITY_TIME).date()
    return next((term for term in supervisor.terms if term.from_on <= day <= term.to_on), None)


def appointed(known: Supervisor | None, supervisor: Supervisor, term: Term) -> Supervisor:
    """The register's entry with a further term; body and group are those given now. The same term again changes none.

    Raises Refused for a term that overlaps another one.
    """
    terms = known.terms if known else ()
    version = known.version + 1 if known else 1
    if term in terms:
        return msgspec.structs.replace(supervisor, terms=terms, version=version)
    for other in terms:
        if term.from_on <= other.to_on and other.from_on <= term.to_on:
            detail = f"the term overlaps that from {other.from_on} to {other.to_on}: end that one first"
            raise Refused("overlapping-term", detail)
    ordered = tuple(sorted((*terms, term), key=lambda t: t.from_on))
    return msgspec.structs.replace(supervisor, terms=ordered, version=version)


def ended(known: Supervisor, last_on: date) -> Supervisor:
    """The entry with the term that `last_on` falls into ending on that day. Raises Refused when there is none."""
    current = next((t for t in known.terms if t.from_on <= last_on <= t.to_on), None)
    if current is None:
        raise Refused("no-active-term", f"{known.code} has no term of office on {last_on}")
    shorter = Term(from_on=current.from_on, to_on=last_on)
    terms = tuple(shorter if term == current else term for term in known.terms)
    return msgspec.structs.replace(known, terms=terms, version=known.version + 1)
