"""Alerts as full snapshots: a consumer upserts by `alert_id` where `version` is higher (rules 6, 7, 12)."""

from typing import Literal

from services.contracts.complaints import Severity
from services.contracts.envelope import EventModel
from services.contracts.instants import Instant

AlertState = Literal["open", "settled", "corrected"]


class TrailStep(EventModel):
    """One step of how the due time came about. `detail` holds plain values for both languages' sentences."""

    step: Literal[
        "started", "paused", "resumed", "extended", "warned", "due", "breached", "escalated", "stopped", "settled",
        "corrected", "restarted", "recomputed", "counted",
    ]  # fmt: skip
    at: Instant
    event_id: str | None = None
    detail: dict[str, str | int | bool | None] = {}


class AlertV1(EventModel):
    """`rule` and `clock` name what was broken in policy; `explanation` says so in Chinese and English.

    `settled` is done late and stays on record; `corrected` was in time after all, by an event that came late. Where an
    alert is about several agencies, `agencies` are all of them, and `agency` is the one that acted last (row B1).
    """

    alert_id: str
    version: int
    rule: str
    subject: str
    timeline: str
    severity: Severity
    state: AlertState
    raised_at: Instant
    policy_version: str
    calendar_version: str
    explanation: dict[str, str]
    clock: str | None = None
    kind: str | None = None
    case_ref: str | None = None
    source_ref: str | None = None
    agency: str | None = None
    agencies: list[str] = []
    section: str | None = None
    officer: str | None = None
    due_at: Instant | None = None
    settled_at: Instant | None = None
    corrected_at: Instant | None = None
    provisional: bool = False
    evidence: list[str] = []
    trail: list[TrailStep] = []


class AlertRaisedV1(AlertV1):
    pass


class AlertEscalatedV1(AlertV1):
    pass


class AlertSettledV1(AlertV1):
    pass


class AlertCorrectedV1(AlertV1):
    pass
