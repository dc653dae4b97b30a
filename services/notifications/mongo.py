"""Alerts, feed and watermarks in MongoDB. Single-document writes only; every one of them may be repeated.

Collections: `alerts` (one document an alert, newest version), `feed` (one document a version, `_id` is its name),
`watermarks` (one document a timeline), `about` (partitions of the topics, the feed's last position).

Reads are written for the plainest of planners, which the embedded stand-in has: the first clause of a filter chooses
the index, what it finds is sorted before it is cut, and a long $in is compared one by one. So the clause that leaves
least comes first, a page is read in bounded parts, and ids are asked for in small lots. MongoDB loses nothing by it.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from math import ceil
from typing import Any

from pymongo import ASCENDING, DESCENDING, InsertOne, MongoClient, ReplaceOne, WriteConcern
from pymongo.errors import BulkWriteError

from services.notifications.domain.alerts import OPEN_WEIGHT, SEVERITIES, WEIGHTS, Alert
from services.notifications.domain.cube import DIMENSIONS, Cell, Cube, covers
from services.notifications.domain.queries import AlertQuery, Scope, cursor_of, position_of
from services.notifications.domain.watermarks import Mark
from services.notifications.repository import FeedEntry, NewEntry

DATABASE = "duban_notifications"
DUPLICATE_KEY = 11000
FEED_WINDOW = 500
LOT = 100
CUBE_PATIENCE = 4.0  # a count may be this many times older than it takes to count


class MongoAlerts:
    """AlertWriter and AlertReader on one database."""

    def __init__(self, client: MongoClient[dict[str, Any]], database: str = DATABASE) -> None:
        db = client[database]
        self._alerts, self._feed, self._marks, self._about = db.alerts, db.feed, db.watermarks, db.about
        # A counter that a crash of the store turns back is made up for: see last_position.
        self._counter = db.about.with_options(write_concern=WriteConcern(w=1, j=False))
        self._written: int | None = None  # the position that this writer, and nobody since, has written last
        self._cube, self._cube_position, self._cube_at, self._cube_cost = Cube(()), -1, 0.0, 0.0

    def ensure_indexes(self) -> None:
        """Create the indexes that are missing."""
        for field in ("raised_us", "shelf", "agency", "alert_id", "case_ref", "source_ref"):
            self._alerts.create_index(field)
        self._feed.create_index("position", unique=True)
        self._feed.create_index("alert_id")

    # writing

    def put_alerts(self, alerts: Sequence[Alert]) -> None:
        ids = [alert.alert_id for alert in alerts if alert.version > 1]  # a first version replaces none
        kept = {d["_id"]: d["version"] for d in _in_lots(self._alerts, "_id", ids, {"version": 1})}
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
        present = {d["_id"] for d in _in_lots(self._feed, "_id", keys, {"_id": 1})}
        fresh = [entry for entry in entries if entry.alert.key not in present]
        if not fresh:
            return []
        # Positions are unique, and always the highest plus one, written in order: of two writers at once one fails, and
        # its batch is tried again from what it then finds.
        written, self._written = self._written, None
        first = (self.last_position() if written is None else written) + 1
        added = [
            FeedEntry(
                position=position, change=entry.change, timeline=entry.alert.timeline, latency_ms=entry.latency_ms,
                item=entry.alert.item,
            )
            for position, entry in enumerate(fresh, first)
        ]  # fmt: skip
        documents = [_feed_document(feed, entry.alert) for feed, entry in zip(added, fresh, strict=True)]
        self._feed.insert_many(documents, ordered=True)
        self._written = added[-1].position
        self._counter.update_one({"_id": "feed"}, {"$max": {"position": added[-1].position}}, upsert=True)
        return added

    def put_marks(self, timeline: str, marks: Mapping[Mark, int]) -> None:
        highest = {f"marks.{_mark_field(mark)}": as_of for mark, as_of in marks.items()}
        self._marks.update_one({"_id": timeline}, {"$max": highest}, upsert=True)

    def put_partitions(self, partitions: Mapping[str, int]) -> None:
        fields = {topic.replace(".", ":"): count for topic, count in partitions.items()}
        self._about.update_one({"_id": "partitions"}, {"$set": {"topics": fields}}, upsert=True)

    # reading

    def _match(self, query: AlertQuery, scope: Scope, without: str | None = None) -> dict[str, Any]:
        """The filter, its clauses in the order in which they narrow."""
        match: dict[str, Any] = {}
        if query.text is not None:
            same = ({"case_ref": query.text}, {"source_ref": query.text}, _beginning(query.text))
            match["alert_id"] = {
                "$in": sorted({d["_id"] for f in same for d in self._alerts.find(f, {"_id": 1}).limit(LOT)})
            }
        if query.raised_from_us is not None:
            match["raised_us"] = {"$gte": query.raised_from_us}
        filters = {name: value for name, value in query.filters().items() if name != without}
        narrowing = ("case_ref", "source_ref", "agency")
        match |= {name: filters.pop(name) for name in narrowing if name in filters}
        return {**match, **filters, **_within(scope)}

    def page(self, query: AlertQuery, scope: Scope) -> tuple[list[dict[str, Any]], str | None]:
        found: list[dict[str, Any]] = []
        for part in self._worst(query, scope) if query.sort == "worst" else self._newest(query, scope):
            found += part
            if len(found) > query.limit:
                break
        shown, more = found[: query.limit], len(found) > query.limit
        last = shown[-1] if shown else None
        cursor = cursor_of((int(last["weight"]), int(last["raised_us"]), last["_id"])) if more and last else None
        return [d["item"] for d in shown], cursor

    def _worst(self, query: AlertQuery, scope: Scope) -> Iterator[list[dict[str, Any]]]:
        """Alerts after the cursor in parts that each have one weight, the heaviest first."""
        match, limit = self._match(query, scope), query.limit + 1
        reached, raised_us, alert_id = position_of(query.after) if query.after else (WEIGHTS[0] + 1, 0, "")
        later = {"$or": [{"raised_us": {"$gt": raised_us}}, {"raised_us": raised_us, "_id": {"$gt": alert_id}}]}
        order = [("raised_us", ASCENDING), ("_id", ASCENDING)]
        for weight in WEIGHTS:
            shelf = {"shelf": f"{query.timeline}/{weight}"} if query.timeline else {"weight": weight}
            if weight <= reached and _may_hold(query, weight):
                part = {**shelf, **match, **(later if weight == reached else {})}
                yield list(self._alerts.find(part).sort(order).limit(limit))

    def _newest(self, query: AlertQuery, scope: Scope) -> Iterator[list[dict[str, Any]]]:
        """Alerts after the cursor in parts, each an interval of time before the last; the last one has no beginning."""
        match, limit = self._match(query, scope), query.limit + 1
        since = match.pop("raised_us", {}).get("$gte")
        order = [("raised_us", DESCENDING), ("_id", ASCENDING)]
        found = self.cube().span(query, scope)
        upper = found.newest_us if found else 0
        if query.after is not None:
            _, upper, alert_id = position_of(query.after)
            at_cursor = {"raised_us": upper, **match, "_id": {"$gt": alert_id}}
            yield list(self._alerts.find(at_cursor).sort(order).limit(limit))
        oldest = min(found.oldest_us, upper) if found else upper
        oldest = oldest if since is None else max(oldest, since)
        length = max(1, (upper - oldest) * limit // max(1, found.count if found else 1))
        bound: dict[str, int] = {} if query.after is None else {"$lt": upper}
        while True:
            lower = upper - length
            ends = lower <= oldest
            floor = since if ends else lower
            bounds = {**bound, **({"$gte": floor} if floor is not None else {})}
            yield list(self._alerts.find({"raised_us": bounds, **match} if bounds else match).sort(order).limit(limit))
            if ends:
                return
            bound, upper, length = {"$lt": lower}, lower, length * 4

    def alert(self, alert_id: str, scope: Scope) -> dict[str, Any] | None:
        found = self._alerts.find_one({"_id": alert_id})
        return found["item"] if found and scope.shows(found["item"]) else None

    def by_prefix(self, prefix: str, scope: Scope, limit: int) -> list[str]:
        found = self._alerts.find(_beginning(prefix), dict.fromkeys(_CONCERNED, 1)).sort("_id", ASCENDING)
        return [d["_id"] for d in found if scope.shows(d)][:limit]

    def history(self, alert_id: str) -> list[FeedEntry]:
        return [_entry(d) for d in self._feed.find({"alert_id": alert_id}).sort("position", ASCENDING)]

    def counts(self, query: AlertQuery, scope: Scope, field: str) -> dict[str, int]:
        cube = self.cube() if covers(query) else self._count(self._match(query, scope, without=field))
        return cube.counts(query, scope, field)

    def by_severity(self, query: AlertQuery, scope: Scope, field: str) -> dict[str, dict[str, int]]:
        cube = self.cube() if covers(query) else self._count(self._match(query, scope))
        return cube.by_severity(query, scope, field)

    def timelines(self, scope: Scope) -> list[str]:
        return sorted(self.cube().timelines(scope) | {d["_id"] for d in self._marks.find({}, {"_id": 1})})

    def cube(self) -> Cube:
        """Everything counted; counted again when the feed has grown, but not all the time when that takes long."""
        position = self.last_position()
        waited = time.monotonic() - self._cube_at
        if position != self._cube_position and waited > CUBE_PATIENCE * self._cube_cost:
            started = time.monotonic()
            self._cube, self._cube_position = self._count({}), position
            self._cube_at = time.monotonic()
            self._cube_cost = self._cube_at - started
        return self._cube

    def _count(self, match: dict[str, Any]) -> Cube:
        group = {
            "_id": {name: f"${name}" for name in (*DIMENSIONS, "agencies", "groups")}, "count": {"$sum": 1},
            "oldest_us": {"$min": "$raised_us"}, "newest_us": {"$max": "$raised_us"},
        }  # fmt: skip
        return Cube(
            Cell(
                timeline=g["_id"]["timeline"],
                group=g["_id"]["group"],
                agency=g["_id"].get("agency") or "",
                rule=g["_id"]["rule"],
                severity=g["_id"]["severity"],
                state=g["_id"]["state"],
                count=int(g["count"]),
                oldest_us=int(g["oldest_us"]),
                newest_us=int(g["newest_us"]),
                agencies=tuple(g["_id"].get("agencies") or ()),
                groups=tuple(g["_id"].get("groups") or ()),
            )
            for g in self._alerts.aggregate([{"$match": match}, {"$group": group}])
        )

    def feed(self, after: int, query: AlertQuery, scope: Scope, limit: int) -> list[FeedEntry]:
        match, last = self._match(query, scope), self.last_position()
        found: list[dict[str, Any]] = []
        while after < last and len(found) < limit:
            part = {"position": {"$gt": after, "$lte": after + FEED_WINDOW}, **match}
            found += self._feed.find(part).sort("position", ASCENDING)
            after += FEED_WINDOW
        return [_entry(document) for document in found[:limit]]

    def since(self, position: int) -> list[FeedEntry]:
        part = {"position": {"$gt": position, "$lte": position + FEED_WINDOW}}
        return [_entry(document) for document in self._feed.find(part, _ENTRY).sort("position", ASCENDING)]

    def last_position(self) -> int:
        counted = self._about.find_one({"_id": "feed"})
        position = int(counted["position"]) if counted else 0
        # A writer that died between an entry and the counter leaves a few entries above it.
        above = self._feed.find({"position": {"$gt": position}}, {"position": 1})
        return max((int(d["position"]) for d in above), default=position)

    def marks(self, timeline: str) -> dict[Mark, int]:
        found = self._marks.find_one({"_id": timeline})
        return {_mark(field): int(as_of) for field, as_of in (found or {}).get("marks", {}).items()}

    def partitions(self) -> dict[str, int]:
        found = self._about.find_one({"_id": "partitions"})
        return {field.replace(":", "."): count for field, count in (found or {}).get("topics", {}).items()}

    def latency(self, timeline: str) -> dict[str, Any]:
        measured = {"latency_ms": {"$gte": 0}, "timeline": timeline}
        groups = self._feed.aggregate([{"$match": measured}, {"$group": {"_id": "$latency_ms", "n": {"$sum": 1}}}])
        times = sorted((int(g["_id"]), int(g["n"])) for g in groups)
        count = sum(n for _, n in times)

        def at(share: float) -> int | None:
            rank = max(1, ceil(share * count))  # nearest rank
            for value, n in times:
                rank -= n
                if rank <= 0:
                    return value
            return None

        return {"timeline": timeline, "count": count, "p50_ms": at(0.5), "p99_ms": at(0.99), "max_ms": at(1.0)}


_CONCERNED = ("agency", "group", "agencies", "groups")
_ENTRY = {"_id": 0, "position": 1, "change": 1, "timeline": 1, "latency_ms": 1, "item": 1}


def _document(alert: Alert) -> dict[str, Any]:
    several = {"agencies": list(alert.agencies), "groups": list(alert.groups)} if alert.agencies else {}
    return several | {
        "_id": alert.alert_id, "alert_id": alert.alert_id, "version": alert.version, "timeline": alert.timeline,
        "rule": alert.rule, "agency": alert.agency, "group": alert.group, "severity": alert.severity,
        "state": alert.state, "case_ref": alert.item["case_ref"], "source_ref": alert.item["source_ref"],
        "shelf": f"{alert.timeline}/{alert.weight}", "weight": alert.weight, "raised_us": alert.raised_us,
        "item": alert.item,
    }  # fmt: skip


def _replace(alert: Alert) -> ReplaceOne[dict[str, Any]]:
    return ReplaceOne({"_id": alert.alert_id, "version": {"$lt": alert.version}}, _document(alert))


def _feed_document(entry: FeedEntry, alert: Alert) -> dict[str, Any]:
    document = _document(alert)
    del document["shelf"], document["weight"], document["version"]
    return {
        **document, "_id": alert.key, "position": entry.position, "change": entry.change,
        "latency_ms": entry.latency_ms,
    }  # fmt: skip


def _entry(document: dict[str, Any]) -> FeedEntry:
    return FeedEntry(
        position=int(document["position"]), change=document["change"], timeline=document["timeline"],
        latency_ms=document["latency_ms"], item=document["item"],
    )  # fmt: skip


def _within(scope: Scope) -> dict[str, Any]:
    if scope.city:
        return {}
    agencies, groups = {"$in": sorted(scope.agencies)}, {"$in": sorted(scope.groups)}
    seen = {"agency": agencies, "agencies": agencies, "group": groups, "groups": groups}
    return {"$or": [{name: clause} for name, clause in seen.items()]}


def _beginning(prefix: str) -> dict[str, Any]:
    return {"alert_id": {"$gte": prefix, "$lt": prefix + "\uffff"}}


def _may_hold(query: AlertQuery, weight: int) -> bool:
    """False when the query itself leaves out every alert of this weight."""
    is_open, rank = weight >= OPEN_WEIGHT, weight % OPEN_WEIGHT
    if query.state is not None and (query.state == "open") is not is_open:
        return False
    return query.severity is None or SEVERITIES.index(query.severity) == rank


def _in_lots(collection: Any, field: str, values: Sequence[str], fields: dict[str, int]) -> Iterator[dict[str, Any]]:
    for start in range(0, len(values), LOT):
        yield from collection.find({field: {"$in": list(values[start : start + LOT])}}, fields)


def _mark_field(mark: Mark) -> str:
    source, partition = mark
    return f"{source.replace('.', ':')}@{partition}"  # a dot would be a path to MongoDB


def _mark(field: str) -> Mark:
    source, _, partition = field.rpartition("@")
    return source.replace(":", "."), int(partition)
