"""The topics as data: key, partitions, retention, who writes, who reads."""

from typing import Literal

import msgspec

SOURCE_TOPICS = ("complaints.v1", "approvals.v1", "inspections.v1", "directives.v1")
FACTS = "facts.v1"
ALERTS = "alerts.v1"
DEAD_LETTERS = "dead-letters.v1"
AUDIT_HEADS = "audit-heads.v1"
FOREVER = -1
MAX_DEAD_LETTER = 2 * 1024 * 1024  # bytes: a record of a broker's default megabyte, in base64, with its reason
_YEAR_MS = 365 * 24 * 3600 * 1000


class Topic(msgspec.Struct, kw_only=True, frozen=True):
    """`retention_ms` -1 keeps for ever. `partitions` is the default; a city may start with more, never with fewer."""

    name: str
    about: str
    key: str
    producers: tuple[str, ...]
    consumers: tuple[str, ...]
    partitions: int = 4
    retention_ms: int = FOREVER
    cleanup: Literal["delete", "compact"] = "delete"
    max_bytes: int = 1_048_588  # of a batch of records: Kafka's own default


_READERS = ("supervision.cases", "metrics")
TOPICS: tuple[Topic, ...] = (
    Topic(name="complaints.v1", about="The life of every complaint, and clock ticks", key="case id",
          producers=("complaints",), consumers=_READERS),
    Topic(name="approvals.v1", about="The life of every application for an approval, and clock ticks", key="case id",
          producers=("approvals",), consumers=_READERS),
    Topic(name="inspections.v1", about="Visits and findings, and clock ticks", key="case id",
          producers=("inspections",), consumers=_READERS),
    Topic(name="directives.v1", about="The life of every directive, and clock ticks", key="case id",
          producers=("directives",), consumers=_READERS),
    Topic(name=FACTS, about="What counts against a subject, and forwarded ticks", key="subject",
          producers=("supervision.cases",), consumers=("supervision.subjects",), retention_ms=2 * _YEAR_MS),
    Topic(name=ALERTS, about="Every version of every alert, and forwarded ticks", key="alert id",
          producers=("supervision.cases", "supervision.subjects"), consumers=("notifications", "metrics")),
    Topic(name=DEAD_LETTERS, about="Records that no consumer could read, whole", key="topic-partition-offset",
          producers=("supervision", "notifications", "metrics"), consumers=("operators",), partitions=1,
          max_bytes=MAX_DEAD_LETTER),
    Topic(name=AUDIT_HEADS, about="Signed heads of the audit trail: what is recorded stays recorded", key="audit",
          producers=("vault",), consumers=("auditors",), partitions=1),
)  # fmt: skip


def topic(name: str) -> Topic:
    """The topic called `name`. Raises KeyError when there is none."""
    return next(t for t in TOPICS if t.name == name) if name in {t.name for t in TOPICS} else _unknown(name)


def _unknown(name: str) -> Topic:
    raise KeyError(f"no topic {name!r}: there are {', '.join(t.name for t in TOPICS)}")
