"""What a command does to a complaint (rows A1, A2, B1-B5). Free of frameworks, clocks and I/O.

On the live timeline policy is applied here and written into the event: severity, sign-off, redo, who decided. A log of
another timeline says itself what happened; nothing is added to it.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from msgspec.structs import replace

from services.complaints.domain.complaint import ANSWERED, LIFE, Complaint
from services.complaints.domain.handling import Handling, graver
from services.contracts.complaints import (
    ComplaintAcceptedV1,
    ComplaintAdvisedV1,
    ComplaintAnsweredBackV1,
    ComplaintAppealedV1,
    ComplaintCalledBackV1,
    ComplaintClosedV1,
    ComplaintConcludedV1,
    ComplaintCorrectedV1,
    ComplaintDispatchedV1,
    ComplaintFiledV1,
    ComplaintIdentifiedV1,
    ComplaintMergedV1,
    ComplaintRefusalReviewedV1,
    ComplaintRefusedV1,
    ComplaintRepliedV1,
    ComplaintRespondedV1,
    ComplaintReturnedV1,
    ComplaintReviewedV1,
    ComplaintSignedOffV1,
    ComplaintSignedV1,
    ComplaintTransferredV1,
)
from services.contracts.envelope import LIVE, EventModel
from services.contracts.instants import to_micros
from services.contracts.lifecycle import Command, advance

Rule = Callable[[Complaint, Any, Command, Handling | None], tuple[dict[str, Any], EventModel]]
# The account under which the person acts, in their inbox: they have no other.
PERSON: Final = "person"
_FOUND = ("verified", "partly")
_OF_THE_LEAD = frozenset({"sign-in", "return", "conclude", "sign-off", "correct"})


def decide(document: Complaint, command: Command, now: datetime) -> tuple[Complaint, tuple[EventModel, ...]]:
    """The complaint after `command` at `now`, and the event that says so. `command.reference` is the policy in force
    (Handling), for a merge the Complaint to merge into; None: the command is taken as it is.

    Raises Refused when the complaint's status does not allow the command, when `now` lies before its last event, when
    an agency acts on a complaint that lies with another one (B1), or when a rule of the command is broken.
    """
    nexts = LIFE.next_statuses(document, command, now)
    reference = command.reference if document.timeline == LIVE else None
    handling = reference if isinstance(reference, Handling) else None
    rule = _RULES.get(type(command.data))
    changes, event = rule(document, command.data, command, handling) if rule else ({}, command.data)
    if isinstance(event, ComplaintFiledV1):
        changes["filed_at"] = to_micros(now)
    status = nexts[0] if len(nexts) == 1 else _branch(event)
    return advance(document, status, now, **changes), (event,)


def _branch(event: EventModel) -> str:
    """Where a command leads that may lead to several statuses."""
    match event:
        case ComplaintConcludedV1():
            return "awaiting_sign_off" if event.sign_off_required else "concluded"
        case ComplaintSignedOffV1():
            return "concluded" if event.approved else "signed"
        case ComplaintCalledBackV1():
            return "redo" if event.redo else "called_back"
        case ComplaintReviewedV1():
            return "redo" if event.redo else "upheld"
        case ComplaintRefusalReviewedV1():
            return "accepted" if event.outcome == "overturned" else "refusal_upheld"
    raise AssertionError(f"no branch for {type(event).__name__}")


def _file(_: Complaint, data: ComplaintFiledV1, __: Command, ___: Handling | None) -> Any:
    their_ref, supervisor = data.intake.get("their_ref"), data.intake.get("supervisor")
    return {
        "channel": data.channel, "about": data.agency, "offence": data.offence, "item": data.item,
        "place": data.place, "text_ref": data.text_ref,
        "their_ref": their_ref if isinstance(their_ref, str) else None,
        "supervisor": supervisor if isinstance(supervisor, str) else None, "identity_ref": data.identity_ref,
    }, data  # fmt: skip


def _identify(document: Complaint, data: ComplaintIdentifiedV1, _: Command, __: Handling | None) -> Any:
    """A name is given once: what the custodians hold of a person is one identity for one complaint (row A3)."""
    if document.identity_ref is not None:
        raise LIFE.refusal(document, "identified", "a name was given for this complaint before")
    return {"identity_ref": data.identity_ref}, data


def _merge(document: Complaint, data: ComplaintMergedV1, command: Command, _: Handling | None) -> Any:
    """Only into a case filed earlier that is handled itself: so no two cases can ever be merged into one another."""
    if document.timeline == LIVE:
        lead = command.reference
        if not isinstance(lead, Complaint) or lead.timeline != LIVE:
            raise LIFE.refusal(document, "no-lead-case", f"there is no complaint {data.into} to merge into")
        if (lead.filed_at, lead.case_id) >= (document.filed_at, document.case_id):
            raise LIFE.refusal(document, "lead-case-later", f"{data.into} was filed later: merge it into this one")
        if lead.merged_into or lead.status.startswith("refus"):
            detail = f"{data.into} is not handled itself: name the case that is"
            raise LIFE.refusal(document, "lead-case-not-handled", detail)
    return {"merged_into": data.into}, data


def _accept(document: Complaint, data: ComplaintAcceptedV1, _: Command, handling: Handling | None) -> Any:
    if handling:
        data = replace(data, severity=data.severity or handling.severity_of(document.offence))
    return {"severity": data.severity}, data


def _refuse(document: Complaint, data: ComplaintRefusedV1, command: Command, handling: Handling | None) -> Any:
    if handling:
        data = replace(data, handler=command.by, answer_back=document.their_ref is not None)
    return _handled(document, data.handler), data


def _dispatch(_: Complaint, data: ComplaintDispatchedV1 | ComplaintTransferredV1, __: Command, ___: Any) -> Any:
    return {"agency": data.agency, "assisting": tuple(data.assisting)}, data


def _by_lead(document: Complaint, data: Any, command: Command, _: Handling | None) -> Any:
    _lies_with(document, command.name, data.agency, f"the lead agency {document.agency}")
    return {}, data


def _respond(document: Complaint, data: ComplaintRespondedV1, command: Command, _: Handling | None) -> Any:
    _lies_with(document, command.name, data.agency, "its lead and assisting agencies")
    return {}, data


def _advise(document: Complaint, data: ComplaintAdvisedV1, command: Command, handling: Handling | None) -> Any:
    """An agency that assists by several of its sections may speak for one of them, or for all."""
    _lies_with(document, command.name, data.agency, "its assisting agencies")
    if handling:
        asked = [name for name in document.assisting if name.partition("/")[0] == data.agency]
        own = [name for name in asked if name == f"{data.agency}/{data.section}"]
        data = replace(data, assisting=own or asked)
    return {}, data


def _conclude(document: Complaint, data: ComplaintConcludedV1, command: Command, handling: Handling | None) -> Any:
    """Verified or partly verified needs evidence; grave matters need the head's signature, whatever was found (B4)."""
    _by_lead(document, data, command, handling)
    if handling:
        if data.finding in _FOUND and not data.evidence_refs:
            raise LIFE.refusal(document, "invalid", f"evidence_refs: {data.finding} needs at least one")
        severity = graver(document.severity, handling.severity_of(data.offence))
        signs = handling.needs_sign_off(severity)
        due = _to_correct(data) and not signs
        data = replace(data, severity=severity, sign_off_required=signs, correction_due=due, handler=command.by)
    return _handled(document, data.handler) | {
        "found": _to_correct(data), "correction_due": data.correction_due,
        "severity": data.severity or document.severity,
    }, data  # fmt: skip


def _to_correct(data: ComplaintConcludedV1) -> bool:
    return data.finding in _FOUND and data.offence != "service_request"


def _sign_off(document: Complaint, data: ComplaintSignedOffV1, command: Command, handling: Handling | None) -> Any:
    _by_lead(document, data, command, handling)
    if not data.approved and not data.reason:
        raise LIFE.refusal(document, "invalid", "reason: a conclusion that is sent back needs one")
    if handling:
        data = replace(data, correction_due=data.approved and document.found, handler=command.by)
    return _handled(document, data.handler) | {"correction_due": data.correction_due}, data


def _reply(document: Complaint, data: ComplaintRepliedV1, _: Command, handling: Handling | None) -> Any:
    if data.lead is not None and data.lead != document.merged_into:
        raise LIFE.refusal(document, "invalid", f"lead: this complaint is not merged into {data.lead}")
    if handling:
        again = document.status in ANSWERED
        first = document.status in ("concluded", "merged")
        data = replace(data, supplementary=again, answer_back=first and document.their_ref is not None)
    return {}, data


def _answer_back(document: Complaint, data: ComplaintAnsweredBackV1, _: Command, __: Handling | None) -> Any:
    if (data.channel, data.their_ref) != (document.channel, document.their_ref):
        known = f"{document.channel} and {document.their_ref}" if document.their_ref else "no number of theirs"
        raise LIFE.refusal(document, "invalid", f"channel and their_ref: this complaint has {known}")
    return {}, data


def _call_back(document: Complaint, data: ComplaintCalledBackV1, command: Command, handling: Handling | None) -> Any:
    """The way `inbox` is the person's own answer: nobody gives it for them."""
    if handling and (data.way == "inbox") != (command.by == PERSON):
        raise LIFE.refusal(document, "invalid", "way: inbox is the person's own answer, and no other")
    if (data.outcome == "rated") != (data.satisfaction is not None):
        raise LIFE.refusal(document, "invalid", "satisfaction: 1 to 5 with the outcome rated, and with no other")
    if handling:
        bad = data.satisfaction is not None and data.satisfaction <= handling.redo_at_most
        data = replace(data, redo=bad and document.redos < handling.redo_rounds)
    return {"redos": document.redos + data.redo}, data


def _appeal(document: Complaint, data: ComplaintAppealedV1, _: Command, handling: Handling | None) -> Any:
    if handling and document.appeals >= handling.appeals:
        raise LIFE.refusal(document, "final", f"{document.appeals} appeals were decided: that is the last instance")
    return {"appeals": document.appeals + 1}, data


def _review(
    document: Complaint, data: ComplaintReviewedV1 | ComplaintRefusalReviewedV1, command: Command,
    handling: Handling | None,
) -> Any:  # fmt: skip
    """By somebody who has not decided in this case before."""
    if handling:
        data = replace(data, handler=command.by)
    if handling and isinstance(data, ComplaintReviewedV1):
        data = replace(data, redo=data.outcome == "overturned")
    if data.handler is not None and data.handler in document.handlers:
        detail = f"{data.handler} has decided in this case before: an appeal is for somebody else"
        raise LIFE.refusal(document, "same-handler", detail)
    return _handled(document, data.handler), data


def _correct(document: Complaint, data: ComplaintCorrectedV1, command: Command, handling: Handling | None) -> Any:
    _by_lead(document, data, command, handling)
    if not document.correction_due:
        raise LIFE.refusal(document, "nothing-to-correct", "nothing verified is still to be put right here")
    if handling and not data.evidence_refs:
        raise LIFE.refusal(document, "invalid", "evidence_refs: a correction needs at least one")
    return {"correction_due": False}, data


def _close(document: Complaint, data: ComplaintClosedV1, _: Command, __: Handling | None) -> Any:
    if document.correction_due:
        raise LIFE.refusal(document, "correction-due", "what was verified is not put right yet: correct first")
    return {}, data


def _handled(document: Complaint, handler: str | None) -> dict[str, Any]:
    if handler is None or handler in document.handlers:
        return {}
    return {"handlers": (*document.handlers, handler)}


def assisting_agencies(document: Complaint) -> tuple[str, ...]:
    """The agencies of "finance" and "finance/budget"."""
    return tuple(name.partition("/")[0] for name in document.assisting)


def acting_agencies(document: Complaint, command: str) -> tuple[str | None, ...] | None:
    """The agencies that may give `command` for this complaint (row B1); None: whoever the table of roles says."""
    if command in _OF_THE_LEAD:
        return (document.agency,)
    if command == "respond":
        return (document.agency, *assisting_agencies(document))
    return assisting_agencies(document) if command == "advise" else None


def _lies_with(document: Complaint, command: str, agency: str, who: str) -> None:
    allowed = acting_agencies(document, command)
    if allowed is not None and agency not in allowed:
        detail = f"{command} by {agency}: this complaint lies with {document.agency}, so {command} is for {who}"
        raise LIFE.refusal(document, "wrong-agency", detail)


_RULES: dict[type[EventModel], Rule] = {
    ComplaintFiledV1: _file, ComplaintMergedV1: _merge, ComplaintAcceptedV1: _accept, ComplaintRefusedV1: _refuse,
    ComplaintRefusalReviewedV1: _review, ComplaintDispatchedV1: _dispatch, ComplaintTransferredV1: _dispatch,
    ComplaintSignedV1: _by_lead, ComplaintReturnedV1: _by_lead, ComplaintRespondedV1: _respond,
    ComplaintAdvisedV1: _advise, ComplaintConcludedV1: _conclude, ComplaintSignedOffV1: _sign_off,
    ComplaintRepliedV1: _reply, ComplaintAnsweredBackV1: _answer_back, ComplaintCalledBackV1: _call_back,
    ComplaintAppealedV1: _appeal, ComplaintReviewedV1: _review, ComplaintCorrectedV1: _correct,
    ComplaintClosedV1: _close, ComplaintIdentifiedV1: _identify,
}  # fmt: skip
