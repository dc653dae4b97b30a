"""Everything that the page of one complaint shows to somebody: as much of it as their role and reach allow.

What people wrote is read only after the trail says who reads it, as over the API. Identities are not here: nobody can
read one but two custodians together. Free of HTTP.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from services.complaints.attachments.repository import Evidence
from services.complaints.attachments.service import Attachments
from services.complaints.domain.complaint import Complaint
from services.complaints.domain.duplicates import Similar
from services.complaints.reading import TALK, may_read
from services.complaints.service import ComplaintService
from services.complaints.web.desk.cases.clocks import ClockView, clocks_of
from services.complaints.web.desk.cases.offered import Offered, offered
from services.complaints.web.desk.cases.timeline import Happening, Timeline, references
from services.complaints.web.desk.cases.views import Views
from services.complaints.work import Listed
from services.contracts.envelope import LIVE
from services.shared.access import Principal, allows, reach
from services.shared.audit.trail import Trail
from services.shared.cases import Recorded, Stored


class CasePage(NamedTuple):
    """The page. `text` is None for who may not read it; `similar` are earlier cases that it may be merged into."""

    case: Complaint
    version: int
    views: Views
    text: str | None
    hidden: bool
    named: bool
    clocks: list[ClockView]
    timeline: list[Happening]
    offered: list[Offered]
    evidence: list[Evidence] | None
    may_add: bool
    merged: list[str]
    similar: list[Similar]
    row: Any


class CaseReader:
    """Reads cases for the page."""

    def __init__(self, service: ComplaintService, attachments: Attachments, trail: Trail) -> None:
        self._service, self._attachments, self._trail = service, attachments, trail

    def page(self, case_id: str, principal: Principal, views_of: Callable[[datetime], Views]) -> CasePage:
        """The page of one complaint. Raises NotFound or OutsideScope."""
        stored, history = self._service.read(case_id, reach("complaints.read", principal))
        case, views = stored.case, views_of(self._service.now(stored.case.timeline))
        texts = self._texts(case, history, principal)
        state = self._service.due().of(case, history) if self._service.due else None
        first = msgspec.json.decode(history[0].data)
        wrote = first.get("text_ref")
        return CasePage(
            case=case, version=stored.version, views=views, text=texts.get(wrote) if wrote else None,
            hidden=bool(wrote) and wrote not in texts, named=bool(first.get("identity_ref")),
            clocks=self._clocks(case, history, views),
            timeline=Timeline(views.words, views.registry, texts).of(history),
            offered=offered(case, principal, state.next_step if state else None),
            evidence=self._evidence(case, principal),
            may_add=case.timeline == LIVE and allows("complaints.evidence.add", principal),
            merged=self._service.merged_into(case_id), similar=self._similar(stored, principal),
            row=views.row(Listed(case, state)) if state else None,
        )  # fmt: skip

    def _clocks(self, case: Complaint, history: list[Recorded], views: Views) -> list[ClockView]:
        due = self._service.due() if self._service.due else None
        return clocks_of(due.clocks(case.case_id, history), views.now, due, views.words) if due else []

    def _texts(self, case: Complaint, history: list[Recorded], principal: Principal) -> dict[str, str]:
        """The texts that `principal` may read, by reference; the trail has it first."""
        refs: list[str] = []
        talked = False
        for recorded in history:
            named = references(msgspec.json.decode(recorded.data))
            if named and may_read(recorded.type, principal):
                refs += named
                talked = talked or recorded.type in TALK
        if not refs:
            return {}
        self._trail.append(principal.subject, "complaint.text-read", case.case_id)
        if talked:
            self._trail.append(principal.subject, "complaint.messages-read", case.case_id)
        return self._service.many_words(refs)

    def _evidence(self, case: Complaint, principal: Principal) -> list[Evidence] | None:
        return self._attachments.of_case(case.case_id) if allows("complaints.evidence.read", principal) else None

    def _similar(self, stored: Stored[Complaint], principal: Principal) -> list[Similar]:
        """Earlier cases about the same matter, while this one can still be merged (row A2)."""
        case = stored.case
        mergeable = case.timeline == LIVE and case.status in ("filed", "accepted")
        if not mergeable or not allows("complaints.similar", principal):
            return []
        return [s for s in self._service.similar(case.case_id) if s.filed_at < case.filed_at]
