"""Receipt codes: how somebody without a name finds their complaint again. Free of storage.

A code is computed from the case id and a secret key, so that a repeated request can be answered with it again without
its being kept anywhere. What is stored is a keyed hash: a copy of the database opens no complaint.
"""

import contextlib
import hashlib
import hmac
import os
from pathlib import Path

DIGITS = 16


class Receipts:
    """Codes under one secret key of 32 bytes."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def from_file(cls, path: Path) -> "Receipts":
        """Codes under the key in `path`; the first one to ask makes it (0600)."""
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        if not path.exists():
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(os.urandom(32))
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)  # Whole or not at all: another process may read it this moment.
            draft.unlink()
        return cls(path.read_bytes())

    def code(self, case_id: str) -> str:
        """The receipt code of a case: 16 digits."""
        digest = hmac.digest(self._key, b"code\x1f" + case_id.encode(), hashlib.sha256)
        return f"{int.from_bytes(digest[:16], 'big') % 10**DIGITS:0{DIGITS}d}"

    def text_ref(self, text: str, request_name: str) -> str:
        """The reference of a text: it tells nothing about it, not even to somebody who guesses the words."""
        return "text-" + hmac.digest(self._key, f"text\x1f{request_name}\x1f{text}".encode(), hashlib.sha256).hex()[:32]

    def identity_ref(self, identity: bytes, request_name: str) -> str:
        """The reference of an identity: the same for a repeated request, another one for the same person's next."""
        digest = hmac.digest(self._key, f"identity\x1f{request_name}\x1f".encode() + identity, hashlib.sha256)
        return f"identity-{digest.hex()[:32]}"

    def hashed(self, code: str) -> str:
        """What the database holds of a code."""
        return hmac.digest(self._key, b"hash\x1f" + code.encode(), hashlib.sha256).hex()
