"""Where audit entries and heads are kept: the interface, on MongoDB (database duban_audit), and in memory.

An entry's sequence is its document's id. Of two writers that read the same last entry one is refused by that id and
appends behind the other: every append is one single-document insert, and no sequence is ever left out.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Protocol

import msgspec
from mongoengine import BooleanField, Document, IntField, StringField
from pymongo.errors import DuplicateKeyError

from services.contracts.audit import AuditSealedV1
from services.shared.audit.chain import Entry, follow

DATABASE = "audit"
_PATIENCE_SECONDS = 20.0


class TrailBusy(RuntimeError):
    """So many writers appended at once that this one never came to its turn; nothing was written."""


class AuditEntry(Document):
    """`id` is the sequence."""

    meta = {"db_alias": DATABASE, "collection": "entries", "auto_create_index": False}
    id = IntField(primary_key=True)
    at = IntField(required=True)
    actor = StringField(required=True)
    action = StringField(required=True)
    subject = StringField(required=True)
    reason = StringField()
    previous = StringField(required=True)
    hash = StringField(required=True)


class AuditHead(Document):
    """`id` is the sequence that the head vouches for, `head` its JSON; `published` once file and topic have it."""

    meta = {"db_alias": DATABASE, "collection": "heads", "auto_create_index": False}
    id = IntField(primary_key=True)
    head = StringField(required=True)
    published = BooleanField(required=True)


class Trail(Protocol):
    """What a service asks of the audit trail."""

    def append(self, actor: str, action: str, subject: str, reason: str = "") -> Entry:
        """Append an entry and return it once it is stored. Raises what the store raises, and TrailBusy: whoever must
        not act unrecorded appends first and acts afterwards."""


class MongoTrail:
    """The trail in the database duban_audit; `connect_store(settings, "audit")` comes first."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    def append(self, actor: str, action: str, subject: str, reason: str = "") -> Entry:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            entry = follow(self.last(), self._clock(), actor, action, subject, reason)
            try:
                self._entries().insert_one(document_of(entry))
            except DuplicateKeyError:
                if time.monotonic() > deadline:
                    raise TrailBusy(f"no turn within {_PATIENCE_SECONDS:g} s") from None
                time.sleep(random.uniform(0, 0.01))
            else:
                return entry

    def last(self) -> Entry | None:
        """The newest entry."""
        found = self._entries().find_one({}, sort=[("_id", -1)])
        return entry_of(found) if found else None

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """Every entry above the sequence `after`, in order."""
        for document in self._entries().find({"_id": {"$gt": after}}).sort("_id", 1).batch_size(1000):
            yield entry_of(document)

    def newest_head(self) -> AuditSealedV1 | None:
        """The head that vouches for most."""
        found = self._heads().find_one({}, sort=[("_id", -1)])
        return msgspec.json.decode(found["head"], type=AuditSealedV1) if found else None

    def keep_head(self, head: AuditSealedV1) -> None:
        """Remember a head that is still to be published. Of two for the same sequence the first one stays."""
        document = {"_id": head.trail_sequence, "head": msgspec.json.encode(head).decode(), "published": False}
        try:
            self._heads().insert_one(document)
        except DuplicateKeyError:
            return

    def unpublished(self) -> list[AuditSealedV1]:
        """Heads that file and topic may not have yet, the oldest first."""
        found = self._heads().find({"published": False}).sort("_id", 1)
        return [msgspec.json.decode(document["head"], type=AuditSealedV1) for document in found]

    def mark_published(self, head: AuditSealedV1) -> None:
        self._heads().update_one({"_id": head.trail_sequence}, {"$set": {"published": True}})

    @staticmethod
    def _entries() -> Any:
        return AuditEntry._get_collection()

    @staticmethod
    def _heads() -> Any:
        return AuditHead._get_collection()


class MemoryTrail:
    """The trail in memory, for tests without a server."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self.kept: list[Entry] = []

    def append(self, actor: str, action: str, subject: str, reason: str = "") -> Entry:
        with self._lock:
            last = self.kept[-1] if self.kept else None
            self.kept.append(follow(last, self._clock(), actor, action, subject, reason))
            return self.kept[-1]


def document_of(entry: Entry) -> dict[str, Any]:
    fields = msgspec.to_builtins(entry)
    return {"_id": fields.pop("sequence"), **fields}


def entry_of(document: dict[str, Any]) -> Entry:
    """A document as an entry, BSON's own integers as plain ones. A field that somebody deleted or gave another type
    reads as empty: then it is the hash that does not fit."""
    texts = {name: str(document.get(name, "")) for name in ("actor", "action", "subject", "reason", "previous", "hash")}
    at = document.get("at")
    return Entry(sequence=int(document["_id"]), at=int(at) if isinstance(at, int) else 0, **texts)
