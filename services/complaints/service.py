"""What complaints do beyond any case: texts kept apart, receipt codes, and one answer for all that were merged."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from services.complaints.domain.complaint import LIFE, Complaint
from services.complaints.domain.deciding import assisting_agencies, decide
from services.complaints.domain.duplicates import Similar, similar, window
from services.complaints.domain.handling import Handling
from services.complaints.domain.receipt_code import plain
from services.complaints.due import DueTimes, fields_of
from services.complaints.reading import may_read, reading_of
from services.complaints.receipts import Receipts
from services.complaints.repository import ComplaintRepository
from services.complaints.work import Listed, WorkQuery, within
from services.contracts.complaints import ComplaintFiledV1, ComplaintMergedV1, ComplaintRepliedV1
from services.contracts.envelope import LIVE, EventModel
from services.contracts.instants import from_micros
from services.contracts.lifecycle import Refused
from services.contracts.registry import event_type
from services.shared.access import CHANNELS, Principal, Reach, may_file
from services.shared.cases import Write
from services.shared.commands import Answer, CaseService, Conflict, Kind, NotFound, Order

_HANDLING = "handling"
_MERGED_ANSWERS = Principal("merged-answers", frozenset())
_ATTEMPTS = 5
_MOST_COMPARED = 500
Admit = Callable[[ComplaintFiledV1, Principal], ComplaintFiledV1]
_REPLIED = event_type(ComplaintRepliedV1)
_TOLD_ON = (ComplaintRepliedV1, ComplaintMergedV1)
KIND = Kind(service="complaints", topic="complaints.v1", case_type=Complaint, life=LIFE, decide=decide)


class NotYourChannel(Exception):
    """Another role files under this channel. The message says which."""


class NotForReader(Exception):
    """The text is for the roles of another endpoint, which the message names (reading.py)."""


class ComplaintService(CaseService[Complaint]):
    """Complaints: anonymous, answered by receipt code."""

    def __init__(
        self, complaints: ComplaintRepository, receipts: Receipts, groups: Mapping[str, str],
        clock: Callable[[], datetime], handling: Handling, admit: Admit | None = None,
        due: Callable[[], DueTimes] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(KIND, complaints, groups, clock)
        self._complaints, self._receipts, self._handling = complaints, receipts, handling
        self._admit, self.due = admit, due

    def references(self, data: Sequence[EventModel]) -> Mapping[str, Any]:
        """The policy in force, and the cases that others are to be merged into."""
        leads = self.cases.load_many({d.into for d in data if isinstance(d, ComplaintMergedV1)})
        return {_HANDLING: self._handling} | {case_id: stored.case for case_id, stored in leads.items()}

    def reference_name(self, data: EventModel) -> str | None:
        return data.into if isinstance(data, ComplaintMergedV1) else _HANDLING

    def holders(self, case: Complaint) -> Sequence[str | None]:
        return (case.agency, *assisting_agencies(case))

    def execute(self, order: Order) -> tuple[Answer, bool]:
        """As every service does. Whoever files on the live timeline is told a receipt code, again when they repeat it;
        and the answer to a case is the answer to those merged into it (row A2).

        Each of those is a document of its own. The write that replies or merges marks its document as untold until all
        of them have the answer: what a crash leaves undone, `tell` does later.
        """
        if order.timeline != LIVE:
            return super().execute(order)
        if order.name == self.kind.life.opening:
            return self._filed(order)
        answered = super().execute(order)
        if isinstance(order.data, _TOLD_ON):
            into = order.data.into if isinstance(order.data, ComplaintMergedV1) else None
            self.tell(answered[0].case_id, into, answered[0].version)
        return answered

    def tell(self, case_id: str, into: str | None, version: int) -> None:
        """Give those merged into `into`, or into the case itself, the newest reply; then take off the mark that the
        case got in `version`. Raises what a command raises."""
        self._answer_merged(into or case_id)
        self._complaints.mark_told(case_id, version)

    def _write(self, order: Order, stored: Any, case_id: str, key: str | None, digest: str) -> Write[Complaint]:
        """A supervisor's report is looked up in the register first (row A5); a repeated one is known by what it was."""
        data = order.data
        if (
            self._admit
            and order.timeline == LIVE
            and isinstance(data, ComplaintFiledV1)
            and data.channel == "supervisor"
        ):
            order = msgspec.structs.replace(order, data=self._admit(data, order.actor))
        write = super()._write(order, stored, case_id, key, digest)
        if order.timeline != LIVE or not isinstance(data, _TOLD_ON):
            return write
        return msgspec.structs.replace(write, extra={**write.extra, "untold": write.version})

    def complete(self, writes: Sequence[Write[Complaint]]) -> list[Write[Complaint]]:
        """With its events goes what the work list shows of a case: when it is due, and what is next."""
        if self.due is None:
            return list(writes)
        due, before = self.due(), self.cases.histories([w.after.case_id for w in writes if w.before])

        def completed(write: Write[Complaint]) -> Write[Complaint]:
            known = before.get(write.after.case_id, [])
            shown = fields_of(due.of(write.after, [*known, *write.events]))
            return msgspec.structs.replace(write, extra={**write.extra, **shown})

        return [completed(write) for write in writes]

    def _answer_merged(self, lead: str) -> None:
        """Give the newest reply to `lead` to every complaint merged into it that does not have it yet."""
        replies = [e for e in self.cases.history(lead) if e.type == _REPLIED]
        if not replies:
            return
        told = msgspec.json.decode(replies[-1].data, type=ComplaintRepliedV1)
        reply = ComplaintRepliedV1(agency=told.agency, text_ref=told.text_ref, lead=lead)
        for case_id in self._complaints.merged_into(lead):
            order = Order(
                name="reply", data=reply, actor=_MERGED_ANSWERS, reach=Reach(city=True), case_id=case_id,
                key=f"{lead} {replies[-1].id}",
            )  # fmt: skip
            self._answer_one(order)

    def _answer_one(self, order: Order) -> None:
        """A case that somebody else is writing is tried again; one that is handled by itself now is left alone."""
        for attempt in range(_ATTEMPTS):
            try:
                self.execute(order)
                return
            except Refused:
                return
            except Conflict:
                if attempt == _ATTEMPTS - 1:
                    raise

    def handled_again_at_most(self, case: Complaint) -> int | None:
        """The rating at or below which `case` is handled again; None when it has been as often as policy has it."""
        return self._handling.redo_at_most if case.redos < self._handling.redo_rounds else None

    def similar(self, case_id: str) -> list[Similar]:
        """Complaints that may be about the same matter: a suggestion, never a refusal. Raises NotFound."""
        stored = self.cases.load(case_id)
        if stored is None:
            raise NotFound(case_id)
        return self.similar_to(stored.case)

    def similar_to(self, case: Complaint) -> list[Similar]:
        """The same for a complaint that need not be filed yet."""
        days = self._handling.duplicate_days
        others = self._complaints.about(case.about, *window(case, days), _MOST_COMPARED) if case.about else []
        return similar(case, others, days)

    def now(self, timeline: str) -> datetime:
        """What "now" is on a timeline: its last tick, before the first one and on the live one the clock's."""
        ticked = None if timeline == LIVE else self._complaints.ticked(timeline)
        return self.clock() if ticked is None else from_micros(ticked)

    def timelines(self) -> list[str]:
        """The timelines that a list can show, the live one first."""
        return sorted({LIVE, *self._complaints.timelines()}, key=lambda name: (name != LIVE, name))

    def work(self, query: WorkQuery, reach: Reach) -> list[Listed]:
        """A page of the work list, as far as it lies within `reach`."""
        return self._complaints.work(msgspec.structs.replace(query, holders=within(reach, self.groups)))

    def work_counts(self, queries: Sequence[WorkQuery], reach: Reach) -> list[int]:
        """How many complaints the work list has for each of `queries` within `reach`."""
        holders = within(reach, self.groups)
        return self._complaints.work_counts([msgspec.structs.replace(query, holders=holders) for query in queries])

    def merged_into(self, case_id: str) -> list[str]:
        """The complaints that are answered with this one."""
        return self._complaints.merged_into(case_id)

    def note(self, case_id: str, text_ref: str, reach: Reach, reader: Principal) -> str:
        """A text that the history of the case refers to. Raises NotFound, OutsideScope, or NotForReader."""
        _, history = self.read(case_id, reach)
        quoted = f'"{text_ref}"'.encode()
        events = {e.type for e in history if quoted in e.data}
        text = self._complaints.text(text_ref) if events else None
        if text is None:
            raise NotFound
        for event in sorted(events):
            if not may_read(event, reader):
                raise NotForReader(reading_of(event))
        return text

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

    def many_words(self, text_refs: Collection[str]) -> dict[str, str]:
        """What was kept under each of `text_refs`."""
        return self._complaints.texts(text_refs)

    def _filed(self, order: Order) -> tuple[Answer, bool]:
        channel = getattr(order.data, "channel", "")
        if not may_file(channel, order.actor):
            who = ", ".join(sorted(CHANNELS[channel]))
            raise NotYourChannel(f"the channel {channel} is for {who}: anybody files under website")
        code = self._receipts.code(order.actor.subject, order.key)
        index = self._receipts.index(code)
        answer, repeated = super().execute(msgspec.structs.replace(order, beside={**order.beside, "receipt": index}))
        return msgspec.structs.replace(answer, receipt_code=code), repeated

    def holding(self, code: str) -> str | None:
        """The id of the complaint with this receipt code; None, after the same time, for every code that is none."""
        return self._complaints.by_receipt(self._receipts.index(plain(code)))
