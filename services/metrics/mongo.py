"""Records of cases and alarms in a MongoDB database of their own. Single-document writes that may be repeated."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from pymongo import InsertOne, MongoClient, ReplaceOne
from pymongo.errors import BulkWriteError

from services.metrics.domain.kpis import NO_AGENCY, OVERDUE_RULES, AlarmCount, CaseCount, Overdue
from services.metrics.domain.records import Alarm, Case
from services.metrics.repository import Counts

DATABASE = "duban_metrics"
DUPLICATE_KEY = 11000


class MongoRecords:
    """Records in the collections `cases` and `alarms`."""

    def __init__(self, client: MongoClient[dict[str, Any]], database: str = DATABASE) -> None:
        self._cases, self._alarms = client[database].cases, client[database].alarms

    def cases(self, ids: Sequence[str]) -> Mapping[str, Case]:
        found = self._cases.find({"_id": {"$in": list(ids)}}) if ids else ()
        return {d["_id"]: _record(d, "case_id", Case) for d in found}

    def alarms(self, ids: Sequence[str]) -> Mapping[str, Alarm]:
        found = self._alarms.find({"_id": {"$in": list(ids)}}) if ids else ()
        return {d["_id"]: _record(d, "alert_id", Alarm) for d in found}

    def put(self, cases: Sequence[Case], alarms: Sequence[Alarm]) -> None:
        _put(self._cases, [_document(case, "case_id") for case in cases], "sequence")
        _put(self._alarms, [_document(alarm, "alert_id") for alarm in alarms], "version")

    def counts(self) -> Counts:
        steps: dict[tuple[str, str, str], dict[str, int]] = {}
        totals: dict[tuple[str, str, str], int] = {}
        pattern = {"timeline": "$timeline", "kind": "$kind", "agency": "$agency", "steps": "$steps"}
        # Few cases differ in the steps they have come: group by all of them and add up here, in one pass.
        for g in self._cases.aggregate([{"$group": {"_id": pattern, "n": {"$sum": 1}}}]):
            key = (g["_id"]["timeline"], g["_id"]["kind"], g["_id"].get("agency") or NO_AGENCY)
            totals[key] = totals.get(key, 0) + g["n"]
            for step in g["_id"]["steps"]:
                of_case = steps.setdefault(key, {})
                of_case[step] = of_case.get(step, 0) + g["n"]
        fields = ("timeline", "agency", "rule", "severity", "state")
        alarms = self._alarms.aggregate([{"$group": {"_id": {f: f"${f}" for f in fields}, "n": {"$sum": 1}}}])
        overdue = self._alarms.aggregate(
            [
                {"$match": {"rule": {"$in": sorted(OVERDUE_RULES)}, "state": {"$ne": "corrected"}}},
                {"$group": {"_id": {"timeline": "$timeline", "agency": "$agency", "case": "$case_ref"}}},
                {"$group": {"_id": {"timeline": "$_id.timeline", "agency": "$_id.agency"}, "n": {"$sum": 1}}},
            ]
        )
        return Counts(
            cases=[
                CaseCount(timeline=t, kind=k, agency=a, cases=n, steps=steps.get((t, k, a), {}))
                for (t, k, a), n in sorted(totals.items())
            ],
            alarms=[
                AlarmCount(**{**g["_id"], "agency": g["_id"].get("agency") or NO_AGENCY}, alarms=g["n"]) for g in alarms
            ],
            overdue=[
                Overdue(timeline=g["_id"]["timeline"], agency=g["_id"].get("agency") or NO_AGENCY, cases=g["n"])
                for g in overdue
            ],
        )


def _put(collection: Any, documents: list[dict[str, Any]], counter: str) -> None:
    """Keep each document whose counter is not lower than that of the one kept."""
    if not documents:
        return
    ids = [d["_id"] for d in documents]
    known = {d["_id"] for d in collection.find({"_id": {"$in": ids}}, {"_id": 1})}
    writes = [_replace(d, counter) if d["_id"] in known else InsertOne(d) for d in documents]
    try:
        collection.bulk_write(writes, ordered=False)
    except BulkWriteError as error:
        # Two copies of the service may both own a partition for a moment and insert the same record.
        if any(e["code"] != DUPLICATE_KEY for e in error.details["writeErrors"]):
            raise
        collection.bulk_write([_replace(d, counter) for d in documents], ordered=False)


def _replace(document: dict[str, Any], counter: str) -> ReplaceOne[dict[str, Any]]:
    return ReplaceOne({"_id": document["_id"], counter: {"$lte": document[counter]}}, document)


def _document(record: msgspec.Struct, key: str) -> dict[str, Any]:
    fields = msgspec.to_builtins(record)
    return {"_id": fields.pop(key), **fields}


def _record(document: dict[str, Any], key: str, kind: Any) -> Any:
    return msgspec.convert({**document, key: document["_id"]}, kind, strict=False)
