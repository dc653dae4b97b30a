"""Complaints, their texts and their receipts in memory, for tests without a server."""

from collections.abc import Collection, Iterator, Sequence

import msgspec

from services.complaints.domain.complaint import ANSWERED, Complaint
from services.complaints.due import Decree, Due, due_of, fields_of
from services.complaints.repository import Reported, Untold
from services.complaints.work import Listed, WorkQuery
from services.contracts.clock import CalendarDecreedV1
from services.contracts.envelope import LIVE
from services.contracts.identity import KeptIdentity, SealedIdentity
from services.shared.cases import MemoryCases, Stored


class MemoryComplaints(MemoryCases[Complaint]):
    """Complaints in memory, for tests without a server."""

    def __init__(self) -> None:
        super().__init__()
        self._texts: dict[str, str] = {}
        self._decrees: list[Decree] = []

    def by_receipt(self, receipt: str) -> str | None:
        return next((case for case, extra in self.extras.items() if extra.get("receipt") == receipt), None)

    def merged_into(self, case_id: str) -> list[str]:
        return [case for case, (stored, _) in self._cases.items() if stored.case.merged_into == case_id]

    def untold(self, most: int) -> list[Untold]:
        marked = [(case, extra["untold"]) for case, extra in list(self.extras.items()) if "untold" in extra]
        return [Untold(case, self._cases[case][0].case.merged_into, version) for case, version in marked][:most]

    def mark_told(self, case_id: str, version: int) -> None:
        if self.extras[case_id].get("untold") == version:
            del self.extras[case_id]["untold"]

    def about(self, agency: str, first: int, last: int, most: int) -> list[Complaint]:
        cases = [stored.case for stored, _ in self._cases.values()]
        found = [c for c in cases if c.about == agency and c.timeline == LIVE and first <= c.filed_at <= last]
        return sorted(found, key=lambda c: -c.filed_at)[:most]

    def keep_text(self, text_ref: str, text: str) -> None:
        self._texts.setdefault(text_ref, text)

    def text(self, text_ref: str) -> str | None:
        return self._texts.get(text_ref)

    def of_supervisor(self, supervisor: str, most: int) -> list[Complaint]:
        cases = [stored.case for stored, _ in self._cases.values()]
        found = [c for c in cases if c.supervisor == supervisor and c.timeline == LIVE]
        return sorted(found, key=lambda c: -c.filed_at)[:most]

    def rewardable(self, limit: int) -> list[str]:
        cases = [stored.case for stored, _ in self._cases.values() if stored.case.found]
        extras = [(case, self.extras.get(case.case_id, {})) for case in cases if case.status in ANSWERED]
        found = [case.case_id for case, extra in extras if "receipt" in extra and "considered" not in extra]
        return found[:limit]

    def mark_considered(self, case_id: str) -> None:
        self.extras[case_id]["considered"] = True

    def texts(self, text_refs: Collection[str]) -> dict[str, str]:
        return {ref: self._texts[ref] for ref in text_refs if ref in self._texts}

    def reported(self, case_ids: Collection[str]) -> list[Reported]:
        wanted = set(case_ids)
        found = [(self._cases[case][0].case, extra) for case, extra in self.extras.items() if case in wanted]
        return [Reported(case, extra["open311"]) for case, extra in found if "open311" in extra]

    def reported_in(
        self, codes: Collection[str], statuses: Collection[str], first: int, last: int, most: int
    ) -> list[Reported]:
        found = [
            r
            for r in self.reported(list(self.extras))
            if r.kept["service_code"] in codes and r.case.status in statuses and first <= r.case.filed_at <= last
        ]
        return sorted(found, key=lambda r: -r.case.filed_at)[:most]

    def work(self, query: WorkQuery) -> list[Listed]:
        found = sorted(self._listed(query), key=lambda i: (i.due.due_at, i.case.case_id))
        return [i for i in found if query.after is None or (i.due.due_at, i.case.case_id) > query.after][: query.limit]

    def work_counts(self, queries: Sequence[WorkQuery]) -> list[int]:
        return [len(self._listed(query)) for query in queries]

    def _listed(self, query: WorkQuery) -> list[Listed]:
        cases = [(stored.case, self.extras.get(case_id, {})) for case_id, (stored, _) in self._cases.items()]
        listed = [Listed(case, due_of(extra)) for case, extra in cases if "due_at" in extra]
        return [one for one in listed if query.matches(one)]

    def due_of_other(self, version: str, most: int) -> list[Stored[Complaint]]:
        found = []
        for case_id, (stored, _) in self._cases.items():
            known = self.extras.get(case_id, {}).get("due_version")
            if known != version and (known is None or stored.case.status != "closed"):
                found.append(stored)
        return found[:most]

    def set_due(self, stored: Stored[Complaint], due: Due) -> bool:
        as_read = self._cases[stored.case.case_id][0].version == stored.version
        if as_read:
            self.extras[stored.case.case_id].update(fields_of(due))
        return as_read

    def kept_decrees(self) -> list[Decree]:
        return list(self._decrees)

    def broadcast(self, timeline: str, as_of: int, decree: bytes | None = None) -> None:
        if timeline == LIVE and decree:
            self._decrees.append(Decree(as_of, msgspec.json.decode(decree, type=CalendarDecreedV1)))
        super().broadcast(timeline, as_of, decree)

    def timelines(self) -> list[str]:
        return list({name for name, _ in self.ticks} & {stored.case.timeline for stored, _ in self._cases.values()})

    def ticked(self, timeline: str) -> int | None:
        return max((as_of for name, as_of in self.ticks if name == timeline), default=None)

    def waiting_identities(self) -> Iterator[KeptIdentity]:
        for case_id, extra in list(self.extras.items()):
            if "sealed" in extra:
                yield KeptIdentity(case_id=case_id, sealed=msgspec.convert(extra["sealed"], SealedIdentity))

    def forget_identity(self, identity_ref: str) -> None:
        for extra in self.extras.values():
            if extra.get("sealed", {}).get("identity_ref") == identity_ref:
                del extra["sealed"]
