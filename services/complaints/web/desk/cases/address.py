"""The work list's address: its filters read from it, and links that change one of them. Pure."""

from datetime import datetime
from urllib.parse import urlencode

import msgspec

from services.complaints.work import OPEN, STATUSES, WorkQuery, bound_to, own_steps
from services.contracts.envelope import LIVE
from services.contracts.instants import to_micros
from services.shared.access import Principal

PAGE = 50
OPEN_ONES, ALL = "open", "all"


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """What the reader chose. Empty means any, but for `timeline` (live) and `status` (open). `mine`, `overdue` and
    `paused` are "1" or ""."""

    timeline: str = LIVE
    status: str = OPEN_ONES
    clock: str = ""
    agency: str = ""
    overdue: str = ""
    paused: str = ""
    mine: str = ""
    after: str = ""

    def link(self, path: str, **changes: str) -> str:
        """`path` with this address, some of it changed, and what is usual left out. A change starts at page one."""
        chosen = {**msgspec.structs.asdict(self), "after": "", **changes}
        kept = {name: value for name, value in chosen.items() if value != _USUAL[name]}
        return f"{path}?{urlencode(kept)}" if kept else path

    def narrows(self) -> bool:
        """Whether less is asked for than all that is open on the timeline."""
        return msgspec.structs.replace(self, after="") != Address(timeline=self.timeline)

    def query(self, principal: Principal, now: datetime, limit: int = PAGE + 1) -> WorkQuery:
        """What is asked of the list at `now`, the timeline's. Raises ValueError for a cursor that is none."""
        agency = self.agency or None
        if self.mine and (own := bound_to(principal)):
            agency = own
        return WorkQuery(
            timeline=self.timeline, statuses=_statuses(self.status), clock=self.clock or None, agency=agency,
            paused=bool(self.paused), due_before=to_micros(now) if self.overdue else None,
            steps=own_steps(principal) if self.mine else None, after=_position(self.after) if self.after else None,
            limit=limit,
        )  # fmt: skip


_USUAL = msgspec.structs.asdict(Address())


def address_of(given: dict[str, str]) -> Address:
    """The address in query parameters; what is unknown or empty is the usual."""
    known = {name: value.strip()[:100] for name, value in given.items() if name in _USUAL and value.strip()}
    allowed = {"status": (OPEN_ONES, ALL, *STATUSES), "overdue": ("1",), "paused": ("1",), "mine": ("1",)}
    return Address(**{n: v for n, v in known.items() if n not in allowed or v in allowed[n]})


def cursor_of(due_at: int, case_id: str) -> str:
    """The place behind a complaint of the list."""
    return f"{due_at}.{case_id}"


def _position(cursor: str) -> tuple[int, str]:
    due_at, _, case_id = cursor.partition(".")
    if not due_at.isdecimal() or not case_id:
        raise ValueError(f"after: {cursor!r} is no place in the list")
    return int(due_at), case_id


def _statuses(status: str) -> frozenset[str]:
    return OPEN if status == OPEN_ONES else frozenset(STATUSES) if status == ALL else frozenset({status})
