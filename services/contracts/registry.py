"""Which class is the data of which event type."""

import re
from functools import cache

from services.contracts import (
    alerts,
    approvals,
    audit,
    clock,
    complaints,
    conversation,
    dead_letters,
    directives,
    facts,
    inspections,
)
from services.contracts.envelope import EventModel

_TOPIC_MODELS: dict[str, tuple[type[EventModel], ...]] = {
    "complaints.v1": (
        complaints.ComplaintFiledV1, complaints.ComplaintMergedV1, complaints.ComplaintAcceptedV1,
        complaints.ComplaintRefusedV1, complaints.ComplaintRefusalAppealedV1, complaints.ComplaintRefusalReviewedV1,
        complaints.ComplaintDispatchedV1, complaints.ComplaintTransferredV1, complaints.ComplaintSignedV1,
        complaints.ComplaintReturnedV1, complaints.ComplaintRespondedV1, complaints.ComplaintAdvisedV1,
        complaints.ComplaintExtendedV1, complaints.ComplaintPausedV1, complaints.ComplaintResumedV1,
        complaints.ComplaintConcludedV1, complaints.ComplaintSignedOffV1, complaints.ComplaintRepliedV1,
        complaints.ComplaintAnsweredBackV1, complaints.ComplaintCalledBackV1, complaints.ComplaintAppealedV1,
        complaints.ComplaintReviewedV1, complaints.ComplaintCorrectedV1, complaints.ComplaintClosedV1,
        complaints.ComplaintIdentifiedV1, conversation.ComplaintAskedV1,
        conversation.ComplaintSupplementedV1,
    ),
    "approvals.v1": (
        approvals.ApprovalAppliedV1, approvals.ApprovalAcceptedV1, approvals.ApprovalRefusedV1,
        approvals.ApprovalStageStartedV1, approvals.ApprovalStageFinishedV1, approvals.ApprovalPausedV1,
        approvals.ApprovalResumedV1, approvals.ApprovalExtendedV1, approvals.ApprovalDecidedV1,
        approvals.ApprovalDeliveredV1,
    ),
    "inspections.v1": (
        inspections.InspectionVisitedV1, inspections.InspectionFoundV1, inspections.InspectionClosedV1,
    ),
    "directives.v1": (directives.DirectiveIssuedV1, directives.DirectiveReportedV1, directives.DirectiveVerifiedV1),
    "facts.v1": (facts.FactRecordedV1,),
    "alerts.v1": (
        alerts.AlertRaisedV1, alerts.AlertEscalatedV1, alerts.AlertSettledV1, alerts.AlertCorrectedV1,
    ),
    "dead-letters.v1": (dead_letters.DeadLetterV1,),
    "audit-heads.v1": (audit.AuditSealedV1,),
}  # fmt: skip
_WITHOUT_TICKS = ("dead-letters.v1", "audit-heads.v1")
_EVERYWHERE = (clock.ClockTickedV1,)
_SOURCES = ("complaints.v1", "approvals.v1", "inspections.v1", "directives.v1")


@cache
def event_type(model: type[EventModel]) -> str:
    """The CloudEvents type of a model: ComplaintAcceptedV1 is "complaint.accepted.v1"."""
    words = re.findall(r"[A-Z][a-z]+|V\d+", model.__name__)
    noun, *verb, version = (word.lower() for word in words)
    return f"{noun}.{'_'.join(verb)}.{version}"


def topic_models(topic: str) -> dict[str, type[EventModel]]:
    """Event type -> model, for every record that may lie in `topic`. Raises KeyError for an unknown topic."""
    models = _TOPIC_MODELS[topic]
    if topic not in _WITHOUT_TICKS:
        models += _EVERYWHERE
    if topic in _SOURCES:
        models += (clock.CalendarDecreedV1,)
    return {event_type(model): model for model in models}


TOPICS_WITH_MODELS = tuple(_TOPIC_MODELS)
MODELS: dict[str, type[EventModel]] = {
    name: model for topic in TOPICS_WITH_MODELS for name, model in topic_models(topic).items()
}
