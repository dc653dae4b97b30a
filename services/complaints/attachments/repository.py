"""The register of evidence: the interface, on MongoDB, and in memory. The files themselves lie in the store."""

import threading
from datetime import datetime
from typing import Any, Protocol

import msgspec
from pymongo.errors import DuplicateKeyError

from services.complaints.attachments.documents import EvidenceDocument, RoomDocument
from services.complaints.attachments.scanning import Verdict
from services.contracts.instants import from_micros, to_micros


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a case. It has no name: names of files tell about people. `cleaned`: nothing tells of its maker."""

    ref: str
    case_id: str
    at: datetime
    by: str
    media_type: str
    suffix: str
    size: int
    verdict: Verdict
    cleaned: bool


class EvidenceRepository(Protocol):
    """Which evidence there is, and room for more."""

    def reserve(self, case_id: str, size: int, most_files: int, most_bytes: int) -> bool:
        """Take room for one file of `size` bytes; False when the case has none left."""

    def release(self, case_id: str, size: int) -> None:
        """Give that room back."""

    def add(self, evidence: Evidence) -> bool:
        """False when evidence of that name is there already; then nothing changes."""

    def remove(self, ref: str) -> None: ...

    def get(self, ref: str) -> Evidence | None: ...

    def of_case(self, case_id: str) -> list[Evidence]:
        """The evidence of a case, the first sent first."""


class MongoEvidence:
    """The register in the database duban_complaints."""

    def __init__(self) -> None:
        self._indexed = False

    @property
    def _register(self) -> Any:
        if not self._indexed:
            EvidenceDocument.ensure_indexes()
            self._indexed = True
        return EvidenceDocument._get_collection()

    def reserve(self, case_id: str, size: int, most_files: int, most_bytes: int) -> bool:
        room = {"_id": case_id, "files": {"$lt": most_files}, "bytes": {"$lte": most_bytes - size}}
        try:
            # No such document: either the case's first file, or a full case, whose id the insert then meets.
            RoomDocument._get_collection().update_one(room, {"$inc": {"files": 1, "bytes": size}}, upsert=True)
        except DuplicateKeyError:
            return False
        return True

    def release(self, case_id: str, size: int) -> None:
        RoomDocument._get_collection().update_one({"_id": case_id}, {"$inc": {"files": -1, "bytes": -size}})

    def add(self, evidence: Evidence) -> bool:
        document = msgspec.structs.asdict(evidence) | {"_id": evidence.ref, "at": to_micros(evidence.at)}
        del document["ref"]
        try:
            self._register.insert_one(document)
        except DuplicateKeyError:
            return False
        return True

    def remove(self, ref: str) -> None:
        self._register.delete_one({"_id": ref})

    def get(self, ref: str) -> Evidence | None:
        found = self._register.find_one({"_id": ref})
        return _evidence(found) if found else None

    def of_case(self, case_id: str) -> list[Evidence]:
        return [_evidence(found) for found in self._register.find({"case_id": case_id}).sort("at", 1)]


class MemoryEvidence:
    """The register in memory, for tests without a server."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: dict[str, Evidence] = {}
        self._room: dict[str, tuple[int, int]] = {}

    def reserve(self, case_id: str, size: int, most_files: int, most_bytes: int) -> bool:
        with self._lock:
            files, taken = self._room.get(case_id, (0, 0))
            if files >= most_files or taken + size > most_bytes:
                return False
            self._room[case_id] = files + 1, taken + size
            return True

    def release(self, case_id: str, size: int) -> None:
        with self._lock:
            files, taken = self._room[case_id]
            self._room[case_id] = files - 1, taken - size

    def add(self, evidence: Evidence) -> bool:
        return self._found.setdefault(evidence.ref, evidence) is evidence

    def remove(self, ref: str) -> None:
        self._found.pop(ref, None)

    def get(self, ref: str) -> Evidence | None:
        return self._found.get(ref)

    def of_case(self, case_id: str) -> list[Evidence]:
        return [evidence for evidence in self._found.values() if evidence.case_id == case_id]


def _evidence(document: dict[str, Any]) -> Evidence:
    fields = {name: document[name] for name in Evidence.__struct_fields__ if name in document}
    return Evidence(**{**fields, "ref": document["_id"], "at": from_micros(document["at"])})
