"""Vouchers: what a person shows the cashier, 80 random bits in letters and digits that are told apart by eye and ear.

Stored as receipt codes are, as Argon2id under a pepper outside the database, here one of its own. Free of storage.
"""

import hashlib
import hmac
import secrets
from pathlib import Path

from services.complaints.receipts import Receipts, secret_key

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: no I, L, O, U
_ALIKE = str.maketrans("ILO", "110", "- \t")
LENGTH, _GROUP = 16, 4


class Vouchers:
    """Vouchers under one secret key of 32 bytes."""

    def __init__(self, key: bytes) -> None:
        self._key, self._hashes = key, Receipts(key)

    @classmethod
    def from_file(cls, path: Path) -> "Vouchers":
        """Vouchers under the key in `path`; the first one to ask makes it (0600)."""
        return cls(secret_key(path))

    def code(self, case_id: str, request_key: str | None) -> str:
        """A voucher in groups of four: the same for the same Idempotency-Key, a new one without a key."""
        source = f"{case_id}\x1f{request_key}" if request_key else secrets.token_hex(32)
        digest = hmac.digest(self._key, f"voucher\x1f{source}".encode(), hashlib.sha256)
        number = int.from_bytes(digest[:10], "big")
        letters = "".join(_ALPHABET[number >> 5 * place & 31] for place in range(LENGTH))
        return "-".join(letters[start : start + _GROUP] for start in range(0, LENGTH, _GROUP))

    def index(self, code: str) -> str:
        """What the database holds of a voucher, by which it is found; groups, case and letters alike do not matter."""
        return self._hashes.index(code.upper().translate(_ALIKE))
