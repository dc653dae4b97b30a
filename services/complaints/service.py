"""What complaints do beyond any case: texts kept apart, and receipt codes."""

from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec

from services.complaints.domain.complaint import LIFE, Complaint, decide
from services.complaints.domain.conversation import conversing, deciding
from services.complaints.domain.receipt_code import plain
from services.complaints.receipts import Receipts
from services.complaints.repository import ComplaintRepository
from services.contracts.envelope import LIVE
from services.shared.access import Reach
from services.shared.commands import Answer, CaseService, Kind, NotFound, Order

WHOLE_LIFE = conversing(LIFE)
KIND = Kind(
    service="complaints", topic="complaints.v1", case_type=Complaint, life=WHOLE_LIFE,
    decide=deciding(WHOLE_LIFE, decide),
)  # fmt: skip


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

    def words(self, text_ref: str) -> str | None:
        """What was kept under `text_ref`."""
        return self._complaints.text(text_ref)

    def execute(self, order: Order) -> tuple[Answer, bool]:
        """As every case's; whoever files on the live timeline is told a receipt code, again when they repeat it."""
        if order.name != self.kind.life.opening or order.timeline != LIVE:
            return super().execute(order)
        code = self._receipts.code(order.actor.subject, order.key)
        index = self._receipts.index(code)
        answer, repeated = super().execute(msgspec.structs.replace(order, beside={**order.beside, "receipt": index}))
        return msgspec.structs.replace(answer, receipt_code=code), repeated

    def holding(self, code: str) -> str | None:
        """The id of the complaint with this receipt code; None, after the same time, for every code that is none."""
        return self._complaints.by_receipt(self._receipts.index(plain(code)))
