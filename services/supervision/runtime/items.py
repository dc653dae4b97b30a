"""Records to what is folded: decoded, checked, with the key of their state and the place they came from. Pure."""

from collections.abc import Collection, Sequence
from typing import Any

from services.contracts.clock import ClockTickedV1
from services.contracts.codec import Undecodable, decode
from services.contracts.envelope import LIVE, Event
from services.contracts.instants import to_micros
from services.shared import failpoints
from services.shared.consuming import Record
from services.shared.failpoints import failpoint
from services.supervision.runtime.draft import Origin

AHEAD_MS = 600_000  # how far a live tick may be ahead of the broker's clock
# A record, its event, the key of its state and where it came from. Without a key: a tick, a decree, an Undecodable.
Item = tuple[Record, Any, bytes, Origin | None]


def read_all(records: Sequence[Record], following: int, apart: Collection[str]) -> list[Item]:
    """The items of those `records` whose offset is not below `following`; event types `apart` have no state."""
    items: list[Item] = []
    armed, prefixes = failpoints.ARMED, dict[str, bytes]()
    for record in records:
        if record.offset < following:
            continue
        if armed:
            failpoint("decode.before", kind_of(record))
        origin = _origin(record.headers) if record.headers else None
        try:
            event = decode(record.value)
            if event.type not in apart:
                key = event.subject.encode()
                if record.key != key:
                    raise Undecodable(f"the key is not the subject {event.subject!r}: a wrong partition", "key")
                prefix = prefixes.get(event.timeline)
                if prefix is None:
                    prefix = prefixes[event.timeline] = event.timeline.encode() + b"\0"
                items.append((record, event, prefix + key, origin))
            else:
                _check_tick(event, record)
                items.append((record, event, b"", origin))
        except Undecodable as error:
            items.append((record, error, b"", origin))
        else:
            if armed:
                failpoint("decode.after", event.type)
    return items


def _check_tick(event: Event, record: Record) -> None:
    """Raises Undecodable for a live tick from the future."""
    if event.timeline == LIVE and isinstance(event.data, ClockTickedV1):
        ahead = to_micros(event.data.as_of) // 1000 - record.timestamp
        if ahead > AHEAD_MS:
            raise Undecodable(f"a live tick {ahead // 1000} s ahead of the broker's clock", "instant")


def _origin(headers: Sequence[tuple[str, bytes]]) -> Origin | None:
    """(source, (offset, index)) of a record that is an effect of another fold."""
    for name, value in headers:
        if name == "origin" and value is not None and len(value) < 512:
            try:
                source, offset, index = value.decode().rsplit(":", 2)
                at = int(offset), int(index)
            except ValueError:  # not one of ours
                return None
            return (source, at) if all(0 <= number < 1 << 63 for number in at) else None
    return None


def kind_of(record: Record | None) -> str | None:
    """The event type of a record, for failpoints."""
    try:
        return decode(record.value).type if record is not None else None
    except Undecodable:
        return "undecodable"
