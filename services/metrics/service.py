"""The tally: batches of events into records of cases and alarms. Free of Kafka and of any database."""

from collections.abc import Sequence

from services.contracts.alerts import AlertV1
from services.contracts.clock import CalendarDecreedV1, ClockTickedV1
from services.metrics import telemetry
from services.metrics.domain.records import Alarm, Case, alarm_after, case_after
from services.metrics.repository import Records
from services.shared.consuming import Received


class Tally:
    """Writes batches of the source topics and of alerts.v1. The same batch again changes nothing."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def handle(self, batch: Sequence[Received]) -> None:
        """Take in everything in `batch`, in its order."""
        events = [r.event for r in batch if not isinstance(r.event.data, ClockTickedV1 | CalendarDecreedV1)]
        alerts = [e.data for e in events if isinstance(e.data, AlertV1)]
        facts = [e for e in events if not isinstance(e.data, AlertV1)]
        cases: dict[str, Case] = dict(self._records.cases(sorted({e.subject for e in facts})))
        alarms: dict[str, Alarm] = dict(self._records.alarms(sorted({a.alert_id for a in alerts})))
        changed_cases, changed_alarms = set(), set()
        for event in facts:
            case = case_after(cases.get(event.subject), event)
            if case is not None:
                cases[event.subject] = case
                changed_cases.add(event.subject)
        for data in alerts:
            alarm = alarm_after(alarms.get(data.alert_id), data)
            if alarm is not None:
                alarms[data.alert_id] = alarm
                changed_alarms.add(data.alert_id)
        self._records.put([cases[c] for c in sorted(changed_cases)], [alarms[a] for a in sorted(changed_alarms)])
        telemetry.EVENTS_TALLIED.inc(len(events))
