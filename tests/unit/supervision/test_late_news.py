"""What follows from the algebra of clocks for cases led by the policies of the city: news that come late, corrections,
records put back behind their successors, decrees."""

from collections import Counter
from datetime import date, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.contracts.alerts import AlertRaisedV1, AlertV1
from services.contracts.approvals import (
    ApprovalAcceptedV1,
    ApprovalAppliedV1,
    ApprovalDecidedV1,
    ApprovalDeliveredV1,
    ApprovalExtendedV1,
    ApprovalPausedV1,
    ApprovalResumedV1,
)
from services.contracts.clock import CalendarDecreedV1
from services.contracts.complaints import (
    ComplaintConcludedV1,
    ComplaintDispatchedV1,
    ComplaintFiledV1,
    ComplaintSignedV1,
)
from services.contracts.directives import DirectiveIssuedV1, DirectiveReportedV1, DirectiveVerifiedV1
from services.contracts.envelope import Event, EventModel
from services.contracts.instants import from_micros, to_micros
from services.contracts.limits import Limit
from services.supervision.domain import clock as clocks
from services.supervision.domain.alerts import CORRECTION
from services.supervision.domain.case import MISSING_KEPT
from services.supervision.domain.clock import Clock
from tests.fuzz.effort import effort
from tests.unit.supervision.builders import Case, Subject, when
from tests.unit.supervision.lives import MOMENTS, T0, lives, run


def history(case: Case) -> dict[str, list[AlertV1]]:
    """Every version of every alert, by rule and clock, in the order in which they were said."""
    found: dict[str, list[AlertV1]] = {}
    for data in case.said(AlertV1):
        found.setdefault(f"{data.rule} {data.clock}", []).append(data)
    return found


def guilty(case: Case) -> dict[str, datetime | None]:
    """What counts against somebody in the end, and when it was due."""
    newest = {name: versions[-1] for name, versions in history(case).items()}
    late = {name: alert for name, alert in newest.items() if alert.state != "corrected"}
    return {name: alert.due_at for name, alert in late.items() if alert.rule != "warning"}


def overtaken(life: list[Event], places: set[int]) -> Case:
    """The case with ticks months ahead of its events after those at `places`: all that follows is late."""
    case = Case()
    for place, record in enumerate(life):
        case.take(record)
        if place in places:
            case.tick(T0 + timedelta(days=100 + place))
    return case.tick(T0 + timedelta(days=400))


ISSUED = DirectiveIssuedV1(agency="a1", kind="rectification")


@given(lives() | lives(ordered=False), st.sets(st.integers(0, 9), max_size=4))
@effort(150)
def test_news_that_come_late_lead_to_the_same_verdict_as_news_in_time(life: list[Event], places: set[int]) -> None:
    """Nobody is guilty because a tick overtook the event: what was in time is corrected, what was late stays."""
    assert guilty(overtaken(life, places)) == guilty(run(life))


def test_a_second_round_that_was_begun_in_time_but_told_late_corrects_the_first() -> None:
    again = DirectiveVerifiedV1(agency="a1", accepted=False, limit=Limit(amount=3))
    case = Case("directive-1").event("2026-03-02", ISSUED).tick("2026-04-01")
    assert case.states()["overdue report"] == "open"
    case.event("2026-03-10", again)
    assert case.states()["overdue report"] == "corrected"
    assert {fact.known_at for fact in case.facts if fact.offence == "overdue:corrected"} == {when("2026-04-01")}
    assert case.states()["overdue report#2"] == "open"


def test_a_clock_that_breached_and_was_begun_anew_is_not_begun_a_second_time_by_news_of_the_first() -> None:
    dispatched, signed = ComplaintDispatchedV1(agency="a1"), ComplaintSignedV1(agency="a1", section="s1")
    case = Case().event("2026-01-26", ComplaintFiledV1(channel="letter")).event("2026-01-26", dispatched)
    case.event("2026-02-05", dispatched).event("2026-02-05", signed).tick("2027-03-02")
    stalled = [fact.fact_id for fact in case.facts if fact.offence == "stalled"]
    assert len(stalled) == len(set(stalled))
    assert {name: state for name, state in case.states().items() if name.startswith("stalled")} == {
        "stalled movement": "settled", "stalled movement#2": "open",
    }  # fmt: skip


LEGAL = {"open": {"open", "settled", "corrected"}, "settled": {"corrected"}, "corrected": {"open"}}


@given(lives(ordered=False), st.lists(MOMENTS, max_size=8))
@effort(150)
def test_what_counts_against_somebody_is_exactly_what_stays_on_record(life: list[Event], ticks: list[datetime]) -> None:
    """Correction after settlement, new breach after correction: the facts of each alert add up to its last state."""
    case, waiting = Case(), sorted(ticks)
    for record in life:
        case.take(record)
        if waiting:
            case.tick(waiting.pop(0))
    case.tick(T0 + timedelta(days=400))
    counted: Counter[tuple[str | None, str]] = Counter()
    known = {}
    for fact in case.facts:
        if fact.alert_id is None:
            continue
        assert fact.fact_id not in known
        known[fact.fact_id] = fact
        if fact.offence.endswith(CORRECTION):
            corrected = known[fact.evidence[0]]
            assert (corrected.subject, corrected.alert_id) == (fact.subject, fact.alert_id)
            assert fact.known_at > corrected.known_at
        counted[fact.alert_id, fact.subject] += -1 if fact.offence.endswith(CORRECTION) else 1
    for versions in history(case).values():
        for before, after in pairwise(versions):
            assert after.state in LEGAL[before.state]
            assert before.state != "corrected" or isinstance(after, AlertRaisedV1)
        last = versions[-1]
        stands = last.rule != "warning" and last.agency != "office" and last.state != "corrected"
        found = {subject: n for (alert, subject), n in counted.items() if alert == last.alert_id and n}
        assert set(found.values()) == ({1} if stands else set())
        assert not stands or f"agency:{last.agency}" in found
        if last.rule != "warning" and last.due_at is not None:
            assert last.raised_at == last.due_at + timedelta(microseconds=1)
            assert last.settled_at is None or last.state == "corrected" or last.settled_at > last.due_at


@given(lives(ordered=False), st.lists(MOMENTS, max_size=6))
@effort(40)
def test_corrected_breaches_leave_no_trace_in_the_count_of_their_subject(
    life: list[Event], ticks: list[datetime]
) -> None:
    case, waiting = Case(), sorted(ticks)
    for record in life:
        case.take(record)
        if waiting:
            case.tick(waiting.pop(0))
    case.tick(T0 + timedelta(days=400))
    subject = Subject("agency:a1")
    for fact in case.facts:
        if fact.subject == subject.subject:
            subject.fact(fact.known_at, fact.fact_id, fact.offence, fact.evidence[0])
    subject.tick(T0 + timedelta(days=500))
    corrected = {fact.evidence[0] for fact in case.facts if fact.offence.endswith(CORRECTION)}
    windows = [] if subject.state is None else list(subject.state.windows.values())
    assert corrected.isdisjoint(fact.fact_id for window in windows for fact in window)


@given(st.integers(1, 40), st.integers(0, 8), st.integers(0, 60), st.booleans())
@effort(40)
def test_a_late_decision_is_corrected_once_by_the_record_of_a_punctual_one(
    late: int, early: int, more: int, ticked: bool
) -> None:
    """Correction after settlement; and what comes after the correction changes nothing any more."""
    decided = ApprovalDecidedV1(agency="a1", outcome="granted")
    accepted = ApprovalAcceptedV1(agency="a1", promised_limit=Limit(amount=9, unit="calendar_days"))
    case = Case("p").event("2026-03-02", ApprovalAppliedV1(item="i", agency="a1")).event("2026-03-02", accepted)
    case.event(when("2026-03-12") + timedelta(days=late), decided)
    assert case.states()["overdue promised"] == "settled"
    if ticked:
        case.tick(when("2026-05-20"))
    case.event(when("2026-03-03") + timedelta(days=early), decided)
    assert case.states()["overdue promised"] == "corrected"
    versions, clock = history(case)["overdue promised"], clock_of(case, "promised")
    case.event(when("2026-03-03") + timedelta(days=more), decided)
    assert history(case)["overdue promised"] == versions
    assert clock_of(case, "promised") == clock
    assert [fact.offence for fact in case.facts if fact.alert_id == versions[0].alert_id] == [
        "overdue", "overdue:corrected"
    ]  # fmt: skip


@given(st.integers(0, 8), st.integers(12, 60), st.integers(80, 120), st.booleans())
@effort(40)
def test_more_time_that_was_given_in_time_but_told_late_corrects_at_once_and_a_new_breach_counts_once(
    day: int, more: int, resumed: int, by_extension: bool
) -> None:
    accepted = ApprovalAcceptedV1(agency="a1", promised_limit=Limit(amount=9, unit="calendar_days"))
    case = Case("p").event("2026-03-02", ApprovalAppliedV1(item="i", agency="a1")).event("2026-03-02", accepted)
    case.tick("2026-03-12")
    assert counted_against(case, "overdue promised") == 1
    grant = Limit(amount=more, unit="calendar_days")
    at = when("2026-03-03") + timedelta(days=day)
    if by_extension:
        case.event(at, ApprovalExtendedV1(agency="a1", limit=grant, approved_by="h", notice_ref="n"))
    else:
        case.event(at, ApprovalPausedV1(agency="a1", ground="hearing", notice_ref="n"))
    assert case.states()["overdue promised"] == "corrected"
    assert counted_against(case, "overdue promised") == 0
    if not by_extension:
        case.event(when("2026-03-03") + timedelta(days=resumed), ApprovalResumedV1(agency="a1"))
    case.tick("2026-10-01")
    assert case.states()["overdue promised"] == "open"
    assert counted_against(case, "overdue promised") == 1


def clock_of(case: Case, name: str) -> Clock:
    return next(clock for clock in case.state.clocks if clock.name == name)


def counted_against(case: Case, name: str) -> int:
    """The facts about the agency of an alert, less their corrections."""
    facts = [f for f in case.facts if f.alert_id == case.alerts[name].alert_id and f.subject == "agency:a1"]
    return sum(-1 if fact.offence.endswith(CORRECTION) else 1 for fact in facts)


# Skipped, and put back later: a dead letter that can be read at last


@given(lives(), st.integers(0, 9), st.integers(0, 9), st.lists(MOMENTS, max_size=4))
@effort(80)
def test_what_is_put_back_after_its_successors_accuses_nobody_and_counts_once(
    life: list[Event], skipped: int, later: int, ticks: list[datetime]
) -> None:
    """It may end or extend what ran at its time; to start something anew would be blind to what ended it."""
    place = 1 + skipped % max(1, len(life) - 1)
    if place >= len(life) - 1:
        return
    missing, rest = life[place], life[:place] + life[place + 1 :]
    case = run(rest, ticks)
    before = guilty(case)
    assert case.state.gaps == 1
    case.take(missing)
    assert guilty(case).keys() <= before.keys()
    assert case.state.gaps == 0
    assert case.state.wake_at is None or case.state.wake_at >= case.watermark
    state, count = case.state, len(case.effects)
    for record in [missing, *life]:
        case.take(record)
    assert (case.state, len(case.effects)) == (state, count)


DECIDED = ApprovalDecidedV1(agency="a1", outcome="granted")


def test_a_decision_that_nobody_could_read_ends_its_clocks_when_it_is_put_back() -> None:
    case = Case("p").event("2026-03-02", ApprovalAppliedV1(item="i", agency="a1"))
    case.event("2026-03-02", ApprovalAcceptedV1(agency="a1", promised_limit=Limit(amount=5)))
    case.event("2026-03-06", ApprovalDeliveredV1(agency="a1"), sequence=4).tick("2026-05-01")
    assert case.states()["overdue promised"] == "open"
    case.event("2026-03-05", DECIDED, sequence=3)
    assert case.states()["overdue promised"] == "corrected"
    assert [fact.offence for fact in case.facts if fact.offence.endswith(CORRECTION)] == ["overdue:corrected"] * 2
    assert "delivery" not in {clock.name for clock in case.state.clocks}


def test_a_dispatch_put_back_after_the_conclusion_starts_no_clock_and_moves_the_case_to_nobody() -> None:
    case = Case().event("2026-03-02", ComplaintFiledV1(channel="letter"), sequence=1)
    case.event("2026-03-04", ComplaintSignedV1(agency="a2"), sequence=3)
    case.event("2026-03-05", ComplaintConcludedV1(agency="a2", finding="unfounded"), sequence=4)
    clocks_before = [clock.name for clock in case.state.clocks]
    case.event("2026-03-03", ComplaintDispatchedV1(agency="a1"), sequence=2)
    assert [clock.name for clock in case.state.clocks] == clocks_before
    assert case.state.agency == "a2"


def test_a_report_put_back_does_not_end_the_round_that_began_after_it() -> None:
    case = Case("d").event("2026-03-02", ISSUED, sequence=1)
    case.event("2026-03-10", DirectiveVerifiedV1(agency="a1", accepted=False, limit=Limit(amount=3)), sequence=3)
    case.event("2026-03-09", DirectiveReportedV1(agency="a1"), sequence=2)
    assert [clock.name for clock in case.state.clocks if clock.phase != clocks.STOPPED] == ["report#2"]
    assert case.tick("2026-04-01").states()["overdue report#2"] == "open"


def test_of_an_endless_gap_only_the_newest_are_waited_for() -> None:
    end = 10**18
    case = Case("p").event("2026-03-02", ApprovalAppliedV1(item="i", agency="a1"), sequence=1)
    case.event("2026-03-03", ApprovalAcceptedV1(agency="a1"), sequence=end)
    assert case.state.gaps == end - 2
    assert case.state.missing == list(range(end - MISSING_KEPT, end))
    state = case.event("2026-03-04", DECIDED, sequence=2).state
    assert state.gaps == end - 2
    assert case.event("2026-03-04", DECIDED, sequence=end - 1).state.gaps == end - 3


# Decrees

DAYS = [date(2027, 1, 1) + timedelta(days=n) for n in range(20)]
JANUARY = st.sampled_from([DAYS, DAYS[:9], DAYS[::2]]) | st.lists(st.sampled_from(DAYS), max_size=12)


@given(st.integers(8, 20), st.integers(1, 3), JANUARY, JANUARY, st.sampled_from([2027, 2027, 2028]))
@effort(12)
def test_a_decree_told_twice_changes_nothing_and_before_the_due_time_it_may_come_whenever_it_likes(
    amount: int, place: int, holidays: list[date], makeup: list[date], year: int
) -> None:
    """2028 alone decides nothing about 2027: then every limit stays what it was, and provisional."""
    decree = CalendarDecreedV1(year=year, version="cn-new", holidays=holidays, makeup_workdays=makeup)
    life: list[tuple[str, EventModel]] = [
        ("2026-12-21", ApprovalAppliedV1(item="i", agency="a1")),
        ("2026-12-22", ApprovalAcceptedV1(agency="a1", promised_limit=Limit(amount=amount))),
        ("2026-12-24", ApprovalPausedV1(agency="a1", ground="hearing", notice_ref="n")),
        ("2026-12-28", ApprovalResumedV1(agency="a1")),
    ]
    dues = []
    for where in (0, place):
        case = Case("p")
        for number, (at, data) in enumerate(life):
            case.event(at, data)
            if number == where:
                case.decree("2026-12-20", decree)
                state, count = case.state, len(case.effects)
                case.decree("2026-12-20", decree)
                assert (case.state, len(case.effects)) == (state, count)
        dues.append(clock_of(case, "promised").due)
        assert case.state.provisional == (year == 2028)
    assert dues[0] == dues[1]


def test_a_report_settles_the_round_that_was_late_and_not_the_one_told_in_time() -> None:
    case = Case("directive-1").event("2026-03-02", ISSUED).tick("2026-04-01")
    case.event("2026-03-25", DirectiveVerifiedV1(agency="a1", accepted=False, limit=Limit(amount=30)))
    case.event("2026-04-02", DirectiveReportedV1(agency="a1"))
    assert case.states()["overdue report"] == "settled"
    assert "overdue report#2" not in case.states()
    assert case.alerts["overdue report"].settled_at == from_micros(to_micros(when("2026-04-02")))
