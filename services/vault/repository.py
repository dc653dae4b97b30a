"""Where sealed identities and openings are kept: the interface, on MongoDB, and in memory. Single-document writes."""

import threading
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec
from pymongo.errors import DuplicateKeyError

from services.contracts.identity import KeptIdentity, SealedIdentity
from services.vault.documents import IdentityDocument, OpeningDocument
from services.vault.domain.opening import Opening


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One identity as the vault has it; `sealed` is None once it is shredded. `mac` is the vault's keyed hash over
    reference and case: who can write the database alone cannot file an identity under another case."""

    identity_ref: str
    case_id: str
    kept_at: datetime
    mac: str
    sealed: SealedIdentity | None


class VaultRepository(Protocol):
    """Identities and openings."""

    def keep(self, kept: KeptIdentity, at: datetime, mac: str) -> bool:
        """Keep a sealed identity; False when its reference is known already: then nothing changes."""

    def identity(self, identity_ref: str) -> Record | None: ...

    def of_case(self, case_id: str) -> Record | None:
        """The identity that came with this case."""

    def due(self, before: datetime, limit: int) -> list[str]:
        """References of identities kept before that instant and not shredded, the oldest first."""

    def count_due(self, before: datetime) -> int: ...

    def shred(self, identity_ref: str, at: datetime) -> None:
        """Delete the sealed data key and the box for ever; a second time nothing happens."""

    def under_other_keys(self, key_id: str, limit: int) -> list[SealedIdentity]:
        """Identities that are sealed to another key than this one."""

    def rewrap(self, before: SealedIdentity, after: SealedIdentity) -> None:
        """Replace the sealed data key, unless it has been replaced or shredded since."""

    def uses(self, key_id: str) -> bool:
        """Whether any identity is sealed to this key."""

    def add_opening(self, opening: Opening) -> None: ...

    def opening(self, opening_id: str) -> Opening | None: ...

    def save_opening(self, before: Opening, after: Opening) -> bool:
        """Replace an opening if it is still as it was read; whether it was."""

    def openings(self, limit: int) -> list[Opening]:
        """The newest openings."""

    def now(self) -> datetime:
        """What the store's own clock says."""

    def check(self) -> None:
        """Raises when the store does not answer."""


class MongoVault:
    """The database duban_vault."""

    def __init__(self) -> None:
        self._indexed = False

    @property
    def _identities(self) -> Any:
        if not self._indexed:
            IdentityDocument.ensure_indexes()
            OpeningDocument.ensure_indexes()
            self._indexed = True
        return IdentityDocument._get_collection()

    @property
    def _openings(self) -> Any:
        return OpeningDocument._get_collection()

    def keep(self, kept: KeptIdentity, at: datetime, mac: str) -> bool:
        fields = msgspec.structs.asdict(kept.sealed)
        document = {"_id": fields.pop("identity_ref"), "case_id": kept.case_id, "kept_at": at, "mac": mac, **fields}
        try:
            self._identities.insert_one(document | {"shredded_at": None})
        except DuplicateKeyError:
            return False
        return True

    def identity(self, identity_ref: str) -> Record | None:
        return _record(self._identities.find_one({"_id": identity_ref}))

    def of_case(self, case_id: str) -> Record | None:
        return _record(self._identities.find_one({"case_id": case_id}))

    def due(self, before: datetime, limit: int) -> list[str]:
        found = self._identities.find(_due(before), {"_id": 1}).sort("kept_at", 1).limit(limit)
        return [document["_id"] for document in found]

    def count_due(self, before: datetime) -> int:
        return int(self._identities.count_documents(_due(before)))

    def shred(self, identity_ref: str, at: datetime) -> None:
        self._identities.update_one(
            {"_id": identity_ref, "shredded_at": None},
            {"$unset": {"sealed_key": "", "box": "", "key_id": ""}, "$set": {"shredded_at": at}},
        )

    def under_other_keys(self, key_id: str, limit: int) -> list[SealedIdentity]:
        found = self._identities.find({"shredded_at": None, "key_id": {"$ne": key_id}}).limit(limit)
        return [record.sealed for document in found if (record := _record(document)) and record.sealed]

    def rewrap(self, before: SealedIdentity, after: SealedIdentity) -> None:
        self._identities.update_one(
            {"_id": before.identity_ref, "key_id": before.key_id, "shredded_at": None},
            {"$set": {"key_id": after.key_id, "sealed_key": after.sealed_key}},
        )

    def uses(self, key_id: str) -> bool:
        return self._identities.find_one({"key_id": key_id}, {"_id": 1}) is not None

    def add_opening(self, opening: Opening) -> None:
        self._openings.insert_one(_opening_document(opening))

    def opening(self, opening_id: str) -> Opening | None:
        found = self._openings.find_one({"_id": opening_id})
        return _opening(found) if found else None

    def save_opening(self, before: Opening, after: Opening) -> bool:
        fields = _opening_document(after)
        found = self._openings.replace_one({"_id": before.opening_id, "status": before.status}, fields)
        return bool(found.matched_count)

    def openings(self, limit: int) -> list[Opening]:
        return [_opening(found) for found in self._openings.find({}).sort("requested_at", -1).limit(limit)]

    def now(self) -> datetime:
        db = IdentityDocument._get_db()
        now: datetime = db.command("hello", codec_options=db.codec_options)["localTime"]
        return now

    def check(self) -> None:
        IdentityDocument._get_db().command("ping")


def _due(before: datetime) -> dict[str, Any]:
    return {"shredded_at": None, "kept_at": {"$lt": before}}


def _record(document: dict[str, Any] | None) -> Record | None:
    if document is None:
        return None
    names = ("key_id", "sealed_key", "box")
    whole = all(document.get(name) is not None for name in names)
    fields = {name: document[name] for name in names} if whole else {}
    sealed = SealedIdentity(identity_ref=document["_id"], **fields) if whole else None
    return Record(
        identity_ref=document["_id"], case_id=document["case_id"], kept_at=document["kept_at"],
        mac=document.get("mac", ""), sealed=sealed,
    )  # fmt: skip


def _opening_document(opening: Opening) -> dict[str, Any]:
    fields = msgspec.structs.asdict(opening)
    return {"_id": fields.pop("opening_id"), **fields}


def _opening(document: dict[str, Any]) -> Opening:
    return msgspec.convert({**document, "opening_id": document["_id"]}, Opening)


class MemoryVault:
    """The same in memory, for tests without a server. `time` is its clock's: late enough to leave it to the vault's."""

    def __init__(self) -> None:
        self.time = datetime.max.replace(tzinfo=UTC)
        self._lock = threading.Lock()
        self.records: dict[str, Record] = {}
        self._openings: dict[str, Opening] = {}

    def keep(self, kept: KeptIdentity, at: datetime, mac: str) -> bool:
        ref = kept.sealed.identity_ref
        with self._lock:
            if ref in self.records:
                return False
            self.records[ref] = Record(
                identity_ref=ref, case_id=kept.case_id, kept_at=at, mac=mac, sealed=kept.sealed
            )  # fmt: skip
            return True

    def identity(self, identity_ref: str) -> Record | None:
        return self.records.get(identity_ref)

    def of_case(self, case_id: str) -> Record | None:
        return next((record for record in self.records.values() if record.case_id == case_id), None)

    def due(self, before: datetime, limit: int) -> list[str]:
        found = sorted((r for r in self.records.values() if r.sealed and r.kept_at < before), key=lambda r: r.kept_at)
        return [record.identity_ref for record in found[:limit]]

    def count_due(self, before: datetime) -> int:
        return len(self.due(before, len(self.records)))

    def shred(self, identity_ref: str, at: datetime) -> None:
        self.records[identity_ref] = msgspec.structs.replace(self.records[identity_ref], sealed=None)

    def under_other_keys(self, key_id: str, limit: int) -> list[SealedIdentity]:
        return [r.sealed for r in self.records.values() if r.sealed and r.sealed.key_id != key_id][:limit]

    def rewrap(self, before: SealedIdentity, after: SealedIdentity) -> None:
        record = self.records[before.identity_ref]
        if record.sealed == before:
            self.records[before.identity_ref] = msgspec.structs.replace(record, sealed=after)

    def uses(self, key_id: str) -> bool:
        return any(record.sealed and record.sealed.key_id == key_id for record in self.records.values())

    def add_opening(self, opening: Opening) -> None:
        self._openings[opening.opening_id] = opening

    def opening(self, opening_id: str) -> Opening | None:
        return self._openings.get(opening_id)

    def save_opening(self, before: Opening, after: Opening) -> bool:
        with self._lock:
            if self._openings[before.opening_id].status != before.status:
                return False
            self._openings[before.opening_id] = after
            return True

    def openings(self, limit: int) -> list[Opening]:
        return sorted(self._openings.values(), key=lambda o: o.requested_at, reverse=True)[:limit]

    def now(self) -> datetime:
        return self.time

    def check(self) -> None:
        """Memory always answers."""
