"""The chain of audit entries and the signed heads that pin it: pure, free of storage, clocks and keys of its own.

Entry n holds the hash of entry n-1, and its own hash covers all of its fields. A head is the hash at a sequence,
signed: whoever rewrites the chain from some entry on, with all hashes, differs from every head published after it.
"""

import hashlib
from datetime import date, datetime
from zoneinfo import ZoneInfo

import msgspec
from nacl.encoding import Base64Encoder
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from services.contracts.audit import AuditSealedV1
from services.contracts.instants import from_micros, to_micros

GENESIS = "0" * 64
MAX_FIELD = 200
CITY_TIME = ZoneInfo("Asia/Shanghai")


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One act. `at` in microseconds; `actor` is an opaque account, `subject` the id of what was acted on, `reason` a
    code. No entry holds a word about a person."""

    sequence: int
    at: int
    actor: str
    action: str
    subject: str
    reason: str
    previous: str
    hash: str


def digest(entry: Entry) -> str:
    """SHA-256 over the canonical bytes of every field but the hash itself, as 64 hexadecimal digits."""
    fields = [
        "duban-audit-entry", entry.sequence, entry.at, entry.actor, entry.action, entry.subject, entry.reason,
        entry.previous,
    ]  # fmt: skip
    return hashlib.sha256(msgspec.json.encode(fields)).hexdigest()


def follow(last: Entry | None, now: datetime, actor: str, action: str, subject: str, reason: str) -> Entry:
    """The entry that comes after `last` (None: the first). Instants never run backwards along the chain.

    Raises ValueError for an empty actor, action or subject, and for a field of more than 200 characters.
    """
    for name, text in (("actor", actor), ("action", action), ("subject", subject), ("reason", reason)):
        if len(text) > MAX_FIELD or not (text or name == "reason"):
            raise ValueError(f"{name} of an audit entry: 1 to {MAX_FIELD} characters were expected, not {len(text)}")
    at = max(to_micros(now), last.at if last else 0)
    draft = Entry(
        sequence=last.sequence + 1 if last else 1, at=at, actor=actor, action=action, subject=subject, reason=reason,
        previous=last.hash if last else GENESIS, hash="",
    )  # fmt: skip
    return msgspec.structs.replace(draft, hash=digest(draft))


def key_id(key: VerifyKey) -> str:
    """The name of a signing key: 16 hexadecimal digits of its public part's hash."""
    return hashlib.sha256(bytes(key)).hexdigest()[:16]


def day_of(entry: Entry) -> date:
    """The city's day on which `entry` was made."""
    return from_micros(entry.at).astimezone(CITY_TIME).date()


def sign_head(entry: Entry, now: datetime, key: SigningKey) -> AuditSealedV1:
    """The head that pins the chain up to and including `entry`."""
    head = AuditSealedV1(
        trail_sequence=entry.sequence, trail_hash=entry.hash, day=day_of(entry), sealed_at=now,
        key_id=key_id(key.verify_key), signature="",
    )  # fmt: skip
    signature = key.sign(_signed_bytes(head)).signature
    return msgspec.structs.replace(head, signature=Base64Encoder.encode(signature).decode())


def is_signed(head: AuditSealedV1, keys: dict[str, VerifyKey]) -> bool:
    """Whether `head` bears a good signature by one of `keys` (key id -> key)."""
    key = keys.get(head.key_id)
    try:
        return key is not None and bool(key.verify(_signed_bytes(head), Base64Encoder.decode(head.signature.encode())))
    except (BadSignatureError, ValueError):
        return False


def _signed_bytes(head: AuditSealedV1) -> bytes:
    fields = [
        "duban-audit-head", head.trail_sequence, head.trail_hash, head.day.isoformat(), to_micros(head.sealed_at),
        head.key_id,
    ]  # fmt: skip
    return msgspec.json.encode(fields)
