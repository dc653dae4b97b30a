"""Repositories of cases: the interface, the one on MongoDB and the one in memory. Free of any service's rules.

The MongoDB one reads and writes the collection of its document class in the driver's own terms, so that a batch of an
imported log costs a few round trips and no object a field.
"""

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

import msgspec
from bson import ObjectId
from pymongo import InsertOne, UpdateOne
from pymongo.errors import BulkWriteError, PyMongoError

from services.contracts.lifecycle import Case
from services.shared.documents import CaseDocument
from services.shared.grouping import Grouped
from services.shared.outbox import IDS_A_QUERY, Broadcast, MongoOutbox

KEPT_RESULTS = 50
DUPLICATE_KEY = 11000
C = TypeVar("C", bound=Case)


class Recorded(msgspec.Struct, frozen=True):
    """An event of a case: `data` is the JSON of its data, `by` an opaque account, `at` in microseconds."""

    sequence: int
    id: str
    type: str
    at: int
    by: str
    data: bytes


class Result(msgspec.Struct, frozen=True):
    """The first answer to an Idempotency-Key (see ResultEntry)."""

    key: str
    digest: str
    answer: bytes


class Stored(msgspec.Struct, Generic[C], frozen=True):
    """A case as it was read, with the version that a write must still find."""

    case: C
    version: int
    results: tuple[Result, ...] = ()


class Write(msgspec.Struct, Generic[C], frozen=True):
    """One document's change: `before` as it was read (None: a new case), `after`, and the events between.

    `bodies` are the records' values, one an event. `extra` are fields that the document has beside the case.
    """

    before: Stored[C] | None
    after: C
    events: tuple[Recorded, ...]
    bodies: tuple[bytes, ...]
    result: Result | None = None
    extra: dict[str, Any] = {}

    @property
    def version(self) -> int:
        """The document's version after this write."""
        return 1 if self.before is None else self.before.version + 1


class WriteConflict(Exception):
    """Another writer was first: nothing of this write was done."""


class CaseRepository(Protocol[C]):
    """Cases of one service. A write is one document and happens only if nobody else wrote since the read."""

    def load(self, case_id: str) -> Stored[C] | None: ...

    def load_many(self, case_ids: Collection[str]) -> dict[str, Stored[C]]: ...

    def history(self, case_id: str) -> list[Recorded]: ...

    def histories(self, case_ids: Collection[str]) -> dict[str, list[Recorded]]:
        """The histories of those of `case_ids` that there are."""

    def save(self, write: Write[C]) -> None:
        """Raises WriteConflict when another writer was first."""

    def save_many(self, writes: Sequence[Write[C]]) -> set[str]:
        """Save each case that nobody else wrote since the read; return the ids of the others."""

    def broadcast(self, timeline: str, as_of: int, decree: bytes | None = None) -> None:
        """Ask the relay for a tick, or for a decree, in every partition and after every event before `as_of`."""

    def check(self) -> None:
        """Raises when the store does not answer."""


class MongoCases(Generic[C]):
    """Cases in the collection of `document`, each one document with its outbox."""

    def __init__(self, case_type: type[C], document: type[CaseDocument], broadcast: type[Broadcast]) -> None:
        self._type, self._document, self._broadcast = case_type, document, broadcast
        self._fields = tuple(case_type.__struct_fields__)
        self._indexed = False
        self._inserts = Grouped(self._insert_all)

    @property
    def _cases(self) -> Any:
        """The collection, its indexes made sure of once: services start before the server may be there."""
        if not self._indexed:
            self._document.ensure_indexes()
            self._indexed = True
        return self._document._get_collection()

    def check(self) -> None:
        self._document._get_db().command("ping")

    def outbox(self) -> MongoOutbox:
        """The relay's view of these cases."""
        return MongoOutbox(self._cases, self._broadcast._get_collection())

    def load(self, case_id: str) -> Stored[C] | None:
        found = self._cases.find_one({"_id": case_id}, {"outbox": 0, "history": 0})
        return self._stored(found) if found else None

    def load_many(self, case_ids: Collection[str]) -> dict[str, Stored[C]]:
        found = self._in_lots(case_ids, {"outbox": 0, "history": 0, "results": 0})
        return {document["_id"]: self._stored(document) for document in found}

    def history(self, case_id: str) -> list[Recorded]:
        found = self._cases.find_one({"_id": case_id}, {"history": 1})
        return _recorded(found) if found else []

    def histories(self, case_ids: Collection[str]) -> dict[str, list[Recorded]]:
        return {document["_id"]: _recorded(document) for document in self._in_lots(case_ids, {"history": 1})}

    def _in_lots(self, case_ids: Collection[str], fields: dict[str, int]) -> Iterator[dict[str, Any]]:
        ids = list(case_ids)
        for start in range(0, len(ids), IDS_A_QUERY):
            yield from self._cases.find({"_id": {"$in": ids[start : start + IDS_A_QUERY]}}, fields)

    def save(self, write: Write[C]) -> None:
        if write.before is None:
            if not self._inserts.submit(self._insert(write)):
                raise WriteConflict(write.after.case_id)
        elif not self._cases.update_one(*self._update(write)).matched_count:
            raise WriteConflict(write.after.case_id)

    def _insert_all(self, documents: Sequence[dict[str, Any]]) -> list[bool]:
        """Insert each document that is not there yet; which of them were inserted."""
        try:
            self._cases.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            failed = {e["index"]: e["code"] for e in error.details["writeErrors"]}
            if error.details["writeConcernErrors"] or set(failed.values()) != {DUPLICATE_KEY}:
                codes = sorted({*failed.values()} - {DUPLICATE_KEY})  # the error itself holds the documents
                raise PyMongoError(f"inserting failed with codes {codes}") from None
            return [index not in failed for index in range(len(documents))]
        return [True] * len(documents)

    def save_many(self, writes: Sequence[Write[C]]) -> set[str]:
        operations = [
            InsertOne(self._insert(w)) if w.before is None else UpdateOne(*self._update(w)) for w in writes
        ]  # fmt: skip
        if not operations:
            return set()
        try:
            done = self._cases.bulk_write(operations, ordered=False)
            saved = done.inserted_count + done.matched_count
        except BulkWriteError as error:
            if any(e["code"] != DUPLICATE_KEY for e in error.details["writeErrors"]):
                raise
            saved = error.details["nInserted"] + error.details["nMatched"]
        if saved == len(writes):
            return set()
        # Somebody else imports the same log: whoever finds the case as far as it wanted it has nothing to repeat.
        now = self.load_many([w.after.case_id for w in writes])
        ids = {w.after.case_id: w.after.sequence for w in writes}
        return {case for case, sequence in ids.items() if case not in now or now[case].case.sequence < sequence}

    def broadcast(self, timeline: str, as_of: int, decree: bytes | None = None) -> None:
        document = {"_id": ObjectId(), "timeline": timeline, "as_of": as_of}
        self._broadcast._get_collection().insert_one(document | ({"decree": decree} if decree else {}))

    def _stored(self, document: dict[str, Any]) -> Stored[C]:
        fields = {name: document[name] for name in self._fields if name in document}
        fields["case_id"] = document["_id"]
        results = tuple(Result(r["key"], r["digest"], r["answer"]) for r in document.get("results", ()))
        return Stored(msgspec.convert(fields, self._type), document["version"], results)

    def _insert(self, write: Write[C]) -> dict[str, Any]:
        document = _fields_of(write.after)
        document |= {"_id": write.after.case_id, "version": 1, "outbox": _outbox(write), "history": _history(write)}
        document["pending"] = {"timeline": write.after.timeline, "at": write.events[0].at}
        document["results"] = [msgspec.to_builtins(write.result, builtin_types=(bytes,))] if write.result else []
        return document | write.extra

    def _update(self, write: Write[C]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The compare-and-set: it finds nothing when the version is no longer the one that was read.

        Entries are pushed, never set: the relay deletes published ones from the same list at the same time.
        """
        assert write.before is not None
        before, after = _fields_of(write.before.case), _fields_of(write.after)
        changed = {name: value for name, value in after.items() if value != before[name]}
        push: dict[str, Any] = {"outbox": {"$each": _outbox(write)}, "history": {"$each": _history(write)}}
        if write.result:
            entry = msgspec.to_builtins(write.result, builtin_types=(bytes,))
            push["results"] = {"$each": [entry], "$slice": -KEPT_RESULTS}
        return {"_id": write.after.case_id, "version": write.before.version}, {
            "$set": changed | write.extra | {"version": write.version, "pending.timeline": write.after.timeline},
            "$min": {"pending.at": write.events[0].at},
            "$push": push,
        }


class MemoryCases(Generic[C]):
    """Cases in memory, with the same promises; for tests without a server."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cases: dict[str, tuple[Stored[C], tuple[Recorded, ...]]] = {}
        self.published: list[bytes] = []
        self.ticks: list[tuple[str, int]] = []
        self.decrees: list[bytes] = []
        self.extras: dict[str, dict[str, Any]] = {}

    def load(self, case_id: str) -> Stored[C] | None:
        with self._lock:
            return self._cases[case_id][0] if case_id in self._cases else None

    def load_many(self, case_ids: Collection[str]) -> dict[str, Stored[C]]:
        found = {case_id: self.load(case_id) for case_id in case_ids}
        return {case_id: stored for case_id, stored in found.items() if stored}

    def history(self, case_id: str) -> list[Recorded]:
        with self._lock:
            return list(self._cases[case_id][1]) if case_id in self._cases else []

    def histories(self, case_ids: Collection[str]) -> dict[str, list[Recorded]]:
        return {case_id: found for case_id in case_ids if (found := self.history(case_id))}

    def save(self, write: Write[C]) -> None:
        case_id = write.after.case_id
        with self._lock:
            stored, history = self._cases.get(case_id, (None, ()))
            if (stored and stored.version) != (write.before and write.before.version):
                raise WriteConflict(case_id)
            results = (*(stored.results if stored else ()), *((write.result,) if write.result else ()))
            after = Stored(write.after, write.version, results[-KEPT_RESULTS:])
            self._cases[case_id] = (after, (*history, *write.events))
            self.extras.setdefault(case_id, {}).update(write.extra)
            self.published += write.bodies

    def save_many(self, writes: Sequence[Write[C]]) -> set[str]:
        lost = set()
        for write in writes:
            try:
                self.save(write)
            except WriteConflict:
                lost.add(write.after.case_id)
        return lost

    def broadcast(self, timeline: str, as_of: int, decree: bytes | None = None) -> None:
        if decree:
            self.decrees.append(decree)
        else:
            self.ticks.append((timeline, as_of))

    def check(self) -> None:
        """Memory always answers."""


def _fields_of(case: Case) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(case)
    del fields["case_id"]
    return fields


def _outbox(write: Write[Any]) -> list[dict[str, Any]]:
    entries = zip(write.events, write.bodies, strict=True)
    return [{"sequence": e.sequence, "at": e.at, "body": body} for e, body in entries]


def _recorded(document: Mapping[str, Any]) -> list[Recorded]:
    return [msgspec.convert(entry, Recorded) for entry in document["history"]]


def _history(write: Write[Any]) -> list[dict[str, Any]]:
    return [
        {"sequence": e.sequence, "id": e.id, "type": e.type, "at": e.at, "by": e.by, "data": e.data}
        for e in write.events
    ]
