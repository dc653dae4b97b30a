"""When a complaint is due and what is to be done next, by the very fold that supervision runs. Free of I/O and clocks.

This module alone knows supervision's rules (docs/decisions/0012): it folds a case's own events as supervision does, so
that a work list and an alert can never disagree about a working day, a pause or an extension.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from services.complaints.domain.complaint import LIFE, Complaint
from services.complaints.domain.deciding import assisting_agencies
from services.complaints.domain.next_step import usual_step
from services.contracts.clock import CalendarDecreedV1
from services.contracts.envelope import LIVE, Event
from services.contracts.instants import from_micros
from services.contracts.registry import event_type
from services.shared.cases import Recorded
from services.supervision.domain.calendar import Calendar
from services.supervision.domain.case import CaseState, answerable
from services.supervision.domain.cases import CasesFold
from services.supervision.domain.clock import BREACHED, PAUSED, RUNNING, STOPPED, UNIT_NAMES, Clock
from services.supervision.domain.fold import NEVER
from services.supervision.domain.policy import STOP, CasePolicy, ClockSpec

# Where no clock runs: behind every instant, so that such cases stand at the end of a list.
NO_DUE: Final = 2**62
_KIND: Final = "complaint"
_STEPS: Final = ("started", "paused", "resumed", "extended", "stopped", "recomputed")
_DECODERS = {event_type(model): msgspec.json.Decoder(model).decode for model in LIFE.models.values()}
_COMMANDS = {event_type(model): command for command, model in LIFE.models.items()}


class Decree(NamedTuple):
    """A year's working days by decree, and when it was given, in microseconds."""

    at: int
    data: CalendarDecreedV1


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """What a case's document keeps for the work list, in the write of the event that changed it.

    `due_at` is the last instant in time of the clock `due_clock`, the first of those that run or are overdue, in
    microseconds; NO_DUE without one. `due_owner` answers for it: an agency, or the office. `paused`: a clock of the
    case stands still. `next_step` is the command that is expected now, None at the end of the life. `holders` may see
    the case: its lead and assisting agencies. `due_version` names the policy and the calendar.
    """

    due_at: int = NO_DUE
    due_clock: str | None = None
    due_owner: str | None = None
    provisional: bool = False
    paused: bool = False
    next_step: str | None = None
    holders: tuple[str, ...] = ()
    due_version: str = ""


class ClockStep(NamedTuple):
    """What moved a clock: started, paused, resumed, extended, stopped or recomputed. `amount` and `unit` are the limit
    of a start or an extension; the unit due_at is a deadline that the source itself set."""

    name: str
    at: int
    amount: int
    unit: str


class ClockNow(NamedTuple):
    """A clock after the case's last event. `due_at` is None while it stands still, `done_at` set once it ended late;
    instants in microseconds."""

    spec: str
    round: int
    due_at: int | None
    done_at: int | None
    provisional: bool
    steps: list[ClockStep]


class DueTimes:
    """The due times of complaints under one policy, one calendar, and the decrees that have come since."""

    def __init__(self, policy: CasePolicy, calendar: Calendar, decrees: Sequence[Decree] = ()) -> None:
        fold = CasesFold(policy, calendar)
        self._folds: list[tuple[int, Event | None, CasesFold]] = [(NEVER, None, fold)]
        for decree in sorted(decrees, key=lambda d: d.at):
            event = Event(
                f"decree-{decree.data.version}", "/complaints", event_type(CalendarDecreedV1), "clock",
                from_micros(decree.at), 0, LIVE, decree.data,
            )  # fmt: skip
            fold = fold.decreed(event)
            self._folds.append((decree.at, event, fold))
        self.policy, self.calendar = policy, fold.calendar
        self.version = " ".join([policy.version, calendar.version, *(d.data.version for d in decrees)])
        self.specs: dict[str, ClockSpec] = {}
        for procedure in policy.procedures.values():
            if procedure.kind == _KIND:
                self.specs = {**procedure.clocks, **self.specs}
        self._stops = {name: _stopping(policy, name) for name in policy.procedures}

    def state(self, case_id: str, history: Iterable[Recorded]) -> CaseState | None:
        """What supervision knows of the case after `history`, the first event first; None before the first."""
        state: CaseState | None = None
        reached = 0
        for recorded in history:
            state, reached = self._decreed(state, reached, recorded.at)
            event = Event(
                recorded.id, "/complaints", recorded.type, case_id, from_micros(recorded.at), recorded.sequence, LIVE,
                _DECODERS[recorded.type](recorded.data),
            )  # fmt: skip
            state, _ = self._folds[reached][2].fold(state, event, NEVER)
        return self._decreed(state, reached, None)[0]

    def of(self, case: Complaint, history: Iterable[Recorded]) -> Due:
        """What the document of `case` keeps, its last event included in `history`."""
        state = self.state(case.case_id, history)
        clocks = state.clocks if state else []
        first = min(
            (c for c in clocks if c.due is not None and c.phase in (RUNNING, BREACHED)), key=_order, default=None
        )
        agency = (case.agency,) if case.agency else ()
        due = Due(
            paused=any(c.phase == PAUSED for c in clocks), due_version=self.version, next_step=usual_step(case),
            holders=tuple(dict.fromkeys((*agency, *assisting_agencies(case)))),
        )  # fmt: skip
        if state is None or first is None or first.due is None:
            return due
        return msgspec.structs.replace(
            due, due_at=first.due, due_clock=first.spec, provisional=first.provisional,
            due_owner=answerable(state, first, self.specs[first.spec])[0],
            next_step=self._ending(state, first, case.status) or due.next_step,
        )  # fmt: skip

    def clocks(self, case_id: str, history: Iterable[Recorded]) -> list[ClockNow]:
        """Every clock that runs or stands still, and those that ended late: a breach is never erased (rule 7)."""
        state = self.state(case_id, history)
        return [
            ClockNow(
                c.spec, c.round, c.due, c.steps[-1].at if c.phase == STOPPED else None, c.provisional,
                [ClockStep(_STEPS[s.op], s.at, s.amount, UNIT_NAMES[s.unit]) for s in c.steps],
            )
            for c in (state.clocks if state else [])
            if c.phase != STOPPED or c.breach is not None
        ]  # fmt: skip

    def label(self, clock: str, lang: str) -> str:
        """What a clock is called; its own name when policy has no such clock any more."""
        spec = self.specs.get(clock)
        return spec.label.get(lang, clock) if spec else clock

    def _decreed(self, state: CaseState | None, reached: int, before: int | None) -> tuple[CaseState | None, int]:
        """Take in the decrees up to `before`, as they stood on the log; None: all there are."""
        while reached + 1 < len(self._folds) and (before is None or self._folds[reached + 1][0] <= before):
            reached += 1
            at, event, fold = self._folds[reached]
            if state is not None and state.provisional and event is not None:
                state, _ = fold.recompute(state, event, at)
        return state, reached

    def _ending(self, state: CaseState, clock: Clock, status: str) -> str | None:
        """The first command of the life's table that ends `clock` and that a case in `status` accepts. To pass the case
        on is never what is expected; nor is anything of anybody for a merged one, which is answered with another."""
        if status == "merged":
            return None
        ending = self._stops.get(state.procedure or "", {}).get(clock.spec, frozenset())
        return next((c for c in LIFE.table[status] if c in ending and c != "return"), None)


def fields_of(due: Due) -> dict[str, Any]:
    """The fields of a document."""
    return msgspec.structs.asdict(due) | {"holders": list(due.holders)}


def due_of(document: Mapping[str, Any]) -> Due:
    """What `fields_of` wrote, out of a document's fields."""
    return msgspec.convert({name: document[name] for name in Due.__struct_fields__ if name in document}, Due)


def _order(clock: Clock) -> tuple[int | None, str]:
    return clock.due, clock.name


def _stopping(policy: CasePolicy, procedure: str) -> Mapping[str, frozenset[str]]:
    """Clock -> the commands whose events stop it."""
    found: dict[str, set[str]] = {}
    for event, operations in policy.procedures[procedure].operations.items():
        for operation in operations:
            if operation.action == STOP and event in _COMMANDS:
                found.setdefault(operation.clock.name, set()).add(_COMMANDS[event])
    return {clock: frozenset(commands) for clock, commands in found.items()}
