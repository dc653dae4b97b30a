"""The anonymous inbox (row A3): what the holder of a receipt code sees of their complaint, and what they add to it.

Free of HTTP. What was said is read from the case's events and the texts that they refer to; nothing is kept twice.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from services.complaints.attachments.service import Attachments
from services.complaints.domain.deciding import PERSON
from services.complaints.inbox_schemas import MAX_REFS, Message, Said, Step, Thread, check_words
from services.complaints.service import ComplaintService
from services.contracts.conversation import ComplaintAskedV1, ComplaintSupplementedV1
from services.contracts.envelope import EventModel
from services.contracts.identifiers import name_of, new_id
from services.contracts.identity import Identity
from services.contracts.instants import from_micros
from services.contracts.registry import event_type
from services.shared.access import Principal, Reach
from services.shared.bodies import Body
from services.shared.cases import Recorded
from services.shared.commands import Answer, NotFound, Order
from services.shared.problems import Problem

# What the person may do where the complaint stands: say something, rate the handling, appeal, give their name (rows
# A2, A3, B3).
SUPPLEMENT, RATE, APPEAL, APPEAL_REFUSAL = "supplement", "call-back", "appeal", "appeal-refusal"
IDENTIFY = "identify"
PERSONS_COMMANDS = (SUPPLEMENT, RATE, APPEAL, APPEAL_REFUSAL, IDENTIFY)
_ASKED, _SUPPLEMENTED = event_type(ComplaintAskedV1), event_type(ComplaintSupplementedV1)
_SPEAKER: dict[str, Literal["person", "office"]] = {
    "complaint.filed.v1": PERSON, _SUPPLEMENTED: PERSON, "complaint.appealed.v1": PERSON,
    "complaint.refusal_appealed.v1": PERSON, _ASKED: "office", "complaint.replied.v1": "office",
}  # fmt: skip


class Inbox:
    """What a receipt code opens. The case id comes from the session, never from the request."""

    def __init__(self, service: ComplaintService, attachments: Attachments, bodies: Mapping[str, Body[Any]]) -> None:
        self._service, self._attachments, self._bodies = service, attachments, bodies

    def thread(self, case_id: str) -> Thread:
        """How the complaint stands and what was said. Raises NotFound."""
        stored = self._service.cases.load(case_id)
        if stored is None:
            raise NotFound(case_id)
        history = self._service.cases.history(case_id)
        steps = [Step(e.type, from_micros(e.at)) for e in history if e.type not in (_ASKED, _SUPPLEMENTED)]
        allowed = self._service.kind.life.allowed(stored.case.status)
        may = [command for command in PERSONS_COMMANDS if command in allowed]
        if stored.case.identity_ref is not None:
            may.remove(IDENTIFY)
        again = self._service.handled_again_at_most(stored.case) if RATE in may else None
        return Thread(stored.case.status, steps, self.messages(history), may, again)

    def messages(self, history: Sequence[Recorded]) -> list[Said]:
        """What was said in `history`, the first words first."""
        spoken = [(e, msgspec.json.decode(e.data)) for e in history if e.type in _SPEAKER]
        answered = {data.get("answers") for _, data in spoken}
        return [
            said
            for event, data in spoken
            if (said := self._said(event, data, event.sequence in answered)).text or said.evidence
        ]

    def _said(self, event: Recorded, data: dict[str, Any], answered: bool) -> Said:
        text_ref = data.get("text_ref")
        text = (self._service.words(text_ref) or "") if text_ref else ""
        evidence = len(data.get("evidence_refs", ())) if event.type == _SUPPLEMENTED else 0
        return Said(
            sequence=event.sequence, at=from_micros(event.at), by=_SPEAKER[event.type], text=text, evidence=evidence,
            answered=answered,
        )  # fmt: skip

    def say(self, case_id: str, message: Message, key: str | None = None) -> Answer:
        """Add words, evidence sent before, or both. Raises what a command raises, and Missing for foreign evidence."""
        if message.text or not message.evidence_refs:
            check_words(message.text)
        if len(message.evidence_refs) > MAX_REFS:
            raise Problem(422, "The request is not valid", f"at most {MAX_REFS} files at once", slug="invalid")
        for ref in message.evidence_refs:
            self._attachments.find(case_id, ref)
        request = name_of("inbox", case_id, key or new_id())
        text_ref = self._service.keep_text(message.text, request) if message.text else None
        data = ComplaintSupplementedV1(
            text_ref=text_ref, evidence_refs=list(message.evidence_refs), answers=message.answers
        )
        return self._execute(case_id, SUPPLEMENT, data, key=key)

    def rate(self, case_id: str, satisfaction: int, key: str | None = None) -> Answer:
        """The person's answer to the call-back: 5 very satisfied to 1 very dissatisfied (row B3)."""
        return self._act(case_id, RATE, {"way": "inbox", "outcome": "rated", "satisfaction": satisfaction}, key)

    def identify(self, case_id: str, identity: Identity, key: str | None = None) -> Answer:
        """Who the person is, sealed as at filing. Raises a 503 problem when it cannot be sealed."""
        return self._act(case_id, IDENTIFY, {"identity": identity}, key)

    def appeal(self, case_id: str, text: str, key: str | None = None) -> Answer:
        """Appeal against the refusal where the complaint was refused, else against the conclusion (rows A2, B3)."""
        check_words(text)
        stored = self._service.cases.load(case_id)
        if stored is None:
            raise NotFound(case_id)
        refused = APPEAL_REFUSAL in self._service.kind.life.allowed(stored.case.status)
        return self._act(case_id, APPEAL_REFUSAL if refused else APPEAL, {"text": text}, key)

    def _act(self, case_id: str, command: str, body: dict[str, Any], key: str | None) -> Answer:
        """A command as the API would take it, by the person whose case it is."""
        request = name_of("inbox", case_id, key or new_id())
        return self._execute(case_id, command, *self._bodies[command].take(msgspec.json.encode(body), request), key=key)

    def _execute(
        self, case_id: str, command: str, data: EventModel, beside: dict[str, Any] | None = None, key: str | None = None
    ) -> Answer:
        order = Order(
            name=command, data=data, actor=Principal(PERSON, frozenset({"holder"})), reach=Reach(city=True),
            case_id=case_id, key=key, beside=beside or {},
        )  # fmt: skip
        return self._service.execute(order)[0]
