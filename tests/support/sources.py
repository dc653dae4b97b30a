"""The four sources in memory, and builders of their requests, for tests without a server."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient

from services.approvals import api as approvals_api
from services.approvals.repository import MemoryApprovals
from services.complaints import api as complaints_api
from services.complaints.attachments.repository import MemoryEvidence
from services.complaints.attachments.scanning import scanner
from services.complaints.attachments.service import Attachments
from services.complaints.attachments.store import Store
from services.complaints.domain.handling import Handling
from services.complaints.memory import MemoryComplaints
from services.complaints.offices import Stores
from services.complaints.receipts import Receipts
from services.complaints.repository import ComplaintRepository
from services.complaints.service import ComplaintService
from services.directives import api as directives_api
from services.directives.repository import MemoryDirectives
from services.inspections import api as inspections_api
from services.inspections.repository import MemoryInspections
from services.shared.access import ROLES, Principal
from services.shared.audit.trail import Trail
from services.shared.auth import create_key, load_key, mint
from services.shared.clock import utc_now
from services.shared.settings import Settings

T0 = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


def settings_in(folder: Path, **more: Any) -> Settings:
    """Settings whose keys lie in `folder`; there is no city there."""
    create_key(folder / "keys" / "signing.jwk")
    fields = {"policies": folder, "data": folder, "public_keys": folder / "public", **more}
    return Settings(signing_key_file=folder / "keys" / "signing.jwk", **fields)


class Caller:
    """A client of one app that sends requests as somebody."""

    def __init__(self, app: FastAPI, settings: Settings) -> None:
        self.client = TestClient(app, raise_server_exceptions=False)
        self._key = load_key(settings.signing_key_file)

    def bearer(self, role: str | None, agency: str | None = None, group: str | None = None) -> dict[str, str]:
        """The Authorization header of a new token for one role; none for None."""
        if role is None:
            return {}
        assert role in ROLES
        token = mint(Principal(f"{role}-1", frozenset({role}), agency, group), 600, self._key)
        return {"Authorization": f"Bearer {token}"}

    def post(self, path: str, body: Any, role: str | None = None, agency: str | None = None, **headers: str) -> Any:
        """POST `body` as JSON; header names are written with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(path, json=body, headers=self.bearer(role, agency) | named)

    def get(self, path: str, role: str | None = None, agency: str | None = None, group: str | None = None) -> Any:
        return self.client.get(path, headers=self.bearer(role, agency, group))


def complaints_in_memory(
    folder: Path, trail: Trail | None = None, stores: Stores | None = None, cases: Any = None, **more: Any
) -> tuple[Caller, Any]:  # fmt: skip
    """The complaints service and its repository, `cases` or a new one; `more` are settings."""
    settings, cases = settings_in(folder, **more), cases or MemoryComplaints()
    attachments = Attachments(
        MemoryEvidence(), Store(str(folder / "attachments")), b"a" * 32, scanner(settings.attachment_scanner), utc_now
    )
    app = complaints_api.build(settings, cases, Receipts(b"k" * 32), attachments, trail, stores)
    return Caller(app, settings), cases


def complaint_service(cases: ComplaintRepository) -> ComplaintService:
    """The rules of complaints on `cases`, as the relay has them."""
    return ComplaintService(cases, Receipts(b"k" * 32), {}, utc_now, Handling())


def in_memory(name: str, folder: Path) -> tuple[Caller, Any]:
    """The service called `name` and its repository."""
    if name == "complaints":
        return complaints_in_memory(folder)
    settings, cases = settings_in(folder), _MEMORY[name]()
    return Caller(_BUILD[name](settings, cases), settings), cases


_BUILD: dict[str, Callable[[Settings, Any], FastAPI]] = {
    "approvals": approvals_api.build, "inspections": inspections_api.build, "directives": directives_api.build,
}  # fmt: skip
_MEMORY: dict[str, Callable[[], Any]] = {
    "approvals": MemoryApprovals, "inspections": MemoryInspections, "directives": MemoryDirectives,
}  # fmt: skip
SOURCES = ("complaints", *_BUILD)
