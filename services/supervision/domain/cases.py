"""The cases fold: every deadline of every case is one generic clock. Free of I/O, of the wall clock and of any kind of
case: policy says which event does what to which clock (rows B2, B5, C2, G1, H1, H2)."""

from collections.abc import Sequence
from typing import Any, Self

from services.contracts.clock import CalendarDecreedV1
from services.contracts.envelope import Event
from services.contracts.instants import to_micros
from services.contracts.limits import Limit
from services.supervision.domain import clock as clocks
from services.supervision.domain.alerts import Announcer
from services.supervision.domain.calendar import MICROS_MAX, Calendar
from services.supervision.domain.case import HOLDERS, OPENINGS, CaseState, Holder, count, hold, named
from services.supervision.domain.clock import BREACHED, PAUSED, RUNNING, STOPPED, Clock
from services.supervision.domain.fold import NEVER, Effect
from services.supervision.domain.policy import (
    EXTEND,
    PAUSE,
    RENEW,
    RESUME,
    START,
    STOP,
    CasePolicy,
    ClockSpec,
    Operation,
)

_ALSO_LATE = frozenset({STOP, EXTEND, RENEW})


class CasesFold:
    """Pure; see fold.Fold. An event at exactly the due time is in time; a tick breaches what was due before it.

    An event that was skipped and comes after its successors (a dead letter put back) still ends, extends and renews
    the clocks that ran at its time, and still counts as a fact. It starts and pauses nothing: what ends that has been
    folded.
    """

    name = "cases"
    state_type = CaseState
    decree_types = frozenset({"calendar.decreed.v1"})

    def __init__(self, policy: CasePolicy, calendar: Calendar) -> None:
        self.policy = policy
        self.calendar = calendar
        self._say = Announcer(policy.version, calendar)

    def fold(self, state: CaseState | None, event: Event, watermark: int) -> tuple[CaseState | None, Sequence[Effect]]:
        if state is None:
            if event.sequence < 1:
                return None, ()
            state = self._open(event)
        elif event.sequence <= state.last and event.sequence not in state.missing:
            return state, ()
        late = count(state, event.sequence)
        at, watermark, effects = min(to_micros(event.time), MICROS_MAX), min(watermark, MICROS_MAX), list[Effect]()
        if state.wake_at is not None and state.wake_at < at:
            self._advance(state, at, watermark, effects)
        data, before = event.data, state.agency
        if event.type in HOLDERS and not late:
            hold(state, data)
        procedure = self.policy.procedures.get(state.procedure) if state.procedure is not None else None
        if procedure is not None:
            for operation in procedure.operations.get(event.type, ()):
                if not late or operation.action in _ALSO_LATE:
                    self._apply(state, operation, event, at, watermark, effects)
        until = max(at, watermark)
        for rule in self.policy.facts.get(event.type, ()):
            if not rule.pair:
                self._say.count(state, event, rule, until, effects)
            elif not late:
                self._say.pass_on(state, event, rule, before, until, effects)
        self._advance(state, until, watermark, effects)
        return state, effects

    def wake(self, state: CaseState, watermark: int) -> tuple[CaseState, Sequence[Effect]]:
        effects: list[Effect] = []
        self._advance(state, watermark, NEVER, effects)
        return state, effects

    def decreed(self, event: Event) -> Self:
        decree: CalendarDecreedV1 = event.data
        return type(self)(self.policy, self.calendar.with_decree(decree))

    def recompute(self, state: CaseState, event: Event, watermark: int) -> tuple[CaseState, Sequence[Effect]]:
        watermark, effects = min(watermark, MICROS_MAX), list[Effect]()
        for clock in state.clocks:
            spec = self._spec(state, clock)
            if spec is not None:
                clocks.recompute(clock, to_micros(event.time), event.id, spec.warn_percent, self.calendar)
        self._advance(state, watermark, watermark, effects)
        return state, effects

    def _open(self, event: Event) -> CaseState:
        kind = event.type.partition(".")[0]
        state = CaseState(timeline=event.timeline, case_id=event.subject, kind=kind)
        if event.type not in OPENINGS:
            state.reason = "its opening event was never seen"
            return state
        state.source_ref = event.data.source_ref
        name = event.data.procedure
        procedure = self.policy.procedures.get(name)
        if procedure is None:
            state.reason = f"unknown procedure {name!r}"
        elif procedure.kind != kind:
            state.reason = f"procedure {name!r} is for another kind: {procedure.kind}"
        else:
            state.procedure = procedure.name
        return state

    def _spec(self, state: CaseState, clock: Clock) -> ClockSpec | None:
        procedure = self.policy.procedures.get(state.procedure or "")
        return procedure.clocks.get(clock.spec) if procedure is not None else None

    def _apply(
        self, state: CaseState, operation: Operation, event: Event, at: int, watermark: int, effects: list[Effect]
    ) -> None:
        """One operation of policy on the clocks that it names."""
        spec, data, action = operation.clock, event.data, operation.action
        value: str | list[str] | None = getattr(data, operation.per) if operation.per is not None else None
        if action == START:
            if isinstance(value, list):
                for name in dict.fromkeys(value):
                    self._start(state, operation, name, named(name), event, at, watermark, effects)
                return
            holder = None if value is None else (data.agency, getattr(data, "section", None), _officer(data))
            self._start(state, operation, value, holder, event, at, watermark, effects)
            return
        name = spec.name
        for clock in [clock for clock in state.clocks if clock.spec == name]:
            if value and not _picks(value, clock):
                continue
            if event.sequence < state.last and at < clock.started_at:
                continue
            if action == PAUSE:
                changed = clocks.pause(clock, at, event.id)
            elif action == RESUME:
                changed = clocks.resume(clock, at, event.id, spec.warn_percent, self.calendar)
            elif action == EXTEND:
                changed = clocks.extend(clock, at, event.id, data.limit, spec.warn_percent, self.calendar)
            elif action == RENEW:
                changed = self._renew(state, clock, spec, event.id, at, watermark, effects)
            else:
                self._stop(state, clock, spec, event.id, at, watermark, effects)
                continue
            if changed and clock.breach is not None and clock.breach.state == "open":
                self._say.correct(state, clock, clock.breach, spec, at, watermark, effects)

    def _renew(
        self, state: CaseState, clock: Clock, spec: ClockSpec, event: str, at: int, watermark: int,
        effects: list[Effect],
    ) -> bool:  # fmt: skip
        """True when a breach turns out to be none. What comes too late settles it and begins the next round, unless a
        restart has begun that already."""
        if clock.phase == RUNNING:
            clocks.renew(clock, at, event)
        elif clock.phase == BREACHED and clock.due is not None and at <= clock.due:
            clock.phase, clock.red = RUNNING, None
            clocks.renew(clock, at, event)
            clocks.count_anew(clock, spec.warn_percent, self.calendar)
            return True
        elif clock.phase == STOPPED and clock.breach is not None and at <= clock.breach.due:
            renewed = clocks.again(clock, at, event, spec.warn_percent, self.calendar)
            if renewed.due is not None and clock.steps[-1].at <= renewed.due:
                self._stop(state, clock, spec, event, at, watermark, effects)
        elif clock.phase == BREACHED:
            self._stop(state, clock, spec, event, at, watermark, effects)
            if _latest(state, clock.spec, clock.value) == clock.round:
                state.clocks.append(clocks.again(clock, at, event, spec.warn_percent, self.calendar))
        return False

    def _start(
        self, state: CaseState, operation: Operation, value: str | None, holder: Holder | None, event: Event, at: int,
        watermark: int, effects: list[Effect],
    ) -> None:  # fmt: skip
        """A new round ends the one before it; that one's breach is corrected when the news of the restart was late."""
        spec, data = operation.clock, event.data
        again = operation.restart is not None and operation.restart.holds(data)
        if not again and not operation.starts:
            return
        name = spec.name
        latest = _latest(state, name, value)
        earlier = [clock for clock in state.clocks if clock.spec == name and clock.value == value]
        if latest and not again:
            return
        limit = _limit(spec, data)
        if limit is None:
            return
        for clock in earlier:
            late_news = clock.phase == BREACHED and clock.due is not None and at <= clock.due
            if clock.phase in (RUNNING, PAUSED) or late_news:
                self._stop(state, clock, spec, event.id, at, watermark, effects)
        clock = clocks.start(spec.name, value, latest + 1, at, event.id, limit, spec.warn_percent, self.calendar)
        clock.holder = holder
        state.clocks.append(clock)

    def _stop(
        self, state: CaseState, clock: Clock, spec: ClockSpec, event: str, at: int, watermark: int,
        effects: list[Effect],
    ) -> None:  # fmt: skip
        """Stopped in time: nothing is said. Late: the alert is settled. In time, but learnt of late: corrected."""
        breach, warning = clock.breach, clock.warning
        if breach is None and warning is None:
            self._close(state, clock)
            return
        if clock.phase == STOPPED and (breach is None or breach.state != "settled" or at > breach.due):
            return
        warned_early = warning is not None and at < warning.raised_at
        in_time = clocks.stop(clock, at, event)
        if warning is not None and warning.state == "open":
            if warned_early:
                self._say.correct(state, clock, warning, spec, at, watermark, effects)
            else:
                self._say.settle(state, clock, warning, spec, at, effects)
        if breach is None:
            return
        if in_time and breach.state != "corrected":
            self._say.correct(state, clock, breach, spec, at, watermark, effects)
        elif breach.state == "open":
            self._say.settle(state, clock, breach, spec, at, effects)

    def _close(self, state: CaseState, clock: Clock) -> None:
        key = _key(clock.spec, clock.value)
        state.closed[key] = max(state.closed.get(key, 0), clock.round)
        state.clocks = [other for other in state.clocks if other is not clock]

    def _advance(self, state: CaseState, until: int, floor: int, effects: list[Effect]) -> None:
        """Everything due before `until`, in the order of time; then the state's timer. A clock's next instant is its
        warning, its due time, its red card."""
        while True:
            first, due, provisional = None, until, False
            wake: int | None = None
            for clock in state.clocks:
                if clock.phase == RUNNING:
                    at = clock.due if clock.warn is None else clock.warn
                else:
                    at = clock.red if clock.phase == BREACHED else None
                if at is not None:
                    provisional = provisional or clock.provisional
                    if wake is None or at < wake:
                        wake = at
                    if at < due:
                        first, due = clock, at
            if first is None:
                state.wake_at, state.provisional = wake, provisional
                return
            self._fire(state, first, floor, effects)

    def _fire(self, state: CaseState, clock: Clock, floor: int, effects: list[Effect]) -> None:
        spec, say = self._spec(state, clock), self._say
        if spec is None:
            clock.phase = STOPPED
            state.reason = f"policy has no clock {clock.spec!r} any more"
        elif clock.renewed is not None and clock.phase == RUNNING:
            clocks.count_anew(clock, spec.warn_percent, self.calendar)
        elif clock.phase == BREACHED and clock.breach is not None:
            say.escalate(state, clock, clock.breach, spec, effects)
        elif clock.warn is not None:
            at, clock.warn = clock.warn + 1, None
            say.warn(state, clock, spec, at, effects)
        elif clock.due is not None:
            clock.phase = BREACHED
            clock.red = None if spec.red_after is None else clocks.add(clock.due, spec.red_after, self.calendar)
            say.breach(state, clock, spec, floor, effects)
            if clock.warning is not None and clock.warning.state == "open":
                say.settle(state, clock, clock.warning, spec, clock.due + 1, effects)


def _picks(value: str | list[str], clock: Clock) -> bool:
    """Whether an event about `value` is about this clock."""
    return clock.value in value if isinstance(value, list) else clock.value == value


def _key(spec: str, value: str | None) -> str:
    return spec if value is None else f"{spec}:{value}"


def _latest(state: CaseState, spec: str, value: str | None) -> int:
    """The latest round of a clock so far; 0 before the first."""
    rounds = [clock.round for clock in state.clocks if clock.spec == spec and clock.value == value]
    return max([state.closed.get(_key(spec, value), 0), *rounds])


def _officer(data: Any) -> str | None:
    officer: str | None = getattr(data, "officer", None)
    return officer


def _limit(spec: ClockSpec, data: Any) -> Limit | int | None:
    """The source's own deadline, else the limit that the event carries, else policy's."""
    if spec.due_from is not None:
        due = getattr(data, spec.due_from, None)
        if due is not None:
            return to_micros(due)
    if spec.limit_from is not None:
        limit: Limit | None = getattr(data, spec.limit_from, None)
        if limit is not None:
            return limit
    return spec.limit
