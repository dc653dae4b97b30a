"""Bytes to events and back. A record that cannot be read raises Undecodable with the reason.

What an event may be beyond its schema: names that are not empty and not longer than MAX_NAME, subject and timeline
without NUL (stores build their keys with it), nor agency, section and officer, of at most MAX_CODE; a sequence of 1 to
2^63 - 1, or 0 for what belongs to no case; instants that exist in UTC; no more than MAX_EVENT bytes. Whoever folds a
decoded event need not ask again.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal, cast, get_args

import msgspec

from services.contracts.envelope import LIVE, Envelope, Event, EventModel
from services.contracts.instants import exists_in_utc
from services.contracts.registry import MODELS, event_type, topic_models
from services.contracts.topics import SOURCE_TOPICS

MAX_NAME = 512  # characters of id, source, subject and timeline
MAX_CODE = 200  # characters of the code of an agency, a section, an officer: facts are keyed by them
MAX_EVENT = 128 * 1024  # bytes of an event of a source topic; what supervision makes of it may be longer
MAX_SEQUENCE = 2**63 - 1
_MAX_REASON = 300
_BACKSLASH = ord("\\")  # as a number: bytes are searched for one ten times as fast as for a string
Kind = Literal["empty", "envelope", "type", "data", "size", "name", "sequence", "instant", "key", "fold"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_OF_NO_CASE = frozenset({"clock.ticked.v1", "calendar.decreed.v1"})
_OF_SOURCES = frozenset(name for topic in SOURCE_TOPICS for name in topic_models(topic))
_decode = msgspec.json.Decoder(Envelope).decode
_encoder = msgspec.json.Encoder()
_decoders: Mapping[str, Callable[[msgspec.Raw], Any]] = {
    name: msgspec.json.Decoder(model).decode for name, model in MODELS.items()
}
encode_json = _encoder.encode
Instants = tuple[tuple[str, "Instants | None"], ...]


def _instants_of(model: type[msgspec.Struct]) -> Instants:
    """(field, None) for every instant, (field, its own instants) for a list of structs that have some."""
    found: list[tuple[str, Instants | None]] = []
    for field in msgspec.structs.fields(model):
        for kind in _leaves(field.type):
            if kind is datetime:
                found.append((field.name, None))
            elif isinstance(kind, type) and issubclass(kind, msgspec.Struct) and (inner := _instants_of(kind)):
                found.append((field.name, inner))
    return tuple(found)


def _leaves(kind: Any) -> list[Any]:
    """A type without its annotations, unions and lists."""
    inner = get_args(kind)
    return [leaf for part in inner for leaf in _leaves(part)] if inner else [kind]


_instants: Mapping[str, Instants] = {name: _instants_of(model) for name, model in MODELS.items()}


class Undecodable(ValueError):
    """A record that is not an event this code base knows. The message is one printable line fit for a dead letter and
    `kind` what it can be counted by ("key": it lies under a key that is not its subject; "fold": it was read, but the
    rules failed on it)."""

    def __init__(self, message: str, kind: Kind = "fold") -> None:
        super().__init__(_one_line(message))
        self.kind = kind


def decode(value: bytes | None) -> Event:
    """The event in a record's value. Raises Undecodable for anything else, an unknown type or version included."""
    if not value:
        raise Undecodable("empty record: a CloudEvents JSON object was expected", "empty")
    try:
        envelope = _decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Undecodable(f"not a CloudEvents envelope: {error}", "envelope") from None
    decoder = _decoders.get(envelope.type)
    if decoder is None:
        raise Undecodable(f"unknown event type {envelope.type[:80]!r}", "type")
    if len(value) > MAX_EVENT and envelope.type in _OF_SOURCES:
        raise Undecodable(f"{envelope.type}: {len(value)} bytes, {MAX_EVENT} are the most", "size")
    sequence, subject, timeline = envelope.sequence, envelope.subject, envelope.timeline
    plain = len(value) <= MAX_NAME and _BACKSLASH not in value  # no text longer than a name, and no NUL: that is \u0000
    if not (
        plain and 0 < sequence <= MAX_SEQUENCE and 1 < envelope.time.year < 9999
        and subject and timeline and envelope.id and envelope.source
    ):  # fmt: skip
        _check(envelope)
    try:
        data = decoder(envelope.data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Undecodable(f"{envelope.type}: {error}", "data") from None
    if not plain:
        _check_codes(envelope.type, data)
    if instants := _instants[envelope.type]:
        _check_instants(envelope.type, data, instants)
    return Event(envelope.id, envelope.source, envelope.type, subject, envelope.time, sequence, timeline, data)


def encode(
    data: EventModel, *, id: str, source: str, subject: str, time: datetime, sequence: int, timeline: str = LIVE
) -> bytes:
    """The record value of one event, its type taken from the model of `data`."""
    return _encoder.encode(
        Envelope(
            id=id, source=source, type=event_type(type(data)), subject=subject, time=time, sequence=sequence,
            timeline=timeline, data=cast(msgspec.Raw, data),  # written as it is, in the same pass
        )
    )  # fmt: skip


def _check(envelope: Envelope) -> None:
    name, sequence = envelope.type, envelope.sequence
    if not 0 < sequence <= MAX_SEQUENCE and (sequence or name not in _OF_NO_CASE):
        what = f"sequence {str(sequence)[:24]} is not between 1 and 2^63 - 1"
        raise Undecodable(f"{name}: {what} - at `$.sequence`", "sequence")
    for field in ("id", "source", "subject", "timeline"):
        text = getattr(envelope, field)
        if not 0 < len(text) <= MAX_NAME:
            what = f"{len(text)} characters: 1 to {MAX_NAME} were expected"
            raise Undecodable(f"{name}: {what} - at `$.{field}`", "name")
    if "\0" in envelope.subject or "\0" in envelope.timeline:
        raise Undecodable(f"{name}: NUL in subject or timeline", "name")
    if not exists_in_utc(envelope.time):
        raise Undecodable(f"{name}: there is no {envelope.time.isoformat()} in UTC - at `$.time`", "instant")


def _check_codes(where: str, data: Any) -> None:
    for field in ("agency", "section", "officer"):
        code = getattr(data, field, None)
        if code is not None and (len(code) > MAX_CODE or "\0" in code):
            what = "NUL" if "\0" in code else f"{len(code)} characters, {MAX_CODE} are the most"
            raise Undecodable(f"{where}: {what} - at `$.{field}`", "name")


def _check_instants(where: str, data: Any, instants: Instants) -> None:
    for name, inner in instants:
        value = getattr(data, name)
        if inner is not None:
            for part in value:
                _check_instants(where, part, inner)
        elif value is not None and not 1 < value.year < 9999 and not exists_in_utc(value):
            raise Undecodable(f"{where}: there is no {value.isoformat()} in UTC - at `{name}`", "instant")


def _one_line(text: str) -> str:
    if len(text) > _MAX_REASON:
        text = f"{text[: _MAX_REASON - 100]} … {text[-90:]}"
    return "".join(character if character.isprintable() else "\ufffd" for character in text)
