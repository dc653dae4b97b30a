"""Identities at intake: sealed as they come in, and handed on to the vault. Nothing here can read one back.

A sealed identity lies in the document that files its complaint, so filing stays one write; the forwarder puts it into
the vault and then deletes it here. The vault being away for days loses nothing. A kill between the two repeats the
handing over, which the vault recognises by the reference.
"""

import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import msgspec
import structlog

from services.complaints.receipts import Receipts
from services.complaints.repository import ComplaintRepository
from services.complaints.telemetry import IDENTITIES_HANDED_ON, IDENTITIES_WAITING
from services.contracts.identity import Identity, KeptIdentity, SealedIdentity
from services.shared.access import Principal
from services.shared.auth import load_key, mint
from services.shared.failpoints import failpoint
from services.shared.problems import Problem
from services.shared.sealing import Custodians, NoCustodians, seal
from services.shared.settings import Settings

IDLE_SECONDS = 0.2
BACKOFF_SECONDS = (0.5, 1.0, 2.0, 5.0)
_TOKEN_SECONDS = 300
_log = structlog.get_logger()


class IdentitySealing:
    """Seals to the custodians' key in a file. Raises a 503 problem when there is none: unsealed, nothing is taken."""

    def __init__(self, receipts: Receipts, key_file: Path) -> None:
        self._receipts, self._custodians = receipts, Custodians(key_file)

    def __call__(self, identity: Identity, request_name: str) -> SealedIdentity:
        ref = self._receipts.identity_ref(msgspec.json.encode(identity).decode(), request_name)
        try:
            return seal(identity, ref, self._custodians.current())
        except NoCustodians as error:
            _log.error("no_custodians", error=str(error))
            detail = "a name cannot be taken in safely now: file without identity, or come again later"
            raise Problem(503, "No custodians", detail, slug="no-custodians") from None


class Forwarder:
    """Hands waiting identities to the vault, in a thread of the relay. `put` raises httpx.HTTPError."""

    service = "complaints-identities"

    def __init__(self, complaints: ComplaintRepository, put: Callable[[KeptIdentity], None]) -> None:
        self._complaints, self._put = complaints, put
        self.ready = True  # that the vault is away makes no relay sick: `duban_identities_waiting` tells it

    def run(self, stop: threading.Event) -> None:
        """Forward until `stop` is set. What the vault does not take stays and is offered again."""
        attempt = 0
        while not stop.is_set():
            try:
                attempt = 0 if self.turn() else attempt + 1
            except Exception as error:
                _log.warning("forwarder_waits", error=type(error).__name__)
                attempt += 1
            pause = IDLE_SECONDS if not attempt else BACKOFF_SECONDS[min(attempt, len(BACKOFF_SECONDS)) - 1]
            stop.wait(pause)

    def turn(self) -> bool:
        """Offer everything that waits, once; whether the vault took all of it."""
        waiting = list(self._complaints.waiting_identities())
        IDENTITIES_WAITING.set(len(waiting))
        refused = 0
        for kept in waiting:
            try:
                self._put(kept)
            except httpx.HTTPStatusError as error:
                refused += 1
                IDENTITIES_HANDED_ON.labels("refused").inc()
                _log.warning("vault_refuses", ref=kept.sealed.identity_ref, status=error.response.status_code)
                continue
            failpoint("identity.kept")
            self._complaints.forget_identity(kept.sealed.identity_ref)
            IDENTITIES_HANDED_ON.labels("kept").inc()
            IDENTITIES_WAITING.dec()
        return refused == 0


def put_to_vault(settings: Settings) -> Callable[[KeptIdentity], None]:
    """PUT into the vault at `settings.vault_url`, as the service that intakes are there."""
    client = httpx.Client(base_url=settings.vault_url, timeout=10, trust_env=False)

    def put(kept: KeptIdentity) -> None:
        token = mint(
            Principal("complaints", frozenset({"intake"})), _TOKEN_SECONDS, load_key(settings.signing_key_file)
        )  # fmt: skip
        answer = client.put(
            f"/v1/identities/{kept.sealed.identity_ref}", content=msgspec.json.encode(kept),
            headers={"Authorization": f"Bearer {token}"},
        )  # fmt: skip
        answer.raise_for_status()

    return put
