"""The minimal job as plain Python, for the engines that are not Duban. Free of Kafka and of any store.

Reads only the fields that it needs. A case is kept for ever as (last sequence, phase, due, agency, section, event that
started the clock); instants are seconds since the epoch.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from heapq import heappop, heappush

import msgspec

OPEN, RUNNING, STOPPED, BREACHED = range(4)


class Limit(msgspec.Struct):
    amount: int


class Data(msgspec.Struct):
    as_of: datetime | None = None
    statutory_limit: Limit | None = None
    agency: str = ""
    section: str = ""


class Event(msgspec.Struct):
    id: str
    type: str
    subject: str
    time: datetime
    sequence: int
    data: Data


class Case(msgspec.Struct, array_like=True):
    last: int
    phase: int
    due: int
    agency: str
    section: str
    started: str


class AlertData(msgspec.Struct):
    alert_id: str
    rule: str
    subject: str
    agency: str
    section: str
    due_at: datetime
    known_at: datetime
    evidence: list[str]


class Alert(msgspec.Struct):
    id: str
    source: str
    type: str
    subject: str
    time: datetime
    sequence: int
    timeline: str
    specversion: str
    datacontenttype: str
    data: AlertData


Out = tuple[bytes, bytes]  # key and value of an alert's record
decode = msgspec.json.Decoder(Event).decode
_encode = msgspec.json.Encoder().encode


class Partition:
    """One partition's rule. States come and go through `get` and `put`; which cases run is an index in memory, made
    of the states: `resume` takes them in again after a restart."""

    def __init__(self) -> None:
        self._timers: list[tuple[int, str]] = []
        self._watermark = 0

    def resume(self, name: str, case: Case) -> None:
        if case.phase == RUNNING:
            heappush(self._timers, (case.due, name))

    def take(self, event: Event, get: Callable[[str], Case | None], put: Callable[[str, Case], None]) -> list[Out]:
        """Fold one event or tick; the alerts that it causes."""
        at = int(event.time.timestamp())
        if event.type == "clock.ticked.v1":
            return self._tick(at, get, put)
        name, case = event.subject, get(event.subject)
        if case is None:
            case = Case(0, OPEN, 0, event.data.agency, event.data.section, "")
        elif event.sequence <= case.last:
            return []
        case.last = event.sequence
        alerts: list[Out] = []
        if event.type == "approval.accepted.v1" and case.phase == OPEN and event.data.statutory_limit is not None:
            case.phase, case.due = RUNNING, at + event.data.statutory_limit.amount * 3600
            case.agency, case.section, case.started = event.data.agency, event.data.section, event.id
            heappush(self._timers, (case.due, name))
        if case.phase == RUNNING and max(at, self._watermark) > case.due:
            case.phase = BREACHED
            alerts.append(alert(name, case, max(at, self._watermark)))
        if event.type == "approval.decided.v1" and case.phase == RUNNING:
            case.phase = STOPPED
        put(name, case)
        return alerts

    def _tick(self, as_of: int, get: Callable[[str], Case | None], put: Callable[[str, Case], None]) -> list[Out]:
        self._watermark = max(self._watermark, as_of)
        timers, alerts = self._timers, list[Out]()
        while timers and timers[0][0] < as_of:
            due, name = heappop(timers)
            case = get(name)
            if case is not None and case.phase == RUNNING and case.due == due:
                case.phase = BREACHED
                put(name, case)
                alerts.append(alert(name, case, as_of))
        return alerts


def alert(name: str, case: Case, known: int) -> Out:
    """The alert's record: a CloudEvents envelope like every other."""
    key, at = f"overdue/{name}", datetime.fromtimestamp(known, UTC)
    data = AlertData(
        key, "overdue", name, case.agency, case.section, datetime.fromtimestamp(case.due, UTC), at, [case.started]
    )
    value = _encode(
        Alert(key, "/bench", "clock.breached.v1", key, at, 1, "bench", "1.0", "application/json", data)
    )  # fmt: skip
    return key.encode(), value
