"""The envelope of every record on the log: CloudEvents 1.0 in structured JSON mode."""

from datetime import datetime
from typing import Any, Literal, dataclass_transform

import msgspec

from services.contracts.instants import Instant

LIVE = "live"


class Envelope(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=False, gc=False):
    """One fact about one case.

    `subject` is the case id and the record's key, `sequence` counts 1, 2, 3… within it. `timeline` tells the city's
    own time ("live") from that of an imported log or a generated city: ticks of one timeline fire no clock of another.
    """

    id: str
    source: str
    type: str
    subject: str
    time: Instant
    sequence: int
    timeline: str = LIVE
    specversion: Literal["1.0"] = "1.0"
    datacontenttype: Literal["application/json"] = "application/json"
    data: msgspec.Raw = msgspec.Raw(b"{}")


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(msgspec.field,))
class EventModel(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, gc=False):
    """Base of every event's data. Consumers ignore fields they do not know; a breaking change is a new class. Decoded
    JSON holds no cycles, so the collector need not know of it."""


class Event(msgspec.Struct, frozen=True, gc=False):
    """An envelope whose data has been decoded to its model."""

    id: str
    source: str
    type: str
    subject: str
    time: datetime
    sequence: int
    timeline: str
    data: Any
