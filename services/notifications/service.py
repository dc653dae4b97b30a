"""The inbox: batches of alerts.v1 into what people see. Free of Kafka and of any database.

Order within a batch: (1) alerts, (2) feed, (3) watermarks; the caller then commits. A crash after any step is mended by
the same batch read again: alerts go up by version, a feed entry is named by alert and version, a watermark only rises.
Somebody who reads an entry in the feed therefore finds the alert at least as new, and a watermark never stands for
alerts that are not yet on the board.
"""

from collections.abc import Callable, Sequence

from services.contracts.alerts import AlertV1
from services.contracts.clock import ClockTickedV1
from services.contracts.instants import to_micros
from services.notifications import telemetry
from services.notifications.domain.alerts import Alert, alert_of
from services.notifications.domain.directory import Directory
from services.notifications.domain.watermarks import Mark
from services.notifications.repository import AlertWriter, NewEntry
from services.shared.consuming import Received
from services.shared.failpoints import failpoint_of_kinds


class Inbox:
    """Writes batches of alerts.v1. `now_ms` is the clock that latency is measured with."""

    def __init__(self, writer: AlertWriter, directory: Directory, now_ms: Callable[[], int]) -> None:
        self._writer = writer
        self._directory = directory
        self._now_ms = now_ms

    def handle(self, batch: Sequence[Received]) -> None:
        """Keep everything in `batch`. May be called with the same records any number of times."""
        newest: dict[str, Alert] = {}
        versions: dict[str, tuple[Alert, Received]] = {}
        marks: dict[str, dict[Mark, int]] = {}
        for record in batch:
            data = record.event.data
            if isinstance(data, AlertV1):
                alert = alert_of(data, self._directory.group_of)
                versions.setdefault(alert.key, (alert, record))
                if alert.alert_id not in newest or newest[alert.alert_id].version < alert.version:
                    newest[alert.alert_id] = alert
            elif isinstance(data, ClockTickedV1) and data.source is not None:
                of_timeline = marks.setdefault(record.event.timeline, {})
                mark = (data.source, record.partition)
                of_timeline[mark] = max(to_micros(data.as_of), of_timeline.get(mark, -(2**62)))
        kinds = {record.event.type for record in batch}
        if newest:
            failpoint_of_kinds("inbox.upsert.before", kinds)
            self._writer.put_alerts(list(newest.values()))
            failpoint_of_kinds("inbox.upsert.after", kinds)
            self._append(versions)
            failpoint_of_kinds("inbox.feed.after", kinds)
        for timeline, of_timeline in marks.items():
            self._writer.put_marks(timeline, of_timeline)
        failpoint_of_kinds("inbox.marks.after", kinds)

    def _append(self, versions: dict[str, tuple[Alert, Received]]) -> None:
        now = self._now_ms()
        entries = [
            NewEntry(
                alert=alert,
                change=record.event.type.split(".")[1],
                latency_ms=max(0, now - record.cause_ts) if record.cause_ts is not None else None,
            )
            for alert, record in versions.values()
        ]
        for added in self._writer.append(entries):
            telemetry.ALERTS_WRITTEN.labels(added.change, added.item["rule"], added.item["severity"]).inc()
            if added.latency_ms is not None:
                telemetry.EVENT_TO_ALERT.observe(added.latency_ms / 1000)
