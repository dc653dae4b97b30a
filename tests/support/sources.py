"""The four sources in memory, and builders of their requests, for tests without a server."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient

from services.shared.access import ROLES, Principal
from services.shared.auth import create_key, load_key, mint
from services.shared.settings import Settings

T0 = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


def settings_in(folder: Path, **more: Any) -> Settings:
    """Settings whose keys lie in `folder`; there is no city there."""
    create_key(folder / "keys" / "signing.jwk")
    return Settings(signing_key_file=folder / "keys" / "signing.jwk", policies=folder, data=folder, **more)


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


def complaints_in_memory(folder: Path) -> tuple[Caller, Any]:
    """The complaints service and its repository."""
    from services.complaints.api import build
    from services.complaints.receipts import Receipts
    from services.complaints.repository import MemoryComplaints

    settings, cases = settings_in(folder), MemoryComplaints()
    return Caller(build(settings, cases, Receipts(b"k" * 32)), settings), cases


SOURCES: dict[str, Callable[[Path], tuple[Caller, Any]]] = {"complaints": complaints_in_memory}
