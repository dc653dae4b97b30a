"""Bytes to events and back. A record that cannot be read raises Undecodable with the reason."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from services.contracts.envelope import LIVE, Envelope, Event, EventModel
from services.contracts.registry import MODELS, event_type

_envelope = msgspec.json.Decoder(Envelope)
_encoder = msgspec.json.Encoder()
_decoders: Mapping[str, msgspec.json.Decoder[Any]] = {
    name: msgspec.json.Decoder(model) for name, model in MODELS.items()
}
encode_json = _encoder.encode


class Undecodable(ValueError):
    """A record that is not an event this code base knows. The message is one line fit for a dead letter."""


def decode(value: bytes | None) -> Event:
    """The event in a record's value. Raises Undecodable for anything else, an unknown type or version included."""
    if not value:
        raise Undecodable("empty record: a CloudEvents JSON object was expected")
    try:
        envelope = _envelope.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Undecodable(f"not a CloudEvents envelope: {error}") from None
    decoder = _decoders.get(envelope.type)
    if decoder is None:
        raise Undecodable(f"unknown event type {envelope.type[:80]!r}")
    try:
        data = decoder.decode(envelope.data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Undecodable(f"{envelope.type}: {error}") from None
    return Event(
        id=envelope.id, source=envelope.source, type=envelope.type, subject=envelope.subject, time=envelope.time,
        sequence=envelope.sequence, timeline=envelope.timeline, data=data,
    )  # fmt: skip


def encode(
    data: EventModel, *, id: str, source: str, subject: str, time: datetime, sequence: int, timeline: str = LIVE
) -> bytes:
    """The record value of one event, its type taken from the model of `data`."""
    return _encoder.encode(
        Envelope(
            id=id, source=source, type=event_type(type(data)), subject=subject, time=time, sequence=sequence,
            timeline=timeline, data=msgspec.Raw(_encoder.encode(data)),
        )
    )  # fmt: skip
