"""The minimal job as a fold for Duban's own runtime. Pure."""

from collections.abc import Sequence
from typing import Self

from services.contracts.envelope import Event, EventModel
from services.contracts.instants import Instant, from_micros, to_micros
from services.supervision.domain.fold import Effect, State

OPEN, RUNNING, STOPPED, BREACHED = range(4)
HOUR = 3600 * 1_000_000


class ClockBreachedV1(EventModel):
    """What the minimal job says of a case whose due time has passed; every engine writes these fields."""

    alert_id: str
    rule: str
    subject: str
    agency: str
    section: str
    due_at: Instant
    known_at: Instant
    evidence: list[str]


class BenchCase(State, array_like=True, kw_only=True):
    case_id: str
    last: int = 0
    phase: int = OPEN
    due: int = 0
    agency: str = ""
    section: str = ""
    started: str = ""


class MinimalFold:
    """One clock a case; an alert when a tick or an event of the case is later than its due time."""

    state_type = BenchCase
    decree_types: frozenset[str] = frozenset()

    def __init__(self, name: str, output: str) -> None:
        self.name, self._output = name, output

    def fold(self, state: BenchCase | None, event: Event, watermark: int) -> tuple[BenchCase | None, Sequence[Effect]]:
        data = event.data
        if state is None:
            state = BenchCase(timeline=event.timeline, case_id=event.subject, agency=data.agency)
        elif event.sequence <= state.last:
            return state, ()
        state.last = event.sequence
        at = to_micros(event.time)
        if event.type == "approval.accepted.v1" and state.phase == OPEN and data.statutory_limit is not None:
            state.phase, state.due = RUNNING, at + data.statutory_limit.amount * HOUR
            state.agency, state.section, state.started = data.agency, data.section or "", event.id
            state.wake_at = state.due
        effects: Sequence[Effect] = ()
        if state.phase == RUNNING and max(at, watermark) > state.due:
            effects = self._breach(state, max(at, watermark))
        if event.type == "approval.decided.v1" and state.phase == RUNNING:
            state.phase, state.wake_at = STOPPED, None
        return state, effects

    def wake(self, state: BenchCase, watermark: int) -> tuple[BenchCase, Sequence[Effect]]:
        return state, self._breach(state, watermark)

    def decreed(self, event: Event) -> Self:
        return self

    def recompute(self, state: BenchCase, event: Event, watermark: int) -> tuple[BenchCase, Sequence[Effect]]:
        return state, ()

    def _breach(self, state: BenchCase, known: int) -> Sequence[Effect]:
        state.phase, state.wake_at = BREACHED, None
        name = f"overdue/{state.case_id}"
        data = ClockBreachedV1(
            alert_id=name, rule="overdue", subject=state.case_id, agency=state.agency, section=state.section,
            due_at=from_micros(state.due), known_at=from_micros(known), evidence=[state.started],
        )  # fmt: skip
        return [
            Effect(
                topic=self._output, id=name, subject=name, time=known, sequence=1, timeline=state.timeline, data=data
            )
        ]
