"""One realistic record of every event type, in the order of a case's life: the examples that are committed.

Free of I/O and of chance: the city is Lingyuan, the year 2026, the names are those of policies/city.yaml's kind.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone
from typing import NamedTuple

from services.contracts import (
    alerts,
    approvals,
    audit,
    clock,
    codec,
    complaints,
    conversation,
    dead_letters,
    directives,
    facts,
    inspections,
)  # fmt: skip
from services.contracts.envelope import EventModel
from services.contracts.identifiers import alert_id, name_of
from services.contracts.limits import Limit
from services.contracts.registry import event_type

_CITY_TIME = timezone(timedelta(hours=8))
_COMPLAINT = "complaint-019c3a40-6d00-7c11-9a52-0f3be7d1a001"
_APPROVAL = "approval-019c3a41-1f00-7a02-8b11-5d20c9e3b002"
_INSPECTION = "inspection-019c3a42-2200-7f33-9c77-1a44f0b2c003"
_DIRECTIVE = "directive-019c3a43-4800-7b64-8d05-66c1e2f4d004"
_REPLY = alert_id("unanswered", "live", _COMPLAINT, "reply")
_REPEAT_FACT = name_of("fact", _COMPLAINT, "reply")


class _Record(NamedTuple):
    at: str  # month, day and time of day in 2026
    data: EventModel


def _at(text: str) -> datetime:
    return datetime.strptime(f"2026-{text}", "%Y-%m-%d %H:%M").replace(tzinfo=_CITY_TIME)


def _id(event: str) -> str:
    """The id of the example event `event`, so that other examples can point at it."""
    digits = name_of("example", event)
    return f"019c3a40-{digits[:4]}-7{digits[4:7]}-8{digits[7:10]}-{digits[10:22]}"


_LIVES: dict[tuple[str, str], Sequence[_Record]] = {
    ("/complaints", _COMPLAINT): (
        _Record("03-02 09:12", complaints.ComplaintFiledV1(
            channel="hotline", offence="arbitrary_charge", agency="housing", section="approval",
            enterprise="enterprise-0417", item="construction-permit", text_ref="text-5f1c",
            identity_ref="identity-7b02", intake={"call_ref": "call-2026-0302-0117", "caller": "unknown"})),
        _Record("03-02 15:40", complaints.ComplaintAcceptedV1(severity="yellow")),
        _Record("03-03 08:55", complaints.ComplaintDispatchedV1(
            agency="housing", section="approval", assisting=["finance"])),
        _Record("03-03 16:20", complaints.ComplaintReturnedV1(agency="housing", reason="the seal office took it")),
        _Record("03-04 08:40", complaints.ComplaintTransferredV1(
            agency="housing", section="approval", reason="text-91d2", assisting=["finance/non-tax"])),
        _Record("03-04 09:05", complaints.ComplaintSignedV1(
            agency="housing", section="approval", officer="housing-approval-02")),
        _Record("03-05 10:30", complaints.ComplaintRespondedV1(agency="housing")),
        _Record("03-06 09:10", complaints.ComplaintAdvisedV1(
            agency="finance", section="non-tax", opinion_ref="text-77b0", evidence_refs=["fee-catalogue-2026-03"],
            assisting=["finance/non-tax"])),
        _Record("03-09 10:00", complaints.ComplaintPausedV1(
            agency="housing", ground="third_party_records", notice_ref="notice-2026-0087", approved_by="office-1")),
        _Record("03-12 15:00", complaints.ComplaintResumedV1(agency="housing")),
        _Record("03-13 14:00", complaints.ComplaintExtendedV1(
            agency="housing", limit=Limit(amount=5), approved_by="office-head",
            reason="accounts of the sealing firm still to be read")),
        _Record("03-20 11:15", complaints.ComplaintConcludedV1(
            agency="housing", section="approval", officer="housing-approval-02", finding="verified",
            offence="arbitrary_charge", evidence_refs=["receipt-7781", "fee-catalogue-2026-03"], severity="yellow",
            sign_off_required=True, handler="housing-desk-2")),
        _Record("03-23 09:30", complaints.ComplaintSignedOffV1(
            agency="housing", correction_due=True, handler="housing-head")),
        _Record("04-02 16:40", complaints.ComplaintCorrectedV1(
            agency="housing", section="approval", evidence_refs=["refund-2026-0402"])),
        _Record("04-09 09:00", complaints.ComplaintRepliedV1(agency="housing", text_ref="text-c0de")),
        _Record("04-13 10:15", complaints.ComplaintCalledBackV1(
            agency="housing", way="telephone", outcome="rated", satisfaction=2)),
        _Record("04-14 19:02", complaints.ComplaintAppealedV1(
            agency="housing", ground="result", text_ref="text-4b1d")),
        _Record("04-22 11:00", complaints.ComplaintReviewedV1(
            agency="housing", outcome="upheld", handler="office-3")),
        _Record("04-30 09:00", complaints.ComplaintClosedV1(agency="housing")),
    ),
    ("/complaints", "complaint-019c3a44-0a00-7e81-8c3d-92aa10b7e005"): (
        _Record("03-03 10:02", complaints.ComplaintRefusedV1(
            reason="in_litigation", handler="clerk-4", answer_back=True)),
        _Record("03-04 09:30", complaints.ComplaintAnsweredBackV1(
            channel="petition_office", their_ref="petition-2026-0611")),
        _Record("03-06 20:11", complaints.ComplaintRefusalAppealedV1(ground="facts", text_ref="text-0aa3")),
        _Record("03-11 10:40", complaints.ComplaintRefusalReviewedV1(outcome="upheld", handler="office-2")),
    ),
    ("/complaints", "complaint-019c3a44-1c00-7a10-8d20-00b1c2d3e007"): (
        _Record("03-05 11:30", complaints.ComplaintMergedV1(into=_COMPLAINT)),
    ),
    ("/complaints", "complaint-019c3a45-5b00-7d16-a0c2-6ee174f0d006"): (
        _Record("03-06 09:40", conversation.ComplaintAskedV1(agency="housing", text_ref="text-81d0")),
        _Record("03-07 20:15", conversation.ComplaintSupplementedV1(
            text_ref="text-c24e", evidence_refs=["evidence-9b1e44c07a52"], answers=1)),
        _Record("03-07 20:20", complaints.ComplaintIdentifiedV1(identity_ref="identity-2e90")),
    ),
    ("/approvals", _APPROVAL): (
        _Record("03-02 08:47", approvals.ApprovalAppliedV1(
            item="construction-permit", item_version="2026.1", agency="housing", section="approval",
            officer="housing-approval-01", project="project-2026-018", enterprise="enterprise-0417")),
        _Record("03-02 14:10", approvals.ApprovalAcceptedV1(
            agency="housing", section="approval", officer="housing-approval-01",
            statutory_limit=Limit(amount=15), promised_limit=Limit(amount=7))),
        _Record("03-02 14:30", approvals.ApprovalStageStartedV1(
            stage="survey", agency="housing", section="survey", limit=Limit(amount=3))),
        _Record("03-04 17:05", approvals.ApprovalStageFinishedV1(
            stage="survey", agency="housing", section="survey", officer="housing-survey-01")),
        _Record("03-05 09:20", approvals.ApprovalPausedV1(
            agency="housing", ground="expert_review", notice_ref="notice-2026-0093")),
        _Record("03-12 16:45", approvals.ApprovalResumedV1(agency="housing")),
        _Record("03-13 11:00", approvals.ApprovalExtendedV1(
            agency="housing", limit=Limit(amount=10), approved_by="housing-head", notice_ref="notice-2026-0101")),
        _Record("03-16 15:30", approvals.ApprovalDecidedV1(
            agency="housing", outcome="granted", section="approval", officer="housing-approval-01")),
        _Record("03-17 09:10", approvals.ApprovalDeliveredV1(agency="housing")),
    ),
    ("/approvals", "approval-019c3a45-7700-7d20-9b6e-3c58f1a2f006"): (
        _Record("03-06 10:25", approvals.ApprovalRefusedV1(agency="health", reason="incomplete")),
    ),
    ("/inspections", _INSPECTION): (
        _Record("03-09 09:30", inspections.InspectionVisitedV1(agency="health", section="sanitation", covert=True)),
        _Record("03-09 11:05", inspections.InspectionFoundV1(
            agency="health", section="sanitation", officer="health-sanitation-02", finding_id="finding-1",
            offence="bad_attitude", severity="warning", evidence_refs=["video-2026-0309-2"])),
        _Record("03-11 16:00", inspections.InspectionClosedV1(agency="health")),
    ),
    ("/directives", _DIRECTIVE): (
        _Record("03-21 10:00", directives.DirectiveIssuedV1(
            agency="housing", section="approval", kind="rectification", limit=Limit(amount=10),
            origin_ref=_COMPLAINT)),
        _Record("04-02 15:20", directives.DirectiveReportedV1(
            agency="housing", evidence_refs=["refund-list-2026-04", "pledge-2026-04"])),
        _Record("04-07 09:40", directives.DirectiveVerifiedV1(agency="housing", accepted=False, limit=Limit(amount=5))),
    ),
    ("/approvals", "clock"): (_Record("03-23 00:00", clock.ClockTickedV1(as_of=_at("03-22 23:59"))),),
    ("/approvals", "calendar"): (
        _Record("11-05 09:00", clock.CalendarDecreedV1(
            year=2027, version="cn-2027", holidays=[date(2027, 1, 1)], makeup_workdays=[date(2027, 2, 20)])),
    ),
}  # fmt: skip


def _outcomes() -> dict[tuple[str, str], Sequence[_Record]]:
    raised, late, replied = _at("03-31 00:01"), _at("04-07 23:59"), _at("04-09 09:00")
    due, corrected_at = _at("03-30 23:59"), _at("04-10 08:30")
    words = {
        "zh": "投诉“回复”限期15个工作日，经批准延长5个工作日，2026年3月30日24时届满，未见回复。",
        "en": "The reply was due in 15 working days and 5 by extension, by the end of 30 March 2026. There is none.",
    }
    steps = [
        alerts.TrailStep(step="started", at=_at("03-02 09:12"), event_id=_id("complaint.filed.v1")),
        alerts.TrailStep(step="extended", at=_at("03-13 14:00"), event_id=_id("complaint.extended.v1")),
        alerts.TrailStep(step="due", at=due, detail={"amount": 20, "unit": "working_days", "calendar": "cn-2026"}),
        alerts.TrailStep(step="breached", at=raised),
    ]
    common: dict[str, object] = {
        "alert_id": _REPLY, "rule": "unanswered", "clock": "reply", "subject": _COMPLAINT, "case_ref": _COMPLAINT,
        "kind": "complaint", "timeline": "live", "agency": "housing", "section": "approval",
        "officer": "housing-approval-02", "raised_at": raised, "due_at": due, "policy_version": "2026.1",
        "calendar_version": "cn-2026", "explanation": words,
        "evidence": [_id("complaint.filed.v1"), _id("complaint.extended.v1")],
    }  # fmt: skip
    escalated = alerts.TrailStep(step="escalated", at=late, detail={"severity": "red"})
    settled = alerts.TrailStep(step="settled", at=replied, event_id=_id("complaint.replied.v1"))
    corrected = alerts.TrailStep(step="corrected", at=corrected_at, event_id=_id("complaint.replied.v1"))
    return {
        ("/supervision", _REPLY): (
            _Record("03-31 00:01", _alert(alerts.AlertRaisedV1, common, version=1, severity="yellow", state="open",
                                          trail=steps)),
            _Record("04-07 23:59", _alert(alerts.AlertEscalatedV1, common, version=2, severity="red", state="open",
                                          trail=[*steps, escalated])),
            _Record("04-09 09:00", _alert(alerts.AlertSettledV1, common, version=3, severity="red", state="settled",
                                          settled_at=replied, trail=[*steps, escalated, settled])),
            _Record("04-10 08:30", _alert(alerts.AlertCorrectedV1, common, version=4, severity="red", state="corrected",
                                          corrected_at=corrected_at, trail=[*steps, escalated, corrected])),
        ),
        ("/supervision", "agency:housing"): (
            _Record("03-31 00:01", facts.FactRecordedV1(
                fact_id=_REPEAT_FACT, subject="agency:housing", offence="unanswered", known_at=raised,
                occurred_at=due, case_ref=_COMPLAINT, agency="housing", section="approval",
                officer="housing-approval-02", alert_id=_REPLY, severity="yellow",
                evidence=[_id("complaint.filed.v1")])),
        ),
        ("/supervision", "complaints.v1-2-1044"): (
            _Record("03-31 00:02", dead_letters.DeadLetterV1(
                topic="complaints.v1", partition=2, offset=1044, consumer="supervision.cases",
                reason="complaint.filed.v1: Object missing required field `channel`", seen_at=_at("03-31 00:02"),
                key="Y29tcGxhaW50LTE=", value="eyJ0eXBlIjoiY29tcGxhaW50LmZpbGVkLnYxIn0=")),
        ),
        ("/audit", "audit"): (
            _Record("03-31 00:03", audit.AuditSealedV1(
                trail_sequence=1, trail_hash="9f3c" * 16, day=date(2026, 3, 30), sealed_at=_at("03-31 00:03"),
                key_id="5d20c9e3b0020f3b", signature="q83v" * 21 + "qw==")),
        ),
    }  # fmt: skip


def _alert(model: type[alerts.AlertV1], common: dict[str, object], **own: object) -> alerts.AlertV1:
    return model(**(common | own))  # type: ignore[arg-type]


def examples() -> dict[str, bytes]:
    """Event type -> the value of one record of it, as it would lie on the log. Every event type has one."""
    found: dict[str, bytes] = {}
    for (source, subject), records in (_LIVES | _outcomes()).items():
        for sequence, record in enumerate(records, start=1):
            name = event_type(type(record.data))
            found[name] = codec.encode(
                record.data, id=_id(name), source=source, subject=subject, time=_at(record.at), sequence=sequence
            )
    return found
