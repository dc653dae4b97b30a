"""Events of approvals.v1, in the order of an application's life (domain rows C1, C2)."""

from typing import Literal

from services.contracts.envelope import EventModel
from services.contracts.instants import Instant
from services.contracts.limits import Limit

PauseGround = Literal[
    "hearing", "bidding", "auction", "inspection", "testing", "quarantine", "appraisal", "expert_review",
    "correction_of_materials",
]  # fmt: skip


class ApprovalAppliedV1(EventModel):
    """An application for a catalogue item. What the catalogue said that day is written in, not looked up later."""

    item: str
    agency: str
    procedure: str = "permit-standard"
    item_version: str | None = None
    section: str | None = None
    officer: str | None = None
    project: str | None = None
    enterprise: str | None = None
    at_centre: bool = True
    source_ref: str | None = None


class ApprovalAcceptedV1(EventModel):
    """Acceptance (受理) starts the clocks; its day is day zero. `due_at` is a deadline set by an imported log."""

    agency: str
    section: str | None = None
    officer: str | None = None
    statutory_limit: Limit | None = None
    promised_limit: Limit | None = None
    due_at: Instant | None = None


class ApprovalRefusedV1(EventModel):
    """Not accepted (不予受理), with the reason that must be given in writing."""

    agency: str
    reason: Literal["not_required", "not_competent", "incomplete", "false_materials"]


class ApprovalStageStartedV1(EventModel):
    stage: str
    agency: str
    section: str | None = None
    officer: str | None = None
    limit: Limit | None = None
    due_at: Instant | None = None


class ApprovalStageFinishedV1(EventModel):
    stage: str
    agency: str
    section: str | None = None
    officer: str | None = None


class ApprovalPausedV1(EventModel):
    """The legal clock stops (licensing law art. 45); `notice_ref` is the written notice to the applicant."""

    agency: str
    ground: PauseGround
    notice_ref: str


class ApprovalResumedV1(EventModel):
    agency: str


class ApprovalExtendedV1(EventModel):
    """Extension (licensing law art. 42): approved, with the reason notified."""

    agency: str
    limit: Limit
    approved_by: str
    notice_ref: str


class ApprovalDecidedV1(EventModel):
    agency: str
    outcome: Literal["granted", "denied", "withdrawn"]
    section: str | None = None
    officer: str | None = None


class ApprovalDeliveredV1(EventModel):
    agency: str
