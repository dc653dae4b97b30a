"""Receipt codes: how somebody without a name finds their complaint again. Free of storage.

What is stored of a code is Argon2id under a pepper outside the database (docs/decisions/0010-receipt-codes.md). A code
is made from the Idempotency-Key of the filing, so that a repeated request is answered with it again without its being
kept anywhere: neither the database nor the pepper, nor both together, hold what it is made from.
"""

import contextlib
import hashlib
import hmac
import os
import secrets
import threading
from pathlib import Path

from argon2.low_level import Type, hash_secret_raw

from services.complaints.domain.receipt_code import DIGITS, with_check

# Another cost would make every code that was given out unknown: it needs a second field and a time of both.
MEMORY_KIB, PASSES, LANES = 8 * 1024, 1, 1
_INDEX_BYTES = 32
# A hash holds 8 MiB and a core for some milliseconds: more at once would only take memory.
_at_once = threading.BoundedSemaphore(os.cpu_count() or 1)


class Receipts:
    """Codes under one secret key of 32 bytes, the pepper."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._salt = self._keyed("salt")[:16]

    @classmethod
    def from_file(cls, path: Path) -> "Receipts":
        """Codes under the key in `path`; the first one to ask makes it (0600)."""
        return cls(secret_key(path))

    def code(self, account: str, request_key: str | None) -> str:
        """A code for a filing: the same for the same Idempotency-Key of the same account, a new one without a key."""
        source = f"{account}\x1f{request_key}" if request_key else secrets.token_hex(32)
        number = int.from_bytes(self._keyed("code", source)[:16], "big")
        return with_check(f"{number % 10**DIGITS:0{DIGITS}d}")

    def index(self, code: str) -> str:
        """What the database holds of a code, by which it is found. Takes the same time for whatever is no code."""
        with _at_once:
            return hash_secret_raw(
                self._keyed("index", code), self._salt, PASSES, MEMORY_KIB, LANES, _INDEX_BYTES, Type.ID
            ).hex()

    def text_ref(self, text: str, request_name: str) -> str:
        """The reference of a text: it tells nothing about it, not even to somebody who guesses the words."""
        return "text-" + self._keyed("text", request_name, text).hex()[:32]

    def identity_ref(self, identity: str, request_name: str) -> str:
        """The reference of an identity: the same for a repeated request, another one for the same person's next."""
        return "identity-" + self._keyed("identity", request_name, identity).hex()[:32]

    def form_token(self, session: str) -> str:
        """What a page of this session puts into its forms, so that no other site can send them."""
        return self._keyed("form", session).hex()[:32]

    def _keyed(self, use: str, *parts: str) -> bytes:
        return hmac.digest(self._key, "\x1f".join([use, *parts]).encode(), hashlib.sha256)


def secret_key(path: Path) -> bytes:
    """The 32 bytes in `path`; the first one to ask makes them (0600)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
    if not path.exists():
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(os.urandom(32))
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)  # Whole or not at all: another process may read it this moment.
        draft.unlink()
    return path.read_bytes()
