"""Due times and the work list on the real store: in the write of each command, paged by index, computed anew."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import msgspec
import pytest

from deploy.embedded.stack import Stack
from duban.context import load
from services.complaints.current_due import CurrentDue
from services.complaints.documents import ComplaintBroadcast, ComplaintDocument, KeptClock, KeptDecree
from services.complaints.domain.handling import Handling
from services.complaints.due import NO_DUE
from services.complaints.mongo import MongoComplaints
from services.complaints.receipts import Receipts
from services.complaints.recomputing import Recomputer
from services.complaints.service import ComplaintService
from services.complaints.work import WorkQuery
from services.contracts.clock import CalendarDecreedV1
from services.contracts.codec import encode_json
from services.contracts.complaints import ComplaintAcceptedV1, ComplaintDispatchedV1, ComplaintFiledV1
from services.contracts.identifiers import case_id, new_id
from services.contracts.instants import to_micros
from services.shared.access import Principal, Reach
from services.shared.commands import Order
from services.shared.importing import Importer, Line
from services.shared.mongo import connect_store
from tests.support.folding import POLICIES

pytestmark = pytest.mark.stack
OFFICE = Principal("office-9", frozenset({"office"}))
CITY = Reach(city=True)
AGENCY, DECREE = "test-of-due-times", "cn-2031-test"


@pytest.fixture
def store(infra: Stack) -> Iterator[MongoComplaints]:
    connect_store(load(infra.data).settings(), "complaints")
    yield MongoComplaints()
    # Others read this log and this list: nothing of these years stays behind.
    ComplaintDocument.objects(about=AGENCY).delete()
    KeptDecree.objects(id=DECREE).delete()
    KeptClock._get_collection().delete_many({})
    ComplaintBroadcast._get_collection().delete_many({})


def service_at(store: MongoComplaints, now: list[datetime]) -> tuple[ComplaintService, CurrentDue]:
    due = CurrentDue(POLICIES, store.kept_decrees, map(float, count(0, 10)).__next__)
    return ComplaintService(store, Receipts(b"k" * 32), {}, lambda: now[0], Handling(), None, due), due


def test_pages_follow_one_another_by_due_time_within_a_reach(store: MongoComplaints) -> None:
    now = [datetime(2026, 3, 2, 1, tzinfo=UTC)]
    service, _ = service_at(store, now)
    cases = []
    for day in (4, 1, 3, 0, 2):
        now[0] = datetime(2026, 3, 2, 1, tzinfo=UTC) + timedelta(days=day)
        order = Order(name="file", data=ComplaintFiledV1(channel="letter", agency=AGENCY), actor=OFFICE, reach=CITY)
        case = service.execute(order)[0].case_id
        for name, data in (("accept", ComplaintAcceptedV1()), ("dispatch", ComplaintDispatchedV1(agency=AGENCY))):
            service.execute(Order(name=name, data=data, actor=OFFICE, reach=CITY, case_id=case))
        cases.append((day, case))
    own = Reach(city=False, agencies=frozenset({AGENCY}))
    query, seen = WorkQuery(limit=2), []
    while page := service.work(query, own):
        seen += [one.case.case_id for one in page]
        last = page[-1]
        query = WorkQuery(limit=2, after=(last.due.due_at, last.case.case_id))
    assert seen == [case for _, case in sorted(cases)]
    asked = [
        WorkQuery(clock="sign_in", steps=frozenset({"sign-in"})),
        WorkQuery(due_before=to_micros(now[0] - timedelta(9))),
        WorkQuery(agency=AGENCY), WorkQuery(paused=True), WorkQuery(statuses=frozenset({"closed"})),
        WorkQuery(after=(2**60, "z")),
    ]  # fmt: skip
    assert service.work_counts(asked, own) == [5, 0, 5, 0, 0, 5]
    assert service.work_counts([WorkQuery(paused=True)], Reach(city=False, agencies=frozenset({"nobody"}))) == [0]
    assert service.work(WorkQuery(), Reach(city=False, agencies=frozenset({"another"}))) == []


def test_each_timeline_has_its_list_and_its_clock(store: MongoComplaints) -> None:
    now = [datetime(2026, 3, 2, 1, tzinfo=UTC)]
    service, _ = service_at(store, now)
    filed = ComplaintFiledV1(channel="letter", agency=AGENCY)
    live = service.execute(Order(name="file", data=filed, actor=OFFICE, reach=CITY))[0].case_id
    steps = (("file", filed), ("accept", ComplaintAcceptedV1()), ("dispatch", ComplaintDispatchedV1(agency=AGENCY)))
    lines = [
        Line(source_ref=ref, ordinal=number, command=name, occurred_at=now[0], data=msgspec.Raw(encode_json(data)))
        for ref in ("c-1", "c-2")
        for number, (name, data) in enumerate(steps, 1)
    ]
    played = f"city-{new_id()[-8:]}"
    for batch in (lines[:1], lines[1:]):
        assert Importer(service).apply(played, batch, "importer-1").applied == len(batch)
    for case in (case_id("complaint", played, ref) for ref in ("c-1", "c-2")):
        (found,) = [one for one in service.work(WorkQuery(timeline=played), CITY) if one.case.case_id == case]
        assert found.due == service.due().of(found.case, store.history(case))
        assert found.due.due_clock == "sign_in"
    own = Reach(city=False, agencies=frozenset({AGENCY}))
    assert service.work_counts([WorkQuery(timeline=played)], own) == [2]
    assert live in {one.case.case_id for one in service.work(WorkQuery(limit=1000), CITY)}
    assert live not in {one.case.case_id for one in service.work(WorkQuery(timeline=played), CITY)}
    assert service.now(played) == now[0]
    for hours in (5, 3, 4):
        store.broadcast(played, to_micros(now[0] - timedelta(hours=hours)))
    store.broadcast("wabo-without-complaints", to_micros(now[0]))
    assert service.timelines() == ["live", played]
    assert service.now(played) == now[0] - timedelta(hours=3)
    assert service.now("live") == now[0]


def test_a_decree_is_kept_and_open_cases_are_computed_anew(store: MongoComplaints) -> None:
    now = [datetime(2031, 12, 30, 1, tzinfo=UTC)]
    service, current = service_at(store, now)
    data = ComplaintFiledV1(channel="letter", agency=AGENCY)
    case = service.execute(Order(name="file", data=data, actor=OFFICE, reach=CITY))[0].case_id

    def due_of() -> tuple[int, str]:
        found = next(one.due for one in store.work(WorkQuery(limit=1000)) if one.case.case_id == case)
        return found.due_at, found.due_version

    before, version = due_of()
    assert before < NO_DUE
    holidays = [datetime(2031, 12, 31, tzinfo=UTC).date()]
    decree = CalendarDecreedV1(year=2031, version=DECREE, holidays=holidays, makeup_workdays=[])
    store.broadcast("live", to_micros(now[0] + timedelta(hours=1)), encode_json(decree))
    store.broadcast("live", to_micros(now[0] + timedelta(hours=2)), encode_json(decree))
    assert [d.data.version for d in store.kept_decrees()].count(DECREE) == 1
    assert Recomputer(store, current).turn(current()) > 0
    assert Recomputer(store, current).turn(current()) == 0
    moved, other = due_of()
    assert other != version
    assert moved > before
