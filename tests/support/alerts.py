"""Builders of alert events, as supervision would write them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from services.contracts.alerts import AlertRaisedV1, AlertSettledV1, AlertV1, TrailStep
from services.contracts.clock import ClockTickedV1
from services.contracts.envelope import Event
from services.contracts.identifiers import alert_id, name_of
from services.contracts.registry import event_type
from services.shared.consuming import Received

T0 = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


def alert(case: str = "approval-1", model: type[AlertV1] = AlertRaisedV1, **fields: Any) -> AlertV1:
    """An overdue promised limit of `case`; any field can be given."""
    clock = fields.get("clock", "promised")
    timeline = fields.get("timeline", "live")
    due_at = fields.get("due_at", T0)
    agency = fields.get("agency", "housing")
    usual: dict[str, Any] = {
        "alert_id": alert_id(fields.get("rule", "overdue"), timeline, case, clock),
        "version": 1,
        "rule": "overdue",
        "subject": case,
        "timeline": timeline,
        "severity": "yellow",
        "state": "open",
        "raised_at": due_at + timedelta(microseconds=1),
        "policy_version": "2026.1",
        "calendar_version": "cn-2026",
        "explanation": {
            "zh": f"{agency} 的承诺时限已超期：应于 {due_at:%Y-%m-%d} 前办结。",
            "en": f"The promised limit of {agency} has passed: it was due by {due_at:%Y-%m-%d}.",
        },
        "clock": clock,
        "kind": "approval",
        "case_ref": case,
        "source_ref": None,
        "agency": agency,
        "section": "approval",
        "due_at": due_at,
        "evidence": [name_of("event", case, 1), name_of("event", case, 2)],
        "trail": [
            TrailStep(step="started", at=due_at - timedelta(days=14), event_id=name_of("event", case, 2),
                      detail={"amount": 10, "unit": "working_days"}),
            TrailStep(step="due", at=due_at, detail={"calendar": "cn-2026", "provisional": False}),
            TrailStep(step="breached", at=due_at + timedelta(microseconds=1)),
        ],
    }  # fmt: skip
    return model(**{**usual, **fields})


def settled(raised: AlertV1, at: datetime) -> AlertV1:
    """The next version of `raised`, answered late at `at`."""
    fields = {name: getattr(raised, name) for name in raised.__struct_fields__}
    trail = [*raised.trail, TrailStep(step="settled", at=at)]
    return AlertSettledV1(
        **{**fields, "version": raised.version + 1, "state": "settled", "settled_at": at, "trail": trail}
    )


def event_of(data: Any, subject: str, timeline: str = "live", time: datetime = T0) -> Event:
    version = getattr(data, "version", 0)
    return Event(
        id=name_of("effect", subject, version), source="/supervision", type=event_type(type(data)), subject=subject,
        time=time, sequence=max(1, version), timeline=timeline, data=data,
    )  # fmt: skip


def record(data: Any, *, partition: int = 0, offset: int = 0, cause_ts: int | None = None) -> Received:
    """`data` (an alert) as it was read from alerts.v1."""
    event = event_of(data, data.alert_id, data.timeline, data.raised_at)
    return Received(event=event, topic="alerts.v1", partition=partition, offset=offset, timestamp=0, cause_ts=cause_ts)


def tick(source: str, as_of: datetime, *, partition: int = 0, timeline: str = "live") -> Received:
    """A forwarded tick as it was read from alerts.v1."""
    event = event_of(ClockTickedV1(as_of=as_of, source=source), "clock", timeline, as_of)
    return Received(event=event, topic="alerts.v1", partition=partition, offset=0, timestamp=0)
