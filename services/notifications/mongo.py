"""Alerts, feed and watermarks in MongoDB. Single-document writes only; every one of them may be repeated.

Collections: `alerts` (one document an alert, newest version), `feed` (one document a version, `_id` is its position),
`watermarks` (one document a timeline), `about` (partitions of the topics).
"""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

from pymongo import ASCENDING, DESCENDING, InsertOne, MongoClient, ReplaceOne
from pymongo.errors import BulkWriteError

from services.notifications.domain.alerts import Alert
from services.notifications.domain.queries import AlertQuery, Scope, cursor_of, position_of
from services.notifications.domain.watermarks import Mark
from services.notifications.repository import FeedEntry, NewEntry

DATABASE = "duban_notifications"
DUPLICATE_KEY = 11000
_NEWEST = [("raised_us", DESCENDING), ("_id", ASCENDING)]
_WORST = [("weight", DESCENDING), ("raised_us", ASCENDING), ("_id", ASCENDING)]


class MongoAlerts:
    """AlertWriter and AlertReader on one database."""

    def __init__(self, client: MongoClient[dict[str, Any]], database: str = DATABASE) -> None:
        db = client[database]
        self._alerts, self._feed, self._marks, self._about = db.alerts, db.feed, db.watermarks, db.about

    def ensure_indexes(self) -> None:
        """Create the indexes that are missing."""
        self._alerts.create_index(_NEWEST)
        self._alerts.create_index([("timeline", ASCENDING), *_NEWEST])
        self._alerts.create_index([("timeline", ASCENDING), *_WORST])
        self._alerts.create_index([("timeline", ASCENDING), ("agency", ASCENDING), *_WORST])
        for field in ("alert_id", "case_ref", "source_ref"):
            self._alerts.create_index(field)
        self._feed.create_index("key", unique=True)
        self._feed.create_index("alert_id")
        self._feed.create_index([("timeline", ASCENDING), ("latency_ms", ASCENDING)])

    # writing

    def put_alerts(self, alerts: Sequence[Alert]) -> None:
        ids = [alert.alert_id for alert in alerts]
        kept = {d["_id"]: d["version"] for d in self._alerts.find({"_id": {"$in": ids}}, {"version": 1})}
        writes: list[Any] = []
        for alert in alerts:
            if alert.alert_id not in kept:
                writes.append(InsertOne(_document(alert)))
            elif kept[alert.alert_id] < alert.version:
                writes.append(_replace(alert))
        if not writes:
            return
        try:
            self._alerts.bulk_write(writes, ordered=False)
        except BulkWriteError as error:
            # Two copies of the inbox may both believe they own a partition for a moment and insert the same alert.
            if any(e["code"] != DUPLICATE_KEY for e in error.details["writeErrors"]):
                raise
            self._alerts.bulk_write([_replace(alert) for alert in alerts], ordered=False)

    def append(self, entries: Sequence[NewEntry]) -> list[FeedEntry]:
        keys = [entry.alert.key for entry in entries]
        present = {d["key"] for d in self._feed.find({"key": {"$in": keys}}, {"key": 1})}
        fresh = [entry for entry in entries if entry.alert.key not in present]
        if not fresh:
            return []
        # The position is the primary key and always the highest plus one, written in order: of two writers at once one
        # fails on the key, and the batch is tried again from what it then finds.
        first = self.last_position() + 1
        added = [
            FeedEntry(
                position=position, change=entry.change, timeline=entry.alert.timeline, latency_ms=entry.latency_ms,
                item=entry.alert.item,
            )
            for position, entry in enumerate(fresh, first)
        ]  # fmt: skip
        documents = [_feed_document(feed, entry.alert) for feed, entry in zip(added, fresh, strict=True)]
        self._feed.insert_many(documents, ordered=True)
        return added

    def put_marks(self, timeline: str, marks: Mapping[Mark, int]) -> None:
        highest = {f"marks.{_mark_field(mark)}": as_of for mark, as_of in marks.items()}
        self._marks.update_one({"_id": timeline}, {"$max": highest}, upsert=True)

    def put_partitions(self, partitions: Mapping[str, int]) -> None:
        fields = {topic.replace(".", ":"): count for topic, count in partitions.items()}
        self._about.update_one({"_id": "partitions"}, {"$set": {"topics": fields}}, upsert=True)

    # reading

    def page(self, query: AlertQuery, scope: Scope) -> tuple[list[dict[str, Any]], str | None]:
        match = _match(query, scope)
        if query.after is not None:
            match = {"$and": [match, _beyond(query)]}
        order = _WORST if query.sort == "worst" else _NEWEST
        found = list(self._alerts.find(match).sort(order).limit(query.limit + 1))
        shown = found[: query.limit]
        more = len(found) > query.limit
        last = shown[-1] if shown else None
        cursor = cursor_of((int(last["weight"]), int(last["raised_us"]), last["_id"])) if more and last else None
        return [d["item"] for d in shown], cursor

    def alert(self, alert_id: str, scope: Scope) -> dict[str, Any] | None:
        found = self._alerts.find_one({"_id": alert_id, **_within(scope)})
        return found["item"] if found else None

    def by_prefix(self, prefix: str, scope: Scope, limit: int) -> list[str]:
        bounds = {"_id": {"$gte": prefix, "$lt": prefix + "\uffff"}, **_within(scope)}
        return [d["_id"] for d in self._alerts.find(bounds, {"_id": 1}).sort("_id", ASCENDING).limit(limit)]

    def history(self, alert_id: str) -> list[FeedEntry]:
        return [_entry(d) for d in self._feed.find({"alert_id": alert_id}).sort("_id", ASCENDING)]

    def counts(self, query: AlertQuery, scope: Scope, field: str) -> dict[str, int]:
        match = _match(query, scope, without=field)
        groups = self._alerts.aggregate([{"$match": match}, {"$group": {"_id": f"${field}", "n": {"$sum": 1}}}])
        return {str(g["_id"] or ""): g["n"] for g in groups}

    def by_severity(self, query: AlertQuery, scope: Scope, field: str) -> dict[str, dict[str, int]]:
        pair = {"value": f"${field}", "severity": "$severity"}
        groups = self._alerts.aggregate([{"$match": _match(query, scope)}, {"$group": {"_id": pair, "n": {"$sum": 1}}}])
        found: dict[str, dict[str, int]] = {}
        for g in groups:
            found.setdefault(str(g["_id"].get("value") or ""), {})[g["_id"]["severity"]] = g["n"]
        return found

    def timelines(self, scope: Scope) -> list[str]:
        of_alerts = {str(t) for t in self._alerts.distinct("timeline", _within(scope))}
        return sorted(of_alerts | {d["_id"] for d in self._marks.find({}, {"_id": 1})})

    def feed(self, after: int, query: AlertQuery, scope: Scope, limit: int) -> list[FeedEntry]:
        match = {"_id": {"$gt": after}, **_match(query, scope)}
        return [_entry(d) for d in self._feed.find(match).sort("_id", ASCENDING).limit(limit)]

    def last_position(self) -> int:
        last = self._feed.find_one({}, {"_id": 1}, sort=[("_id", DESCENDING)])
        return last["_id"] if last else 0

    def marks(self, timeline: str) -> dict[Mark, int]:
        found = self._marks.find_one({"_id": timeline})
        return {_mark(field): int(as_of) for field, as_of in (found or {}).get("marks", {}).items()}

    def partitions(self) -> dict[str, int]:
        found = self._about.find_one({"_id": "partitions"})
        return {field.replace(":", "."): count for field, count in (found or {}).get("topics", {}).items()}

    def latency(self, timeline: str) -> dict[str, Any]:
        measured = {"timeline": timeline, "latency_ms": {"$gte": 0}}
        count = self._feed.count_documents(measured)

        def at(share: float) -> int | None:
            rank = max(0, ceil(share * count) - 1)  # nearest rank
            found = list(self._feed.find(measured, {"latency_ms": 1}).sort("latency_ms", ASCENDING).skip(rank).limit(1))
            return found[0]["latency_ms"] if found else None

        return {"timeline": timeline, "count": count, "p50_ms": at(0.5), "p99_ms": at(0.99), "max_ms": at(1.0)}


def _document(alert: Alert) -> dict[str, Any]:
    return {
        "_id": alert.alert_id, "alert_id": alert.alert_id, "version": alert.version, "timeline": alert.timeline,
        "rule": alert.rule, "agency": alert.agency, "group": alert.group, "severity": alert.severity,
        "state": alert.state, "case_ref": alert.item["case_ref"], "source_ref": alert.item["source_ref"],
        "weight": alert.weight, "raised_us": alert.raised_us, "item": alert.item,
    }  # fmt: skip


def _replace(alert: Alert) -> ReplaceOne[dict[str, Any]]:
    return ReplaceOne({"_id": alert.alert_id, "version": {"$lt": alert.version}}, _document(alert))


def _feed_document(entry: FeedEntry, alert: Alert) -> dict[str, Any]:
    document = _document(alert)
    del document["weight"], document["version"]
    return {
        **document, "_id": entry.position, "key": alert.key, "change": entry.change,
        "latency_ms": entry.latency_ms,
    }  # fmt: skip


def _entry(document: dict[str, Any]) -> FeedEntry:
    return FeedEntry(
        position=document["_id"], change=document["change"], timeline=document["timeline"],
        latency_ms=document["latency_ms"], item=document["item"],
    )  # fmt: skip


def _within(scope: Scope) -> dict[str, Any]:
    if scope.city:
        return {}
    return {"$or": [{"agency": {"$in": sorted(scope.agencies)}}, {"group": {"$in": sorted(scope.groups)}}]}


def _match(query: AlertQuery, scope: Scope, without: str | None = None) -> dict[str, Any]:
    match: dict[str, Any] = {name: value for name, value in query.filters().items() if name != without}
    if query.raised_from_us is not None:
        match["raised_us"] = {"$gte": query.raised_from_us}
    if query.text is not None:
        beginning = {"alert_id": {"$gte": query.text, "$lt": query.text + "\uffff"}}
        match["$and"] = [{"$or": [{"case_ref": query.text}, {"source_ref": query.text}, beginning]}]
    return {**match, **_within(scope)}


def _beyond(query: AlertQuery) -> dict[str, Any]:
    weight, raised_us, alert_id = position_of(query.after or "")
    worst = query.sort == "worst"
    later: list[dict[str, Any]] = [
        {"raised_us": {"$gt" if worst else "$lt": raised_us}},
        {"raised_us": raised_us, "_id": {"$gt": alert_id}},
    ]
    if worst:
        later = [{"weight": {"$lt": weight}}, *({"weight": weight, **condition} for condition in later)]
    return {"$or": later}


def _mark_field(mark: Mark) -> str:
    source, partition = mark
    return f"{source.replace('.', ':')}@{partition}"  # a dot would be a path to MongoDB


def _mark(field: str) -> Mark:
    source, _, partition = field.rpartition("@")
    return source.replace(":", "."), int(partition)
