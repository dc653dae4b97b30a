"""What the cases fold says: alert snapshots and facts, from a clock's records. Built only when something is said."""

from datetime import datetime
from typing import Any

from services.contracts.alerts import (
    AlertCorrectedV1,
    AlertEscalatedV1,
    AlertRaisedV1,
    AlertSettledV1,
    AlertV1,
    TrailStep,
)
from services.contracts.envelope import Event
from services.contracts.facts import FactRecordedV1
from services.contracts.identifiers import alert_id, name_of
from services.contracts.instants import from_micros
from services.contracts.topics import ALERTS, FACTS
from services.supervision.domain.calendar import Calendar
from services.supervision.domain.case import CaseState, Holder, accused, answerable
from services.supervision.domain.clock import DUE, EXTEND, RECOMPUTED, STARTED, UNIT_NAMES, Clock, Record, Step
from services.supervision.domain.explanation import explain
from services.supervision.domain.fold import Effect
from services.supervision.domain.policy import OFFICE, ClockSpec, FactRule

CORRECTION = ":corrected"
# An alert tells so many steps at most, the first and the last: Kafka takes it however often a clock was paused.
STEPS_SHOWN = 200
_STEP_NAMES = ("started", "paused", "resumed", "extended", "stopped", "recomputed")


class Announcer:
    """Moves a clock's records on and appends the effects. `floor`: no fact is known before it (see facts.known_at)."""

    def __init__(self, policy_version: str, calendar: Calendar) -> None:
        self._version = policy_version
        self._calendar = calendar

    def warn(self, state: CaseState, clock: Clock, spec: ClockSpec, at: int, effects: list[Effect]) -> None:
        clock.warning = record = Record(
            "warning", "warning", clock.due or at, at, at, 1, *answerable(state, clock, spec)
        )
        effects.append(self._alert(AlertRaisedV1, state, clock, record, spec, at))

    def breach(self, state: CaseState, clock: Clock, spec: ClockSpec, floor: int, effects: list[Effect]) -> None:
        """Overdue from the first instant after the due time, whenever that is noticed."""
        due = clock.due or 0
        version = 1 if clock.breach is None else clock.breach.version + 1
        holder = answerable(state, clock, spec)
        # A deadline may have passed before the event that set it: then nobody knew of the breach before that event.
        known = max(due + 1, clock.steps[-1].at, floor)
        clock.breach = record = Record(spec.rule, spec.severity, due, due + 1, known, version, *holder)
        effects.append(self._alert(AlertRaisedV1, state, clock, record, spec, due + 1))
        if spec.owner == OFFICE or holder[0] == OFFICE:
            return
        record.facts = version
        alert = alert_id(record.rule, state.timeline, state.case_id, clock.name)
        known_at, occurred_at = from_micros(record.known_at), from_micros(due + 1)
        for subject in _subjects(holder):
            fact = _breach_fact(state, alert, version, subject)
            effects.append(
                _fact(state, fact, subject, spec.offence, record.known_at, known_at, occurred_at, holder, alert,
                      spec.severity, [step.event for step in _shown(clock)])
            )  # fmt: skip

    def escalate(self, state: CaseState, clock: Clock, record: Record, spec: ClockSpec, effects: list[Effect]) -> None:
        at = (clock.red or record.due) + 1
        clock.red = None
        record.version += 1
        record.severity, record.escalated_at = "red", at
        effects.append(self._alert(AlertEscalatedV1, state, clock, record, spec, at))

    def settle(
        self, state: CaseState, clock: Clock, record: Record, spec: ClockSpec, at: int, effects: list[Effect]
    ) -> None:
        record.version += 1
        record.state, record.settled_at = "settled", at
        record.due = record.due if clock.due is None else clock.due
        effects.append(self._alert(AlertSettledV1, state, clock, record, spec, at))

    def correct(
        self, state: CaseState, clock: Clock, record: Record, spec: ClockSpec, at: int, floor: int,
        effects: list[Effect],
    ) -> None:  # fmt: skip
        """In time after all: the alert stays on record as corrected, and its facts are taken out of the count."""
        record.version += 1
        record.state, record.corrected_at = "corrected", max(at, floor, record.raised_at)
        effects.append(self._alert(AlertCorrectedV1, state, clock, record, spec, record.corrected_at))
        if not record.facts:
            return
        alert = alert_id(record.rule, state.timeline, state.case_id, clock.name)
        holder = (record.agency, record.section, record.officer)
        known = max(at, floor, record.known_at + 1)
        known_at, occurred_at = from_micros(known), from_micros(at)
        for subject in _subjects(holder):
            original = _breach_fact(state, alert, record.facts, subject)
            effects.append(
                _fact(state, name_of("correction", original), subject, spec.offence + CORRECTION, known, known_at,
                      occurred_at, holder, alert, "notice", [original])
            )  # fmt: skip

    def count(self, state: CaseState, event: Event, rule: FactRule, at: int, effects: list[Effect]) -> None:
        """A fact that an event itself states. `at` is when it became known."""
        data = event.data
        if not _applies(rule, data):
            return
        offence = rule.offence if rule.offence_from is None else getattr(data, rule.offence_from)
        holder, known_at = accused(state, event), from_micros(at)
        for subject in _subjects(holder):
            fact = name_of("fact", state.timeline, "event", state.case_id, event.sequence, str(offence), subject)
            effects.append(
                _fact(state, fact, subject, str(offence), at, known_at, event.time, holder, None,
                      getattr(data, "severity", "notice"), [event.id])
            )  # fmt: skip

    def pass_on(
        self, state: CaseState, event: Event, rule: FactRule, before: str | None, at: int, effects: list[Effect]
    ) -> None:
        """The case passed from the agency `before` to the one that the event names (row B1): counted for the two of
        them in this case."""
        after = event.data.agency
        if before is None or after in (None, before) or OFFICE in (before, after) or not _applies(rule, event.data):
            return
        subject = f"pair:{'|'.join(sorted((before, after)))}/{state.case_id}"
        offence = str(rule.offence)
        fact = name_of("fact", state.timeline, "event", state.case_id, event.sequence, offence, subject)
        effects.append(
            _fact(state, fact, subject, offence, at, from_micros(at), event.time, (before, None, None), None, "notice",
                  [event.id])
        )  # fmt: skip

    def _alert(
        self, model: type[AlertV1], state: CaseState, clock: Clock, record: Record, spec: ClockSpec, at: int
    ) -> Effect:
        """The newest version of an alert, as a whole. `at` is the instant of this change."""
        name = clock.name
        alert = alert_id(record.rule, state.timeline, state.case_id, name)
        data = model(
            alert_id=alert, version=record.version, rule=record.rule, subject=state.case_id, timeline=state.timeline,
            severity=record.severity, state=record.state, raised_at=from_micros(record.raised_at),
            policy_version=self._version, calendar_version=clock.calendar,
            explanation=explain(clock, record, spec, self._calendar), clock=name, kind=state.kind,
            case_ref=state.case_id, source_ref=state.source_ref, agency=record.agency, section=record.section,
            officer=record.officer, due_at=from_micros(record.due), settled_at=_instant(record.settled_at),
            corrected_at=_instant(record.corrected_at), provisional=clock.provisional,
            evidence=[step.event for step in _shown(clock)], trail=_trail(clock, record),
        )  # fmt: skip
        return Effect(
            topic=ALERTS, id=name_of("effect", alert, record.version), subject=alert, time=at,
            sequence=record.version, timeline=state.timeline, data=data,
        )  # fmt: skip


def _shown(clock: Clock) -> list[Step]:
    steps, half = clock.steps, STEPS_SHOWN // 2
    return steps if len(steps) <= STEPS_SHOWN else steps[:half] + steps[-half:]


def _trail(clock: Clock, record: Record) -> list[TrailStep]:
    """How the due time came about and what followed, in the order of time."""
    steps: list[tuple[int, int, TrailStep]] = []

    def put(rank: int, name: Any, at: int, event: str | None = None, detail: dict[str, Any] | None = None) -> None:
        steps.append((at, rank, TrailStep(step=name, at=from_micros(at), event_id=event, detail=detail or {})))

    for step in _shown(clock):
        detail: dict[str, Any] | None = None
        if step.op == STARTED and step.unit == DUE:
            detail = {"due_at": from_micros(step.amount).isoformat()}
        elif step.op in (STARTED, EXTEND):
            detail = {"amount": step.amount, "unit": UNIT_NAMES[step.unit]}
        elif step.op == RECOMPUTED:
            detail = {"calendar": clock.calendar}
        name = "restarted" if step.op == STARTED and clock.round > 1 else _STEP_NAMES[step.op]
        put(0, name, step.at, step.event, detail)
    put(1, "due", record.due, detail={"calendar": clock.calendar, "provisional": clock.provisional})
    if clock.warning is not None:
        put(2, "warned", clock.warning.raised_at)
    if clock.breach is not None:
        put(3, "breached", clock.breach.raised_at)
        if clock.breach.escalated_at is not None:
            put(4, "escalated", clock.breach.escalated_at)
    if record.settled_at is not None:
        put(5, "settled", record.settled_at)
    if record.corrected_at is not None:
        put(6, "corrected", record.corrected_at)
    steps.sort(key=_time_and_rank)
    return [step for _, _, step in steps]


def _time_and_rank(step: tuple[int, int, TrailStep]) -> tuple[int, int]:
    return step[:2]


def _instant(at: int | None) -> datetime | None:
    return None if at is None else from_micros(at)


def _subjects(holder: Holder) -> list[str]:
    """Whom a fact counts against: the agency, its section, its officer, as far as they are named; never the office."""
    agency, section, officer = holder
    if agency is None or agency == OFFICE:
        return []
    subjects = [f"agency:{agency}"]
    if section is not None:
        subjects.append(f"section:{agency}/{section}")
    if officer is not None:
        subjects.append(f"officer:{officer}")
    return subjects


def _applies(rule: FactRule, data: Any) -> bool:
    if not rule.when.holds(data) or (rule.unless is not None and rule.unless.holds(data)):
        return False
    return rule.without is None or not getattr(data, rule.without)


def _breach_fact(state: CaseState, alert: str, version: int, subject: str) -> str:
    return name_of("fact", state.timeline, "breach", alert, version, subject)


def _fact(
    state: CaseState, fact_id: str, subject: str, offence: str, time: int, known_at: datetime, occurred_at: datetime,
    holder: Holder, alert: str | None, severity: Any, evidence: list[str],
) -> Effect:  # fmt: skip
    data = FactRecordedV1(
        fact_id=fact_id, subject=subject, offence=offence, known_at=known_at, occurred_at=occurred_at,
        case_ref=state.case_id, agency=holder[0] or OFFICE, section=holder[1], officer=holder[2], alert_id=alert,
        severity=severity, evidence=evidence,
    )  # fmt: skip
    return Effect(topic=FACTS, id=fact_id, subject=subject, time=time, sequence=1, timeline=state.timeline, data=data)
