"""Where the register of supervisors is kept: the interface, on MongoDB, and in memory. Single-document writes."""

import threading
from typing import Any, Protocol

import msgspec
from pymongo.errors import DuplicateKeyError

from services.complaints.supervisors.documents import SupervisorDocument
from services.complaints.supervisors.domain.supervisor import Supervisor


class Conflict(Exception):
    """Another writer was first: nothing was written."""


class SupervisorRepository(Protocol):
    """The register."""

    def load(self, code: str) -> Supervisor | None: ...

    def save(self, supervisor: Supervisor) -> None:
        """Write a version that follows the one in the register. Raises Conflict when that is another one by now."""

    def listed(self) -> list[Supervisor]:
        """The whole register, by code."""


class MongoSupervisors:
    """The register in the database duban_complaints."""

    @property
    def _register(self) -> Any:
        return SupervisorDocument._get_collection()

    def load(self, code: str) -> Supervisor | None:
        return _supervisor(self._register.find_one({"_id": code}))

    def save(self, supervisor: Supervisor) -> None:
        fields = msgspec.to_builtins(supervisor)
        document = {"_id": fields.pop("code"), **fields}
        if supervisor.version == 1:
            try:
                self._register.insert_one(document)
            except DuplicateKeyError:
                raise Conflict(supervisor.code) from None
            return
        query = {"_id": supervisor.code, "version": supervisor.version - 1}
        if not self._register.replace_one(query, document).matched_count:
            raise Conflict(supervisor.code)

    def listed(self) -> list[Supervisor]:
        return [s for document in self._register.find({}).sort("_id", 1) if (s := _supervisor(document))]


class MemorySupervisors:
    """The same in memory, for tests without a server."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, Supervisor] = {}

    def load(self, code: str) -> Supervisor | None:
        return self._kept.get(code)

    def save(self, supervisor: Supervisor) -> None:
        with self._lock:
            known = self._kept.get(supervisor.code)
            if (known.version if known else 0) != supervisor.version - 1:
                raise Conflict(supervisor.code)
            self._kept[supervisor.code] = supervisor

    def listed(self) -> list[Supervisor]:
        return sorted(self._kept.values(), key=lambda supervisor: supervisor.code)


def _supervisor(document: dict[str, Any] | None) -> Supervisor | None:
    return msgspec.convert({**document, "code": document["_id"]}, Supervisor) if document else None
