"""Key figures: what is counted, and that reading twice counts once."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest

from services.contracts.complaints import (
    ComplaintConcludedV1,
    ComplaintDispatchedV1,
    ComplaintFiledV1,
    ComplaintRepliedV1,
    ComplaintRespondedV1,
    ComplaintSignedOffV1,
)
from services.contracts.envelope import Event, EventModel
from services.contracts.identifiers import name_of
from services.contracts.registry import event_type
from services.metrics.domain.kpis import AlarmCount, CaseCount, Overdue, kpis
from services.metrics.domain.records import Alarm, Case
from services.metrics.repository import Counts
from services.metrics.service import Tally
from services.shared.consuming import Received
from tests.support.alerts import T0, alert, record, settled


class MemoryRecords:
    def __init__(self) -> None:
        self.of_cases: dict[str, Case] = {}
        self.of_alarms: dict[str, Alarm] = {}
        self.writes = 0

    def cases(self, ids: Sequence[str]) -> Mapping[str, Case]:
        return {i: self.of_cases[i] for i in ids if i in self.of_cases}

    def alarms(self, ids: Sequence[str]) -> Mapping[str, Alarm]:
        return {i: self.of_alarms[i] for i in ids if i in self.of_alarms}

    def put(self, cases: Sequence[Case], alarms: Sequence[Alarm]) -> None:
        self.writes += len(cases) + len(alarms)
        self.of_cases.update({c.case_id: c for c in cases})
        self.of_alarms.update({a.alert_id: a for a in alarms})

    def counts(self) -> Counts:
        raise NotImplementedError


@pytest.fixture
def records() -> MemoryRecords:
    return MemoryRecords()


def received(case: str, *models: EventModel) -> list[Received]:
    return [
        Received(
            event=Event(id=name_of(case, n), source="/complaints", type=event_type(type(data)), subject=case,
                        time=T0 + timedelta(hours=n), sequence=n, timeline="live", data=data),
            topic="complaints.v1", partition=0, offset=n, timestamp=0,
        )
        for n, data in enumerate(models, 1)
    ]  # fmt: skip


LIFE = (
    ComplaintFiledV1(channel="hotline"), ComplaintDispatchedV1(agency="housing"),
    ComplaintRespondedV1(agency="housing"), ComplaintConcludedV1(agency="housing", finding="verified"),
    ComplaintRepliedV1(),
)  # fmt: skip


def test_a_case_keeps_its_agency_and_each_step_once(records: MemoryRecords) -> None:
    Tally(records).handle(received("c1", *LIFE))
    case = records.of_cases["c1"]
    assert (case.agency, case.sequence) == ("housing", 5)
    assert case.steps == ("filed", "dispatched", "responded", "concluded", "replied")


def test_the_same_events_again_change_nothing(records: MemoryRecords) -> None:
    tally, batch = Tally(records), received("c1", *LIFE)
    tally.handle(batch)
    before, writes = dict(records.of_cases), records.writes
    tally.handle(batch[:2])
    tally.handle(batch)
    assert (records.of_cases, records.writes) == (before, writes)


def test_an_alarm_follows_its_newest_version(records: MemoryRecords) -> None:
    raised = alert("a")
    tally = Tally(records)
    tally.handle([record(settled(raised, T0 + timedelta(days=1)))])
    tally.handle([record(raised)])
    assert [a.state for a in records.of_alarms.values()] == ["settled"]


def test_rates_are_of_what_they_say() -> None:
    steps = {"filed": 10, "dispatched": 8, "responded": 6, "concluded": 4, "replied": 5}
    found = kpis(
        [
            CaseCount(timeline="live", kind="complaint", agency="housing", cases=10, steps=steps),
            CaseCount(
                timeline="live", kind="approval", agency="housing", cases=10, steps={"accepted": 10, "decided": 9}
            ),
        ],
        [
            AlarmCount(timeline="live", agency="housing", rule="overdue", severity="red", state="open", alarms=2),
            AlarmCount(timeline="live", agency="housing", rule="overdue", severity="red", state="settled", alarms=7),
        ],
        [Overdue(timeline="live", agency="housing", cases=5)],
    )
    assert len(found) == 1
    k = found[0]
    assert (k.response_rate, k.conclusion_rate, k.reply_rate) == (0.75, 0.5, 0.5)
    assert (k.given, k.done, k.done_rate, k.overdue_rate) == (18, 13, 0.7222, 0.25)
    assert k.alerts_open == {"red": 2}


def test_the_head_s_own_share_of_grave_matters_is_counted(records: MemoryRecords) -> None:
    grave = ComplaintConcludedV1(agency="housing", finding="verified", sign_off_required=True)
    tally = Tally(records)
    tally.handle(received("signed", LIFE[0], LIFE[1], grave, ComplaintSignedOffV1(agency="housing")))
    back = ComplaintSignedOffV1(agency="housing", approved=False, reason="thin")
    tally.handle(received("sent-back", LIFE[0], LIFE[1], grave, back, grave))
    tally.handle(received("waiting", LIFE[0], LIFE[1], grave))
    tally.handle(received("light", *LIFE))
    counts = Counter(step for case in records.of_cases.values() for step in case.steps)
    (k,) = kpis([CaseCount(timeline="live", kind="complaint", agency="housing", cases=4, steps=counts)], [], [])
    assert (k.grave, k.head_handled, k.head_rate) == (3, 2, 0.6667)
    assert kpis([], [], [Overdue(timeline="live", agency="x", cases=1)])[0].head_rate is None


def test_nothing_to_divide_by_is_no_rate() -> None:
    assert kpis([], [], [Overdue(timeline="live", agency="x", cases=1)])[0].response_rate is None
