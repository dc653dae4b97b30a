"""Events of complaints.v1, in the order of a complaint's life (domain rows A1, A2, B1-B5).

What people write is on the log by reference alone: `…_ref` and `reason` hold references or codes, never sentences.
`handler` is the opaque account of whoever decided, so that an appeal can be decided by somebody else.
"""

from datetime import date
from typing import Annotated, Literal

import msgspec

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
Finding = Literal["verified", "partly", "unfounded"]
PauseGround = Literal["appraisal", "testing", "litigation", "supplement_by_complainant", "third_party_records"]
AppealGround = Literal["facts", "evidence", "procedure", "result", "attitude", "other"]
AppealOutcome = Literal["upheld", "overturned"]
CallBackWay = Literal["telephone", "inbox", "questionnaire", "visit"]
CallBackOutcome = Literal["rated", "unreachable", "declined"]
Satisfaction = Annotated[int, msgspec.Meta(ge=1, le=5)]


class ComplaintFiledV1(EventModel):
    """`agency`/`section`/`officer` are whom it is about. `procedure` names the clocks in policies/cases.yaml.

    `identity_ref` says that the person gave a name; it tells nothing of it and is another one for every complaint.
    `intake` has the channel's own fields (row A1): opaque or categorical only. `item` is what it is about in the
    catalogue of powers, `occurred_on` the day on which it happened.
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
    item: str | None = None
    occurred_on: date | None = None
    intake: dict[str, str | bool | list[str]] = {}


class ComplaintIdentifiedV1(EventModel):
    """The person gave a name after filing (row A3). `identity_ref` as of a filing; the identity itself is sealed."""

    identity_ref: str


class ComplaintMergedV1(EventModel):
    """Filed again by somebody: the case `into`, filed earlier, is handled for both; the answer goes to both."""

    into: str
    agency: str | None = None


class ComplaintAcceptedV1(EventModel):
    """`severity` is how grave the matter is; from a severity in policy on the head signs (row B4)."""

    agency: str | None = None
    severity: Severity | None = None


class ComplaintRefusedV1(EventModel):
    """`answer_back`: the body that passed the complaint on waits for word under its own number."""

    reason: RefusalReason
    agency: str | None = None
    handler: str | None = None
    answer_back: bool = False


class ComplaintRefusalAppealedV1(EventModel):
    """The person appeals against the refusal (row A2)."""

    ground: AppealGround = "other"
    text_ref: str | None = None
    agency: str | None = None


class ComplaintRefusalReviewedV1(EventModel):
    """Somebody other than who refused upholds the refusal, or overturns it: then the complaint is accepted."""

    outcome: AppealOutcome
    handler: str | None = None
    agency: str | None = None


class ComplaintDispatchedV1(EventModel):
    """`due_at` is a deadline that the source itself set for the conclusion; without it policy's limit holds.

    `assisting` are agencies, or sections of them: "finance", "finance/budget".
    """

    agency: str
    section: str | None = None
    officer: str | None = None
    assisting: list[str] = []
    due_at: Instant | None = None


class ComplaintTransferredV1(EventModel):
    """The office moves the case from one lead agency to another; the clock from the first dispatch runs on (row B1)."""

    agency: str
    reason: str
    section: str | None = None
    officer: str | None = None
    assisting: list[str] = []


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


class ComplaintAdvisedV1(EventModel):
    """The opinion of an assisting agency (row B1). `assisting` are the entries of the dispatch that it answers."""

    agency: str
    section: str | None = None
    opinion_ref: str | None = None
    evidence_refs: list[str] = []
    assisting: list[str] = []


class ComplaintPausedV1(EventModel):
    """Time that does not count, approved by the office; `notice_ref` is the written notice (row B2)."""

    ground: PauseGround
    notice_ref: str
    approved_by: str
    agency: str | None = None


class ComplaintResumedV1(EventModel):
    agency: str | None = None


class ComplaintConcludedV1(EventModel):
    """`sign_off_required`: no reply before the head has signed (row B4). `correction_due`: the finding stands, and what
    was found has to be put right (row B5); of a finding that is still to be signed, the signature says so."""

    agency: str
    finding: Finding
    offence: Offence = "other"
    section: str | None = None
    officer: str | None = None
    evidence_refs: list[str] = []
    severity: Severity | None = None
    sign_off_required: bool = False
    correction_due: bool = False
    handler: str | None = None


class ComplaintSignedOffV1(EventModel):
    """The agency's head (一把手) signs the conclusion, or sends it back (row B4)."""

    agency: str
    approved: bool = True
    correction_due: bool = False
    handler: str | None = None
    reason: str | None = None


class ComplaintRepliedV1(EventModel):
    """`lead` is the case whose answer this is, for a merged one. `supplementary`: there was a reply before."""

    agency: str | None = None
    text_ref: str | None = None
    lead: str | None = None
    supplementary: bool = False
    answer_back: bool = False


class ComplaintAnsweredBackV1(EventModel):
    """The answer went back to the body that had passed the complaint on, under that body's own number (row A1)."""

    channel: Channel
    their_ref: str
    agency: str | None = None


class ComplaintCalledBackV1(EventModel):
    """The call-back (回访): 5 very satisfied to 1 very dissatisfied. `redo`: it has to be put right (重办, row B3)."""

    way: CallBackWay
    outcome: CallBackOutcome
    satisfaction: Satisfaction | None = None
    redo: bool = False
    agency: str | None = None


class ComplaintAppealedV1(EventModel):
    """The person asks for a review (复核) of the conclusion (row B3)."""

    ground: AppealGround = "other"
    text_ref: str | None = None
    agency: str | None = None


class ComplaintReviewedV1(EventModel):
    """Somebody other than who concluded upholds the conclusion, or overturns it: `redo` says it is handled again."""

    outcome: AppealOutcome
    redo: bool = False
    handler: str | None = None
    agency: str | None = None


class ComplaintCorrectedV1(EventModel):
    """What was verified has been put right (row B5)."""

    agency: str
    section: str | None = None
    evidence_refs: list[str] = []


class ComplaintClosedV1(EventModel):
    agency: str | None = None
