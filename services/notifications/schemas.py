"""The form of what notifications answers to programs, for its OpenAPI document. Free of HTTP and of storage."""

from datetime import datetime
from typing import Literal

import msgspec

from services.contracts.alerts import AlertState, AlertV1
from services.contracts.complaints import Severity

Change = Literal["raised", "escalated", "settled", "corrected"]


class AlertItem(AlertV1, kw_only=True):
    """The newest version of an alert; `group` is the supervision group of its agency."""

    group: str


class Version(msgspec.Struct, kw_only=True):
    """One version of an alert in its history; `latency_ms` from the event that caused it to its place in the feed."""

    position: int
    change: Change
    version: int
    state: AlertState
    severity: Severity
    latency_ms: int | None


class AlertWithHistory(AlertItem, kw_only=True):
    history: list[Version]


class AlertPage(msgspec.Struct, kw_only=True):
    """`next` is the cursor of the next page, None on the last."""

    items: list[AlertItem]
    next: str | None


class FeedItem(AlertItem, kw_only=True):
    position: int
    change: Change
    latency_ms: int | None


class FeedPage(msgspec.Struct, kw_only=True):
    """`next` is the position to go on after."""

    items: list[FeedItem]
    next: int


class WatermarkOf(msgspec.Struct, kw_only=True):
    """`as_of`: every alert that is due by then is on the board; None while a source has not been seen."""

    timeline: str
    as_of: datetime | None
    sources_expected: int
    sources_seen: int


class Latency(msgspec.Struct, kw_only=True):
    """Milliseconds from event to alert over all alerts of a timeline; None where there is none."""

    timeline: str
    count: int
    p50_ms: int | None
    p99_ms: int | None
    max_ms: int | None


ANSWERS = (AlertPage, AlertWithHistory, FeedPage, WatermarkOf, Latency)
