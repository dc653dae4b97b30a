"""Due times in the documents: what supervision's own fold says of the same events, at every step of every life."""

import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from services.complaints.current_due import CurrentDue
from services.complaints.domain.complaint import LIFE
from services.complaints.domain.handling import Handling
from services.complaints.domain.next_step import USUAL
from services.complaints.due import NO_DUE, Due
from services.complaints.memory import MemoryComplaints
from services.complaints.receipts import Receipts
from services.complaints.recomputing import Recomputer
from services.complaints.service import ComplaintService
from services.complaints.work import WorkQuery
from services.contracts.clock import CalendarDecreedV1
from services.contracts.codec import decode, encode_json
from services.contracts.complaints import (
    ComplaintAcceptedV1,
    ComplaintClosedV1,
    ComplaintConcludedV1,
    ComplaintDispatchedV1,
    ComplaintFiledV1,
    ComplaintMergedV1,
    ComplaintPausedV1,
    ComplaintRefusedV1,
    ComplaintRepliedV1,
    ComplaintRespondedV1,
    ComplaintSignedV1,
)
from services.contracts.identifiers import case_id
from services.contracts.instants import from_micros, to_micros
from services.contracts.lifecycle import NEW, Refused
from services.shared.access import Principal, Reach
from services.shared.commands import NotFound, Order
from services.supervision.domain.cases import CasesFold
from services.supervision.domain.clock import BREACHED, PAUSED, RUNNING
from services.supervision.policy_files import load_policies
from simulation.city.generate import generate
from tests.support.folding import POLICIES
from tests.support.sources import T0

CITY = Reach(city=True)
NEW_YEARS_EVE = datetime(2026, 12, 30, 1, 0, tzinfo=UTC)


class Town:
    """Complaints in memory, with a clock that the test sets."""

    def __init__(self, at: datetime = T0, policies=POLICIES) -> None:
        self.now, self.store, self.ticks = at, MemoryComplaints(), 0.0
        self.current = CurrentDue(policies, self.store.kept_decrees, self._monotonic)
        self.service = ComplaintService(
            self.store, Receipts(b"k" * 32), {}, lambda: self.now, Handling(), None, self.current
        )  # fmt: skip

    def _monotonic(self) -> float:
        self.ticks += 10.0
        return self.ticks

    def does(self, data, case=None, by="office-1"):
        name = next(n for n, model in LIFE.models.items() if type(data) is model)
        actor = Principal(by, frozenset({"office"}))
        return self.service.execute(Order(name=name, data=data, actor=actor, reach=CITY, case_id=case))[0].case_id

    def due(self, case) -> Due:
        return next(listed.due for listed in self.store.work(all_of_them()) if listed.case.case_id == case)


def all_of_them() -> WorkQuery:
    return WorkQuery(statuses=frozenset(LIFE.table) - {NEW}, limit=10_000)


def filed(town: Town, **fields) -> str:
    return town.does(ComplaintFiledV1(channel="hotline", agency="tax", **fields))


def dispatched(town: Town) -> str:
    case = filed(town)
    town.does(ComplaintAcceptedV1(), case)
    return town.does(ComplaintDispatchedV1(agency="tax", assisting=["finance/budget", "tax/service"]), case)


@pytest.mark.parametrize("seed", [7, 11])
def test_documents_say_what_supervision_says_of_the_generated_city(seed):
    """Every complaint of 45 days, filed live at its own instant; supervision folds the log with ticks in between."""
    policies, town = load_policies(POLICIES), Town()
    fold, states, ids, seen = CasesFold(policies.cases, policies.calendar), {}, {}, 0
    for command in generate(POLICIES, seed=seed, days=45).commands:
        if command.kind != "complaint":
            continue
        town.now = command.occurred_at
        data = msgspec.json.decode(command.data, type=LIFE.models[command.command])
        ref = case_id("complaint", "city", command.source_ref)
        if isinstance(data, ComplaintMergedV1):
            data = msgspec.structs.replace(data, into=ids.get(data.into, data.into))
        with suppress(Refused, NotFound):  # live rules are stricter than a log: what they refuse is on neither side
            ids[ref] = town.does(data, ids.get(ref), by=f"somebody-{seen}")
        for body in town.store.published[seen:]:
            event = decode(body)
            state, _ = fold.fold(states.get(event.subject), event, to_micros(event.time) - 1_000_000)
            states[event.subject], _ = fold.wake(state, to_micros(event.time))
        seen = len(town.store.published)
    listed = {one.case.case_id: one.due for one in town.store.work(all_of_them())}
    assert len(states) > 60
    assert set(listed) == set(states)
    for case, state in states.items():
        running = [c for c in state.clocks if c.phase in (RUNNING, BREACHED) and c.due is not None]
        assert listed[case].due_at == min((c.due for c in running), default=NO_DUE), case
        assert listed[case].paused == any(c.phase == PAUSED for c in state.clocks)
    assert len({due.due_clock for due in listed.values()}) >= 5


def test_what_is_due_first_says_what_is_done_next_and_by_whom():
    town = Town()
    case = filed(town)
    found = town.due(case)
    assert (found.due_clock, found.next_step, found.due_owner) == ("acceptance", "accept", "office")
    town.does(ComplaintAcceptedV1(), case)
    town.does(ComplaintDispatchedV1(agency="tax"), case)
    assert (town.due(case).due_clock, town.due(case).next_step, town.due(case).due_owner) == (
        "sign_in",
        "sign-in",
        "tax",
    )
    town.does(ComplaintSignedV1(agency="tax"), case)
    assert (town.due(case).due_clock, town.due(case).next_step) == ("response", "respond")
    town.does(ComplaintConcludedV1(agency="tax", finding="unfounded"), case)
    town.does(ComplaintRepliedV1(), case)
    assert (town.due(case).due_clock, town.due(case).next_step) == ("call_back", "call-back")
    town.does(ComplaintClosedV1(), case)
    closed = town.due(case)
    assert (closed.due_at, closed.due_clock, closed.next_step) == (NO_DUE, None, None)


def test_who_lets_a_case_lie_is_expected_to_conclude_it_not_to_return_it():
    town = Town()
    case = filed(town)
    for done in (ComplaintAcceptedV1(), ComplaintDispatchedV1(agency="tax"), ComplaintSignedV1(agency="tax"),
                 ComplaintRespondedV1(agency="tax")):  # fmt: skip
        town.does(done, case)
    found = town.due(case)
    assert (found.due_clock, found.next_step) == ("movement", "conclude")


def test_who_has_the_case_in_hand_stands_in_the_document_once_each():
    town = Town()
    assert town.due(filed(town)).holders == ()
    assert town.due(dispatched(town)).holders == ("tax", "finance")


def test_a_pause_is_seen_and_the_whole_time_runs_on():
    town = Town()
    case = dispatched(town)
    town.does(ComplaintSignedV1(agency="tax"), case)
    town.does(ComplaintPausedV1(ground="testing", notice_ref="n", approved_by="o"), case)
    found = town.due(case)
    assert (found.paused, found.due_clock) == (True, "response")
    clocks = {clock.spec: clock for clock in town.current().clocks(case, town.store.history(case))}
    assert clocks["conclusion"].due_at is None
    assert clocks["total"].due_at is not None


def test_done_late_stays_on_record():
    town = Town()
    case = filed(town)
    town.now += timedelta(days=20)
    town.does(ComplaintRefusedV1(reason="in_litigation"), case)
    (late, *_) = town.current().clocks(case, town.store.history(case))
    assert (late.spec, late.done_at) == ("acceptance", to_micros(town.now))


def test_no_clock_of_an_unknown_procedure_and_the_case_is_listed_all_the_same():
    town = Town()
    found = town.due(filed(town, procedure="no-such-thing"))
    assert (found.due_at, found.next_step) == (NO_DUE, "accept")


def decree(**fields) -> bytes:
    days = {"holidays": [NEW_YEARS_EVE.date() + timedelta(days=n) for n in (2, 5)], "makeup_workdays": [], **fields}
    return encode_json(CalendarDecreedV1(year=2027, version="cn-2027", **days))


def test_a_decree_moves_what_was_provisional_and_another_process_takes_it_in():
    town = Town(NEW_YEARS_EVE)
    early, late = filed(town), dispatched(town)
    known = {c.spec: c.due_at for c in town.current().clocks(late, town.store.history(late))}["conclusion"]
    town.store.broadcast("live", to_micros(NEW_YEARS_EVE + timedelta(hours=2)), decree())
    stop = threading.Event()
    recomputer = Recomputer(town.store, town.current)
    assert recomputer.turn(town.current(), stop) == 2
    assert recomputer.turn(town.current(), stop) == 0
    moved = {c.spec: c.due_at for c in town.current().clocks(late, town.store.history(late))}["conclusion"]
    assert moved > known
    assert {town.due(one).due_version for one in (early, late)} == {town.current().version}


def test_another_policy_recomputes_open_cases_and_leaves_closed_ones(tmp_path):
    (tmp_path / "calendar").mkdir()
    for name in ("cases.yaml", "subjects.yaml", "calendar/cn.yaml"):
        (tmp_path / name).write_bytes((POLICIES / name).read_bytes())
    town = Town()
    case, closed = filed(town), filed(town)
    town.does(ComplaintRefusedV1(reason="in_litigation"), closed)
    town.does(ComplaintClosedV1(), closed)
    policy = (tmp_path / "cases.yaml").read_text()
    tight = policy.replace("limit: {amount: 1, unit: working_days}", "limit: {amount: 1, unit: hours}", 1)
    (tmp_path / "cases.yaml").write_text(tight)
    other = CurrentDue(tmp_path, town.store.kept_decrees, lambda: 0.0)
    assert Recomputer(town.store, other).turn(other()) == 1
    assert from_micros(town.due(case).due_at) == T0 + timedelta(hours=1)
    assert town.due(closed).due_version != other().version


def test_a_case_that_somebody_writes_meanwhile_is_left_to_them():
    town = Town()
    case = filed(town)
    read = town.store.load(case)
    town.does(ComplaintAcceptedV1(), case)
    known = town.due(case)
    assert town.store.set_due(read, msgspec.structs.replace(known, due_clock="wrong")) is False
    assert town.due(case) == known


def test_every_status_has_a_usual_step_that_its_life_allows():
    assert set(USUAL) == set(LIFE.table) - {NEW}
    for status, step in USUAL.items():
        assert step is None or step in LIFE.table[status]
