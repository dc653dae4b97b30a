"""Events of complaints.v1, in the order of a complaint's life (domain rows A1, A2, B1-B3)."""

from typing import Literal

from services.contracts.envelope import EventModel
from services.contracts.instants import Instant
from services.contracts.limits import Limit

Channel = Literal[
    "hotline", "website", "letter", "questionnaire", "supervision_box", "media", "procuratorate", "report_centre",
    "petition_office", "supervisor", "reception_day", "email", "open311", "import",
]  # fmt: skip
Offence = Literal[
    "delay", "buck_passing", "arbitrary_inspection", "arbitrary_charge", "arbitrary_fine", "arbitrary_apportionment",
    "extortion", "bad_attitude", "obstruction", "off_centre_handling", "unqualified_enforcement", "broken_promise",
    "suppression", "service_request", "other",
]  # fmt: skip
RefusalReason = Literal["not_an_agency_matter", "in_litigation", "already_answered_finally", "other_statutory_channel"]
Severity = Literal["notice", "warning", "yellow", "red"]


class ComplaintFiledV1(EventModel):
    """`agency`/`section`/`officer` are whom it is about. `procedure` names the clocks in policies/cases.yaml.

    `identity_ref` says that the person gave a name; it tells nothing of it and is another one for every complaint.
    """

    channel: Channel
    procedure: str = "complaint-standard"
    offence: Offence = "other"
    agency: str | None = None
    section: str | None = None
    officer: str | None = None
    enterprise: str | None = None
    place: str | None = None
    source_ref: str | None = None
    text_ref: str | None = None
    identity_ref: str | None = None


class ComplaintAcceptedV1(EventModel):
    agency: str | None = None


class ComplaintRefusedV1(EventModel):
    reason: RefusalReason
    agency: str | None = None


class ComplaintDispatchedV1(EventModel):
    """`due_at` is a deadline that the source itself set for the conclusion; without it policy's limit holds."""

    agency: str
    section: str | None = None
    officer: str | None = None
    assisting: list[str] = []
    due_at: Instant | None = None


class ComplaintSignedV1(EventModel):
    """The lead agency signs in the case."""

    agency: str
    section: str | None = None
    officer: str | None = None


class ComplaintReturnedV1(EventModel):
    """The agency returns the case to the office with a reason; the clock from the first dispatch runs on."""

    agency: str
    reason: str


class ComplaintRespondedV1(EventModel):
    agency: str


class ComplaintExtendedV1(EventModel):
    """More time for the conclusion, approved and notified."""

    limit: Limit
    approved_by: str
    reason: str
    agency: str | None = None


class ComplaintConcludedV1(EventModel):
    agency: str
    finding: Literal["verified", "partly", "unfounded"]
    offence: Offence = "other"
    section: str | None = None
    officer: str | None = None
    evidence_refs: list[str] = []


class ComplaintRepliedV1(EventModel):
    agency: str | None = None
