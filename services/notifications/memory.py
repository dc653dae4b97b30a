"""Alerts, feed and watermarks in a process's memory, for tests and for looking at pages without a database."""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

from services.notifications.domain.alerts import Alert
from services.notifications.domain.queries import AlertQuery, Position, Scope, cursor_of, finds, position_of
from services.notifications.domain.watermarks import Mark
from services.notifications.repository import FeedEntry, NewEntry


class MemoryAlerts:
    """AlertWriter and AlertReader in dictionaries; says what MongoAlerts says."""

    def __init__(self) -> None:
        self._alerts: dict[str, Alert] = {}
        self._feed: list[tuple[str, Alert, FeedEntry]] = []
        self._marks: dict[str, dict[Mark, int]] = {}
        self._partitions: dict[str, int] = {}

    def put_alerts(self, alerts: Sequence[Alert]) -> None:
        for alert in alerts:
            kept = self._alerts.get(alert.alert_id)
            if kept is None or kept.version < alert.version:
                self._alerts[alert.alert_id] = alert

    def append(self, entries: Sequence[NewEntry]) -> list[FeedEntry]:
        present = {key for key, _, _ in self._feed}
        added = []
        for entry in entries:
            if entry.alert.key not in present:
                feed = FeedEntry(
                    position=len(self._feed) + 1, change=entry.change, timeline=entry.alert.timeline,
                    latency_ms=entry.latency_ms, item=entry.alert.item,
                )  # fmt: skip
                self._feed.append((entry.alert.key, entry.alert, feed))
                added.append(feed)
        return added

    def put_marks(self, timeline: str, marks: Mapping[Mark, int]) -> None:
        kept = self._marks.setdefault(timeline, {})
        for mark, as_of in marks.items():
            kept[mark] = max(as_of, kept.get(mark, as_of))

    def put_partitions(self, partitions: Mapping[str, int]) -> None:
        self._partitions = dict(partitions)

    def page(self, query: AlertQuery, scope: Scope) -> tuple[list[dict[str, Any]], str | None]:
        key = _worst if query.sort == "worst" else _newest
        found = sorted(
            (a for a in self._alerts.values() if finds(query, scope, a.item)), key=lambda a: key(_position(a))
        )
        if query.after is not None:
            after = key(position_of(query.after))
            found = [a for a in found if key(_position(a)) > after]
        shown = found[: query.limit]
        return [a.item for a in shown], cursor_of(_position(shown[-1])) if len(found) > query.limit else None

    def alert(self, alert_id: str, scope: Scope) -> dict[str, Any] | None:
        alert = self._alerts.get(alert_id)
        return alert.item if alert and scope.shows(alert.item) else None

    def by_prefix(self, prefix: str, scope: Scope, limit: int) -> list[str]:
        found = (a.alert_id for a in self._alerts.values() if scope.shows(a.item))
        return sorted(alert_id for alert_id in found if alert_id.startswith(prefix))[:limit]

    def history(self, alert_id: str) -> list[FeedEntry]:
        return [entry for _, alert, entry in self._feed if alert.alert_id == alert_id]

    def counts(self, query: AlertQuery, scope: Scope, field: str) -> dict[str, int]:
        found = (a for a in self._alerts.values() if finds(query, scope, a.item, without=field))
        return dict(Counter(str(getattr(a, field) or "") for a in found))

    def by_severity(self, query: AlertQuery, scope: Scope, field: str) -> dict[str, dict[str, int]]:
        found: dict[str, Counter[str]] = {}
        for alert in self._alerts.values():
            if finds(query, scope, alert.item):
                found.setdefault(str(getattr(alert, field) or ""), Counter())[alert.severity] += 1
        return {value: dict(counts) for value, counts in found.items()}

    def timelines(self, scope: Scope) -> list[str]:
        of_alerts = {a.timeline for a in self._alerts.values() if scope.shows(a.item)}
        return sorted(of_alerts | set(self._marks))

    def feed(self, after: int, query: AlertQuery, scope: Scope, limit: int) -> list[FeedEntry]:
        return [e for _, a, e in self._feed if e.position > after and finds(query, scope, a.item)][:limit]

    def since(self, position: int) -> list[FeedEntry]:
        return [entry for _, _, entry in self._feed if entry.position > position]

    def last_position(self) -> int:
        return len(self._feed)

    def marks(self, timeline: str) -> dict[Mark, int]:
        return dict(self._marks.get(timeline, {}))

    def partitions(self) -> dict[str, int]:
        return dict(self._partitions)

    def latency(self, timeline: str) -> dict[str, Any]:
        measured = sorted(e.latency_ms for _, _, e in self._feed if e.timeline == timeline and e.latency_ms is not None)

        def at(share: float) -> int | None:
            return measured[max(0, ceil(share * len(measured)) - 1)] if measured else None

        return {"timeline": timeline, "count": len(measured), "p50_ms": at(0.5), "p99_ms": at(0.99), "max_ms": at(1.0)}


def _position(alert: Alert) -> Position:
    return (alert.weight, alert.raised_us, alert.alert_id)


def _newest(position: Position) -> tuple[int, str]:
    return (-position[1], position[2])


def _worst(position: Position) -> tuple[int, int, str]:
    return (-position[0], position[1], position[2])
