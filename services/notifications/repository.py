"""What the inbox and the pages ask of storage. Free of any database."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from services.notifications.domain.alerts import Alert
from services.notifications.domain.queries import AlertQuery, Scope
from services.notifications.domain.watermarks import Mark


class FeedEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One version of an alert at its place in the feed. `change` is the event's verb: raised, escalated…"""

    position: int
    change: str
    timeline: str
    latency_ms: int | None
    item: dict[str, Any]


class NewEntry(msgspec.Struct, frozen=True, kw_only=True):
    alert: Alert
    change: str
    latency_ms: int | None


class AlertWriter(Protocol):
    """Writes of the inbox. Each is idempotent: the same batch again changes nothing."""

    def put_alerts(self, alerts: Sequence[Alert]) -> None:
        """Keep each alert whose version is higher than the one kept."""

    def append(self, entries: Sequence[NewEntry]) -> list[FeedEntry]:
        """Add the versions that the feed does not have yet, in order; returns those added."""

    def put_marks(self, timeline: str, marks: Mapping[Mark, int]) -> None:
        """Raise each watermark that is higher than the one kept."""

    def put_partitions(self, partitions: Mapping[str, int]) -> None:
        """Remember how many partitions each topic has."""


class AlertReader(Protocol):
    """Reads of the API and the pages."""

    def page(self, query: AlertQuery, scope: Scope) -> tuple[list[dict[str, Any]], str | None]:
        """One page of items and the cursor of the next."""

    def alert(self, alert_id: str, scope: Scope) -> dict[str, Any] | None:
        """The newest version of one alert, None when there is none within the scope."""

    def by_prefix(self, prefix: str, scope: Scope, limit: int) -> list[str]:
        """Up to `limit` alert ids that begin with `prefix`."""

    def history(self, alert_id: str) -> list[FeedEntry]:
        """Every version of one alert in the order of the feed."""

    def counts(self, query: AlertQuery, scope: Scope, field: str) -> dict[str, int]:
        """How many alerts the query finds for each value of `field`, the query's own filter on it left out."""

    def by_severity(self, query: AlertQuery, scope: Scope, field: str) -> dict[str, dict[str, int]]:
        """For each value of `field`, how many alerts of each severity the query finds."""

    def timelines(self, scope: Scope) -> list[str]:
        """Every timeline with alerts or watermarks, in order."""

    def feed(self, after: int, query: AlertQuery, scope: Scope, limit: int) -> list[FeedEntry]:
        """Entries after a position, oldest first."""

    def since(self, position: int) -> list[FeedEntry]:
        """Some of the entries after `position`, the next one first; none only when there are none."""

    def last_position(self) -> int:
        """The highest position in the feed, 0 when it is empty."""

    def marks(self, timeline: str) -> dict[Mark, int]:
        """The highest `as_of` seen for each mark of a timeline."""

    def partitions(self) -> dict[str, int]:
        """How many partitions each topic has, empty until the inbox has run."""

    def latency(self, timeline: str) -> dict[str, Any]:
        """Exact event-to-alert latency: {count, p50_ms, p99_ms, max_ms} of a timeline."""
