"""What complaints do beyond any case: texts kept apart, receipt codes, and what a code's holder may see."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from services.complaints.domain.complaint import LIFE, Complaint, decide
from services.complaints.receipts import Receipts
from services.complaints.repository import ComplaintRepository
from services.contracts.envelope import LIVE
from services.contracts.instants import from_micros
from services.shared.access import Reach
from services.shared.commands import Answer, CaseService, Kind, NotFound

KIND = Kind(service="complaints", topic="complaints.v1", case_type=Complaint, life=LIFE, decide=decide)


class Step(msgspec.Struct, frozen=True):
    """One thing that happened to a complaint, as its receipt's holder sees it."""

    event: str
    at: datetime


class Receipt(msgspec.Struct, frozen=True):
    """How a complaint stands. Neither the agency's people nor the text are told here."""

    status: str
    steps: list[Step]


class ComplaintService(CaseService[Complaint]):
    """Complaints: anonymous, answered by receipt code."""

    def __init__(
        self, complaints: ComplaintRepository, receipts: Receipts, groups: Mapping[str, str],
        clock: Callable[[], datetime],
    ) -> None:  # fmt: skip
        super().__init__(KIND, complaints, groups, clock)
        self._complaints, self._receipts = complaints, receipts

    def keep_text(self, text: str, request_name: str) -> str:
        """Keep what a person wrote and return its reference, the same for the same text of the same request."""
        text_ref = self._receipts.text_ref(text, request_name)
        self._complaints.keep_text(text_ref, text)
        return text_ref

    def text(self, case_id: str, reach: Reach) -> str:
        """What the person wrote. Raises NotFound or OutsideScope."""
        stored, _ = self.read(case_id, reach)
        text = self._complaints.text(stored.case.text_ref) if stored.case.text_ref else None
        if text is None:
            raise NotFound
        return text

    def receipt(self, code: str) -> Receipt:
        """How the complaint with this receipt code stands. Raises NotFound, the same for every code that is none."""
        case_id = self._complaints.by_receipt(self._receipts.hashed(code))
        stored = self._complaints.load(case_id) if case_id else None
        if stored is None:
            raise NotFound
        history = self._complaints.history(stored.case.case_id)
        return Receipt(stored.case.status, [Step(e.type, from_micros(e.at)) for e in history])

    def beside(self, case: Complaint) -> dict[str, Any]:
        if case.timeline != LIVE:
            return {}
        return {"receipt": self._receipts.hashed(self._receipts.code(case.case_id))}

    def answer(self, case: Complaint, version: int, *, opened: bool) -> Answer:
        plain = super().answer(case, version, opened=opened)
        return self.repeated(case, plain) if opened else plain

    def repeated(self, case: Complaint, first: Answer) -> Answer:
        if first.sequence != 1 or case.timeline != LIVE:
            return first
        return msgspec.structs.replace(first, receipt_code=self._receipts.code(case.case_id))
