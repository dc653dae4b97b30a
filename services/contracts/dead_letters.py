"""Records that no consumer could read, whole (architecture rule 9)."""

from datetime import datetime

from services.contracts.envelope import EventModel


class DeadLetterV1(EventModel):
    """The record as it was: `key` and `value` in base64, where it lay, who could not read it and why."""

    topic: str
    partition: int
    offset: int
    consumer: str
    reason: str
    seen_at: datetime
    key: str | None = None
    value: str | None = None
    replayable: bool = True
