"""Where complaints, their texts and their receipts are kept: the interface, on MongoDB, and in memory."""

from typing import Protocol

from services.complaints.documents import ComplaintBroadcast, ComplaintDocument, ComplaintText
from services.complaints.domain.complaint import Complaint
from services.shared.cases import CaseRepository, MemoryCases, MongoCases


class ComplaintRepository(CaseRepository[Complaint], Protocol):
    """Complaints, found by receipt too, and what people wrote."""

    def by_receipt(self, receipt: str) -> str | None:
        """The id of the complaint whose receipt code has this slow keyed hash."""

    def keep_text(self, text_ref: str, text: str) -> None:
        """Keep `text`; keeping it again under the same reference changes nothing."""

    def text(self, text_ref: str) -> str | None:
        """What was kept under `text_ref`."""


class MongoComplaints(MongoCases[Complaint]):
    """Complaints in the database duban_complaints."""

    def __init__(self) -> None:
        super().__init__(Complaint, ComplaintDocument, ComplaintBroadcast)

    def by_receipt(self, receipt: str) -> str | None:
        found = self._cases.find_one({"receipt": receipt}, {"_id": 1})
        return found["_id"] if found else None

    def keep_text(self, text_ref: str, text: str) -> None:
        ComplaintText.objects(id=text_ref).update_one(set_on_insert__text=text, upsert=True)

    def text(self, text_ref: str) -> str | None:
        found = ComplaintText.objects(id=text_ref).first()
        return found.text if found else None


class MemoryComplaints(MemoryCases[Complaint]):
    """Complaints in memory, for tests without a server."""

    def __init__(self) -> None:
        super().__init__()
        self._texts: dict[str, str] = {}

    def by_receipt(self, receipt: str) -> str | None:
        return next((case for case, extra in self.extras.items() if extra.get("receipt") == receipt), None)

    def keep_text(self, text_ref: str, text: str) -> None:
        self._texts.setdefault(text_ref, text)

    def text(self, text_ref: str) -> str | None:
        return self._texts.get(text_ref)
