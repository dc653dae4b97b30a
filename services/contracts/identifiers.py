"""Names that are the same whoever computes them, and the time-ordered ids of new things."""

import os
import time
import uuid
from hashlib import blake2b


def name_of(*parts: str | int) -> str:
    """A 128-bit name of `parts` as 32 hexadecimal digits: the same parts give the same name for ever."""
    return blake2b("\x1f".join(map(str, parts)).encode(), digest_size=16).hexdigest()


def alert_id(rule: str, timeline: str, subject: str, scope: str) -> str:
    """The id of an alert: rule, timeline, case or subject, and clock or window (architecture rule 6)."""
    return name_of("alert", rule, timeline, subject, scope)


def case_id(kind: str, timeline: str, source_ref: str) -> str:
    """The id of a case that has an id of its own in the log it is imported from."""
    return f"{kind}-{name_of('case', kind, timeline, source_ref)[:20]}"


def new_id() -> str:
    """A new UUIDv7: ordered by time, unique without coordination."""
    millis = time.time_ns() // 1_000_000
    rand = int.from_bytes(os.urandom(10), "big")
    value = (millis & (1 << 48) - 1) << 80 | 0x7 << 76 | (rand >> 68 & 0xFFF) << 64 | 0b10 << 62 | rand & (1 << 62) - 1
    return str(uuid.UUID(int=value))
