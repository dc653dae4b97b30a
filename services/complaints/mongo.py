"""Complaints, their texts and their receipts on MongoDB."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from typing import Any

import msgspec
from pymongo.errors import DuplicateKeyError

from services.complaints.documents import (
    ComplaintBroadcast,
    ComplaintDocument,
    ComplaintText,
    KeptClock,
    KeptDecree,
)
from services.complaints.domain.complaint import ANSWERED, Complaint
from services.complaints.due import Decree, Due, due_of, fields_of
from services.complaints.repository import Reported, Untold
from services.complaints.work import Listed, WorkQuery
from services.contracts.clock import CalendarDecreedV1
from services.contracts.envelope import LIVE
from services.contracts.identity import KeptIdentity, SealedIdentity
from services.shared.cases import MongoCases, Stored

# All that _work asks for.
_COUNTED = ("timeline", "due_at", "due_clock", "status", "holders", "agency", "paused", "next_step")


class MongoComplaints(MongoCases[Complaint]):
    """Complaints in the database duban_complaints."""

    def __init__(self) -> None:
        super().__init__(Complaint, ComplaintDocument, ComplaintBroadcast)

    def by_receipt(self, receipt: str) -> str | None:
        found = self._cases.find_one({"receipt": receipt}, {"_id": 1})
        return found["_id"] if found else None

    def merged_into(self, case_id: str) -> list[str]:
        return [found["_id"] for found in self._cases.find({"merged_into": case_id}, {"_id": 1})]

    def untold(self, most: int) -> list[Untold]:
        found = self._cases.find({"untold": {"$gt": 0}}, {"merged_into": 1, "untold": 1}).limit(most)
        return [Untold(each["_id"], each.get("merged_into"), each["untold"]) for each in found]

    def mark_told(self, case_id: str, version: int) -> None:
        self._cases.update_one({"_id": case_id, "untold": version}, {"$unset": {"untold": ""}})

    def about(self, agency: str, first: int, last: int, most: int) -> list[Complaint]:
        query = {"about": agency, "filed_at": {"$gte": first, "$lte": last}, "timeline": LIVE}
        found = self._cases.find(query, {"outbox": 0, "history": 0, "results": 0}).sort("filed_at", -1).limit(most)
        return [self._stored(document).case for document in found]

    def keep_text(self, text_ref: str, text: str) -> None:
        with suppress(DuplicateKeyError):  # the same request sent twice at once: the other one keeps it
            ComplaintText._get_collection().update_one({"_id": text_ref}, {"$setOnInsert": {"text": text}}, upsert=True)

    def text(self, text_ref: str) -> str | None:
        found = ComplaintText.objects(id=text_ref).first()
        return found.text if found else None

    def of_supervisor(self, supervisor: str, most: int) -> list[Complaint]:
        found = self._cases.find(
            {"supervisor": supervisor, "timeline": LIVE}, {"outbox": 0, "history": 0, "results": 0}
        )
        return [self._stored(document).case for document in found.sort("filed_at", -1).limit(most)]

    def rewardable(self, limit: int) -> list[str]:
        query = {
            "found": True, "considered": None, "timeline": LIVE, "receipt": {"$gt": ""},
            "status": {"$in": sorted(ANSWERED)},
        }  # fmt: skip
        return [found["_id"] for found in self._cases.find(query, {"_id": 1}).limit(limit)]

    def mark_considered(self, case_id: str) -> None:
        self._cases.update_one({"_id": case_id}, {"$set": {"considered": True}})

    def texts(self, text_refs: Collection[str]) -> dict[str, str]:
        found = ComplaintText._get_collection().find({"_id": {"$in": list(text_refs)}})
        return {document["_id"]: document["text"] for document in found}

    def reported(self, case_ids: Collection[str]) -> list[Reported]:
        return self._reported({"_id": {"$in": list(case_ids)}, "open311.service_code": {"$gt": ""}}, len(case_ids))

    def reported_in(
        self, codes: Collection[str], statuses: Collection[str], first: int, last: int, most: int
    ) -> list[Reported]:
        query = {
            "open311.service_code": {"$in": list(codes)}, "filed_at": {"$gte": first, "$lte": last},
            "status": {"$in": list(statuses)},
        }  # fmt: skip
        return self._reported(query, most)

    def _reported(self, query: dict[str, Any], most: int) -> list[Reported]:
        found = self._cases.find(query, {"outbox": 0, "history": 0, "results": 0}).sort("filed_at", -1).limit(most)
        return [Reported(self._stored(document).case, document["open311"]) for document in found]

    def work(self, query: WorkQuery) -> list[Listed]:
        found = self._cases.find(_work(query), {"outbox": 0, "history": 0, "results": 0})
        return [
            Listed(self._stored(document).case, due_of(document))
            for document in found.sort([("due_at", 1), ("_id", 1)]).limit(query.limit)
        ]

    def work_counts(self, queries: Sequence[WorkQuery]) -> list[int]:
        """One pass over what any of them may find, each document without its history."""
        any_of_them = WorkQuery(
            statuses=frozenset().union(*(query.statuses for query in queries)), holders=queries[0].holders,
            timeline=queries[0].timeline,
        )  # fmt: skip
        each = {
            str(number): [{"$match": _work(msgspec.structs.replace(query, after=None))}, {"$count": "found"}]
            for number, query in enumerate(queries)
        }
        stages = [{"$match": _work(any_of_them)}, {"$project": dict.fromkeys(_COUNTED, 1)}, {"$facet": each}]
        (counted,) = self._cases.aggregate(stages)
        return [found[0]["found"] if (found := counted[number]) else 0 for number in each]

    def due_of_other(self, version: str, most: int) -> list[Stored[Complaint]]:
        other = [{"due_version": {side: version}, "status": {"$ne": "closed"}} for side in ("$lt", "$gt")]
        found: list[dict[str, Any]] = []
        for query in ({"due_version": None}, *other):  # three small ranges of the index
            if (room := most - len(found)) > 0:
                found += self._cases.find(query, {"outbox": 0, "history": 0, "results": 0}).limit(room)
        return [self._stored(document) for document in found]

    def set_due(self, stored: Stored[Complaint], due: Due) -> bool:
        as_read = {"_id": stored.case.case_id, "version": stored.version}
        return bool(self._cases.update_one(as_read, {"$set": fields_of(due)}).matched_count)

    def broadcast(self, timeline: str, as_of: int, decree: bytes | None = None) -> None:
        """A decree is kept first: who dies between the two gives it again, and it is the same one. The clock of a
        timeline is kept last: it is never ahead of the ticks."""
        if timeline == LIVE and decree:
            name = msgspec.json.decode(decree, type=CalendarDecreedV1).version
            KeptDecree.objects(id=name).update_one(set_on_insert__at=as_of, set_on_insert__data=decree, upsert=True)
        super().broadcast(timeline, as_of, decree)
        if timeline != LIVE:
            KeptClock._get_collection().update_one({"_id": timeline}, {"$max": {"as_of": as_of}}, upsert=True)

    def timelines(self) -> list[str]:
        """Every source gets the ticks of every timeline: many a log holds no complaint."""
        names = [clock["_id"] for clock in KeptClock._get_collection().find({}, {"_id": 1})]
        return [name for name in names if self._cases.find_one({"timeline": name}, {"_id": 1})]

    def ticked(self, timeline: str) -> int | None:
        found = KeptClock._get_collection().find_one({"_id": timeline})
        return int(found["as_of"]) if found else None

    def kept_decrees(self) -> list[Decree]:
        found = KeptDecree._get_collection().find({})
        return [Decree(d["at"], msgspec.json.decode(d["data"], type=CalendarDecreedV1)) for d in found]

    def waiting_identities(self) -> Iterator[KeptIdentity]:
        for document in self._cases.find({"sealed.identity_ref": {"$gt": ""}}, {"sealed": 1}):
            yield KeptIdentity(case_id=document["_id"], sealed=msgspec.convert(document["sealed"], SealedIdentity))

    def forget_identity(self, identity_ref: str) -> None:
        self._cases.update_one({"sealed.identity_ref": identity_ref}, {"$unset": {"sealed": ""}})


def _work(query: WorkQuery) -> dict[str, Any]:
    """WorkQuery.matches as a query of documents; what leads it is what the list is sorted by."""
    due = {"$gte": 0} if query.due_before is None else {"$gte": 0, "$lt": query.due_before}
    found: dict[str, Any] = {
        "timeline": query.timeline, "due_at": due, "status": {"$in": sorted(query.statuses)},
    }  # fmt: skip
    if query.holders is not None:
        found["holders"] = {"$in": sorted(query.holders)}
    if query.clock is not None:
        found["due_clock"] = query.clock
    if query.agency is not None:
        found["agency"] = query.agency
    if query.paused:
        found["paused"] = True
    if query.steps is not None:
        found["next_step"] = {"$in": sorted(query.steps)}
    if query.after is not None:
        due_at, case_id = query.after
        found["$or"] = [{"due_at": {"$gt": due_at}}, {"due_at": due_at, "_id": {"$gt": case_id}}]
    return found
