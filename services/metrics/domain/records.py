"""What is remembered of a case and of an alert, and how an event changes it. Pure.

Every record carries the sequence or version it has taken in; what is not above it changes nothing, so reading an event
twice counts it once.
"""

import msgspec

from services.contracts.alerts import AlertV1
from services.contracts.envelope import Event

# The conclusion is about a grave matter: the head of the agency has to deal with it in person (row B4).
GRAVE = "sign_off_due"


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """`steps` are the verbs of the events so far ("filed", "dispatched"), and GRAVE, each once."""

    case_id: str
    timeline: str
    kind: str
    sequence: int
    agency: str | None = None
    steps: tuple[str, ...] = ()


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """The newest version of an alert, as far as figures need it."""

    alert_id: str
    version: int
    timeline: str
    rule: str
    severity: str
    state: str
    agency: str | None = None
    case_ref: str | None = None


def case_after(case: Case | None, event: Event) -> Case | None:
    """The case after `event`; None when that changes nothing because it was taken in before.

    An event that comes behind its successors (a dead letter put back) adds its step and no more.
    """
    kind, verb = event.type.split(".")[:2]
    steps = (verb, GRAVE) if getattr(event.data, "sign_off_required", False) else (verb,)
    new = tuple(step for step in steps if case is None or step not in case.steps)
    if case is not None and event.sequence <= case.sequence:
        return msgspec.structs.replace(case, steps=case.steps + new) if new else None
    agency = getattr(event.data, "agency", None)
    before = case or Case(case_id=event.subject, timeline=event.timeline, kind=kind, sequence=0)
    return Case(
        case_id=before.case_id,
        timeline=before.timeline,
        kind=before.kind,
        sequence=event.sequence,
        agency=agency or before.agency,
        steps=before.steps + new,
    )


def alarm_after(alarm: Alarm | None, data: AlertV1) -> Alarm | None:
    """The alarm after an alert's event; None when a version as high was taken in before."""
    if alarm is not None and data.version <= alarm.version:
        return None
    return Alarm(
        alert_id=data.alert_id,
        version=data.version,
        timeline=data.timeline,
        rule=data.rule,
        severity=data.severity,
        state=data.state,
        agency=data.agency,
        case_ref=data.case_ref,
    )
