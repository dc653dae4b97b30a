"""What the life of every kind of case has in common: commands, the table of transitions, refusals. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from services.contracts.envelope import LIVE, EventModel
from services.contracts.instants import from_micros, to_micros

NEW = "new"
Table = Mapping[str, Mapping[str, tuple[str, ...]]]


class Refused(Exception):
    """A command that the case does not allow; nothing has changed. The message says what is wrong.

    `slug` names the kind of refusal, `status` is where the case stands and `allowed` what it would accept now.
    """

    def __init__(self, slug: str, detail: str, status: str, allowed: tuple[str, ...]) -> None:
        super().__init__(detail)
        self.slug, self.detail, self.status, self.allowed = slug, detail, status, allowed


class Case(msgspec.Struct, kw_only=True, frozen=True):
    """Where a case stands. `agency` holds it now; `last_at` is its last event's instant in microseconds."""

    case_id: str
    timeline: str = LIVE
    source_ref: str | None = None
    status: str = NEW
    sequence: int = 0
    last_at: int = -(2**62)
    agency: str | None = None


class Command(msgspec.Struct, kw_only=True, frozen=True):
    """An order to a case: `data` is the event that it will become. `reference` is what a catalogue said at the edge,
    `by` the opaque account that gives a live order.
    """

    name: str
    data: EventModel
    reference: Any = None
    by: str | None = None


C = TypeVar("C", bound=Case)


class Lifecycle(msgspec.Struct, kw_only=True, frozen=True):
    """The life of one kind of case as data: status -> command -> the statuses that it may lead to.

    `models` names the event that each command becomes; `opening` is the command that begins a case.
    """

    kind: str
    opening: str
    models: Mapping[str, type[EventModel]]
    table: Table

    def allowed(self, status: str) -> tuple[str, ...]:
        """The commands that a case in `status` accepts."""
        return tuple(self.table[status])

    def next_statuses(self, case: Case, command: Command, now: datetime) -> tuple[str, ...]:
        """The statuses that `command` may lead to. Raises Refused when it is illegal or lies before the last event."""
        found = self.table[case.status].get(command.name)
        if found is None:
            allowed = ", ".join(self.allowed(case.status)) or "nothing more"
            detail = f"{command.name} does not fit a {self.kind} that is {case.status}: it accepts {allowed}"
            raise self.refusal(case, "illegal-transition", detail)
        if to_micros(now) < case.last_at:
            last = from_micros(case.last_at).isoformat()
            detail = (
                f"{command.name} at {now.isoformat()} lies before the last event, {last}: give that instant or later"
            )
            raise self.refusal(case, "out-of-order", detail)
        return found

    def refusal(self, case: Case, slug: str, detail: str) -> Refused:
        """The refusal to raise, with what the case would accept."""
        return Refused(slug, detail, case.status, self.allowed(case.status))


def advance(case: C, status: str, now: datetime, **changes: Any) -> C:
    """`case` one event further on."""
    return msgspec.structs.replace(case, status=status, sequence=case.sequence + 1, last_at=to_micros(now), **changes)
