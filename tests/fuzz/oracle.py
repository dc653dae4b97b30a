"""What must hold of any bytes given to the decoder. Shared by the suite and by atheris, so free of hypothesis."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from services.contracts import codec
from services.contracts.codec import KINDS, MAX_NAME, Undecodable
from services.contracts.envelope import Event
from services.contracts.instants import from_micros, to_micros


def judged(value: bytes | None) -> str:
    """The event's type or the kind of refusal. AssertionError when the event could not be kept or the refusal shown;
    anything else that is raised is the decoder's own mistake."""
    try:
        event = codec.decode(value)
    except Undecodable as error:
        refusal = error
    else:
        _can_be_kept(event)
        return event.type
    reason = str(refusal)
    assert reason.isprintable(), reason
    assert len(reason) <= 300
    assert refusal.kind in KINDS
    msgspec.json.encode(reason)
    return refusal.kind


def _can_be_kept(event: Event) -> None:
    """A store can key and hold it, every consumer can order it in time, and it says the same when it is passed on."""
    for name in (event.id, event.source, event.subject, event.timeline):
        assert name
        assert len(name) <= MAX_NAME
        name.encode()
    assert "\0" not in event.subject + event.timeline
    msgspec.msgpack.encode(event.sequence)
    assert event.sequence > 0 or event.type in ("clock.ticked.v1", "calendar.decreed.v1")
    for at in _instants([event.time, event.data]):
        assert from_micros(to_micros(at)) == at.astimezone(UTC)
    again = codec.encode(
        event.data, id=event.id, source=event.source, subject=event.subject, time=event.time, sequence=event.sequence,
        timeline=event.timeline,
    )  # fmt: skip
    assert codec.decode(again) == event


def _instants(value: Any) -> list[datetime]:
    if isinstance(value, datetime):
        return [value]
    if isinstance(value, msgspec.Struct):
        value = [getattr(value, name) for name in value.__struct_fields__]
    return [at for part in value for at in _instants(part)] if isinstance(value, list) else []
