"""Complaints that may be about the same matter (row A2): a suggestion to the clerk. Free of I/O and of persons.

What is compared is whom a complaint is about, what, where and when; never who complains.
"""

from collections.abc import Iterable
from datetime import timedelta

import msgspec

from services.complaints.domain.complaint import Complaint

_DAY = timedelta(days=1) // timedelta(microseconds=1)


class Similar(msgspec.Struct, frozen=True, kw_only=True):
    """A complaint filed earlier or later that agrees in `agrees`, `days_apart` whole days away."""

    case_id: str
    status: str
    filed_at: int
    agrees: tuple[str, ...]
    days_apart: int
    merged_into: str | None = None


def similar(document: Complaint, others: Iterable[Complaint], within_days: int) -> list[Similar]:
    """Those of `others` about the same agency and the same item (without items: the same offence), not known to be in
    different places, filed no more than `within_days` apart. The most agreement first, then the nearest in time.
    """
    if document.about is None:
        return []
    found = []
    for other in others:
        apart = abs(other.filed_at - document.filed_at)
        if other.case_id == document.case_id or other.about != document.about or apart > within_days * _DAY:
            continue
        agrees = _agreement(document, other)
        if agrees:
            found.append(
                Similar(
                    case_id=other.case_id, status=other.status, filed_at=other.filed_at, agrees=agrees,
                    days_apart=apart // _DAY, merged_into=other.merged_into,
                )
            )  # fmt: skip
    return sorted(found, key=lambda s: (-len(s.agrees), abs(s.filed_at - document.filed_at), s.case_id))


def _agreement(one: Complaint, other: Complaint) -> tuple[str, ...]:
    """In what the two agree; nothing when they are about different matters."""
    subject = "item" if one.item and other.item else "offence"
    same = getattr(one, subject) == getattr(other, subject)
    if not same or (one.place and other.place and one.place != other.place):
        return ()
    more = [field for field in ("offence", "place") if field != subject and getattr(one, field)]
    return ("agency", subject, *(field for field in more if getattr(one, field) == getattr(other, field)))


def window(document: Complaint, within_days: int) -> tuple[int, int]:
    """First and last filing instants in microseconds that may be near enough to `document`'s."""
    return document.filed_at - within_days * _DAY, document.filed_at + within_days * _DAY
