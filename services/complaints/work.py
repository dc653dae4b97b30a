"""The work list: what is asked of it, and what it shows of a complaint. Free of I/O, of HTTP and of rules of time."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from services.complaints.domain.complaint import LIFE, Complaint
from services.complaints.due import Due
from services.contracts.envelope import LIVE
from services.contracts.lifecycle import NEW
from services.shared.access import TABLE, Principal, Reach

STATUSES = tuple(status for status in LIFE.table if status != NEW)
OPEN = frozenset(STATUSES) - {"closed"}
_BOUND = frozenset({"agency", "head"})


class Listed(NamedTuple):
    """One complaint of the list."""

    case: Complaint
    due: Due


class WorkQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which complaints of one timeline, those due first: sorted by due time, then by id. None: any.

    `holders`: at least one of these agencies has the case in hand. `clock` is the one
    that is due first, `agency` the lead agency, `due_before` an instant in microseconds, `steps` the commands that are
    expected next, `after` the due time and the id of the last one seen.
    """

    timeline: str = LIVE
    statuses: frozenset[str] = OPEN
    holders: frozenset[str] | None = None
    clock: str | None = None
    agency: str | None = None
    due_before: int | None = None
    paused: bool = False
    steps: frozenset[str] | None = None
    after: tuple[int, str] | None = None
    limit: int = 50

    def matches(self, listed: Listed) -> bool:
        """Whether a complaint is one of these, wherever the page begins."""
        case, due = listed
        return (
            case.timeline == self.timeline
            and case.status in self.statuses
            and (self.holders is None or not self.holders.isdisjoint(due.holders))
            and (self.clock is None or due.due_clock == self.clock)
            and self.agency in (None, case.agency)
            and (self.due_before is None or due.due_at < self.due_before)
            and (not self.paused or due.paused)
            and (self.steps is None or due.next_step in self.steps)
        )


def within(reach: Reach, groups: Mapping[str, str]) -> frozenset[str] | None:
    """The agencies whose complaints lie within `reach`; None for the whole city. `groups`: agency -> group."""
    if reach.city:
        return None
    return reach.agencies | {agency for agency, group in groups.items() if group in reach.groups}


def may(principal: Principal, command: str) -> bool:
    """Whether one of the principal's roles gives this command on live cases."""
    return not (TABLE[f"complaints.{command}"].roles - {"importer"}).isdisjoint(principal.roles)


def own_steps(principal: Principal) -> frozenset[str]:
    """The commands that wait for this principal when they are expected next."""
    return frozenset(command for command in LIFE.models if may(principal, command))


def bound_to(principal: Principal) -> str | None:
    """The agency for which alone the principal acts; None for those who act for the office."""
    return principal.agency if principal.roles and principal.roles <= _BOUND else None
