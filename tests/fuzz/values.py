"""Values that break careless programs. Free of hypothesis, so that atheris can use them too."""

from typing import Any

INSTANTS = [
    "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-12:00",
    "1969-12-31T23:59:59Z", "2026-03-02T09:00:00", "2026-02-30T00:00:00Z", "2026-03-02T24:00:00Z", "99999-01-01T00:00Z",
    "yesterday", "2100-12-31T23:59:59+08:00", "1582-10-10T00:00:00Z",
]  # fmt: skip
NUMBERS = [
    0, -1, 1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64, -(2**63) - 1, 10**30, 10**400, 1.5, -0.0, 1e308,
    float("nan"), float("inf"), -3660, 3660, 3661,
]  # fmt: skip
TEXTS = [
    "", " ", "\0", "a\0b", "live\0complaint", "\ud800", "\udfff\ud800", "é̂́", "‮", "\n\r\u2028", "x" * 513, "督" * 70_000,
    "x" * 300_000, "clock", "calendar", "office", "__proto__", "$ref", "'; DROP", "../../etc", "0", "null",
]  # fmt: skip
TYPES = [
    "complaint.filed.v2", "complaint.filed.v0", "complaint.filed", "complaint.filed.v1 ", "COMPLAINT.FILED.V1",
    "clock.ticked.v1", "calendar.decreed.v1", "dead.letter.v1", "alert.raised.v1", "fact.recorded.v1", "", "v1", "..",
]  # fmt: skip
FIELDS = [
    "limit",
    "due_at",
    "as_of",
    "agency",
    "procedure",
    "timeline",
    "sequence",
    "time",
    "type",
    "stage",
    "accepted",
]
LIMITS = [
    {"amount": 0}, {"amount": 3660, "unit": "working_days"}, {"amount": 3660, "unit": "hours"}, {"amount": -1},
    {"amount": 10**30}, {"amount": 1, "unit": "weeks"},
]  # fmt: skip
NASTY: list[Any] = [*INSTANTS, *NUMBERS, *TEXTS[:-10], *TYPES, *LIMITS, None, True, [], {}, [None], {"": None}]
