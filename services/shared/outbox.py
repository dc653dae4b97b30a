"""The outbox embedded in every case document, and the relay's view of it. Free of Kafka and of any service's rules.

An event is encoded once, in the same write as the state it belongs to. Its document is `pending` until the relay has
the broker's acknowledgement for all of its events; `pending.at` is not later than the oldest of them.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from mongoengine import BinaryField, Document, EmbeddedDocument, IntField, ObjectIdField, StringField
from pymongo import UpdateOne, WriteConcern
from pymongo.collection import Collection

IDS_A_QUERY = 50  # Larger $in lists gain little on MongoDB and are slow on the embedded stand-in.


class OutboxEntry(EmbeddedDocument):
    """One event: its place in the case, its instant in microseconds, and the record's value as it will be published."""

    sequence = IntField(required=True)
    at = IntField(required=True)
    body = BinaryField(required=True)


class Pending(EmbeddedDocument):
    """Present while the outbox is not empty; the relay finds documents by its index."""

    timeline = StringField(required=True)
    at = IntField(required=True)


class Broadcast(Document):
    """A tick or a decree that waits for every partition, behind every earlier event of its timeline.

    `decree` is the JSON of a decree's data; without it this is a tick.
    """

    meta: dict[str, Any] = {"abstract": True}
    id = ObjectIdField(primary_key=True)
    timeline = StringField(required=True)
    as_of = IntField(required=True)
    decree = BinaryField()


class Waiting(NamedTuple):
    """A case with events to publish: (sequence, value) in order."""

    case_id: str
    events: Sequence[tuple[int, bytes]]


class Request(NamedTuple):
    """A tick up to `as_of` in microseconds, or a decree of that instant. `key` names the request in the store."""

    key: Any
    timeline: str
    as_of: int
    decree: bytes | None = None


class Outbox(Protocol):
    """What the relay asks of a service's store."""

    def requests(self) -> list[Request]:
        """What waits for every partition, the first accepted first."""

    def done(self, requests: Sequence[Request]) -> None:
        """Forget requests that every partition has."""

    def waiting(self, timeline: str, before: int | None, chunk: int) -> Iterator[list[Waiting]]:
        """Cases of `timeline` with events to publish, those with an event before `before` only if it is given."""

    def timelines(self) -> list[str]:
        """The timelines that have events to publish."""

    def acknowledge(self, published: Sequence[tuple[str, int]]) -> None:
        """Delete from each case's outbox the events up to that sequence."""

    def oldest(self, timeline: str) -> int | None:
        """No event of `timeline` that still waits is older than this."""

    def size(self) -> int:
        """How many cases have events to publish."""


class MongoOutbox:
    """The outboxes of one collection of case documents, and its service's tick requests."""

    def __init__(self, cases: Collection, broadcasts: Collection) -> None:
        self._cases, self._broadcasts = cases, broadcasts
        self._relaxed = cases.with_options(write_concern=WriteConcern(w=1, j=False))

    def requests(self) -> list[Request]:
        found = self._broadcasts.find({}).sort("_id", 1).limit(500)
        return [Request(b["_id"], b["timeline"], b["as_of"], b.get("decree")) for b in found]

    def done(self, requests: Sequence[Request]) -> None:
        self._broadcasts.delete_many({"_id": {"$in": [r.key for r in requests]}})

    def waiting(self, timeline: str, before: int | None, chunk: int) -> Iterator[list[Waiting]]:
        query: dict[str, Any] = {"pending.timeline": timeline}
        if before is not None:
            query["pending.at"] = {"$lt": before}
        found: list[Waiting] = []
        for document in self._cases.find(query, {"outbox": 1}).batch_size(chunk):
            entries = sorted(document.get("outbox", ()), key=lambda e: e["sequence"])
            found.append(Waiting(document["_id"], [(e["sequence"], e["body"]) for e in entries]))
            if len(found) == chunk:
                yield found
                found = []
        if found:
            yield found

    def timelines(self) -> list[str]:
        """Read by skipping through the index: one small query a timeline."""
        found: list[str] = []
        after = ""
        while one := self._cases.find_one({"pending.timeline": {"$gt": after}}, {"pending": 1}, sort=_BY_TIMELINE):
            after = one["pending"]["timeline"]
            found.append(after)
        return found

    def acknowledge(self, published: Sequence[tuple[str, int]]) -> None:
        """A case whose last event is published is done. One that a writer has moved on meanwhile only loses the
        published entries and stays pending: its writer pushed to the same document, so neither undoes the other.

        An acknowledgement that a crash of the store undoes is only published again: the journal is not waited for.
        """
        by_sequence: dict[int, list[str]] = {}
        for case, sequence in published:
            by_sequence.setdefault(sequence, []).append(case)
        done = 0
        for sequence, cases in by_sequence.items():
            for start in range(0, len(cases), IDS_A_QUERY):
                lot = {"_id": {"$in": cases[start : start + IDS_A_QUERY]}, "sequence": sequence}
                done += self._relaxed.update_many(
                    lot, {"$set": {"outbox": []}, "$unset": {"pending": ""}}
                ).matched_count
        if done < len(published):
            self._relaxed.bulk_write(
                [
                    UpdateOne(
                        {"_id": case, "sequence": {"$gt": sequence}},
                        {"$pull": {"outbox": {"sequence": {"$lte": sequence}}}},
                    )
                    for case, sequence in published
                ],
                ordered=False,
            )

    def oldest(self, timeline: str) -> int | None:
        one = self._cases.find_one({"pending.timeline": timeline}, {"pending": 1}, sort=[("pending.at", 1)])
        return one["pending"]["at"] if one else None

    def size(self) -> int:
        return self._cases.count_documents({"pending.timeline": {"$gt": ""}})


_BY_TIMELINE = [("pending.timeline", 1), ("pending.at", 1)]
