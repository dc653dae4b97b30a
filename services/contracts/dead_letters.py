"""Records that no consumer could read, whole (architecture rule 9)."""

from services.contracts.envelope import EventModel
from services.contracts.instants import Instant


class DeadLetterV1(EventModel):
    """The record as it was: `key` and `value` in base64, where it lay, who could not read it and why."""

    topic: str
    partition: int
    offset: int
    consumer: str
    reason: str
    seen_at: Instant
    key: str | None = None
    value: str | None = None
    replayable: bool = True
