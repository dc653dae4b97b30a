"""The algebra of one clock, and what follows for cases: pauses, extensions, late news, corrections, decrees.

A clock is asked in all units; a case is led by the policies of the city. The times of pauses may lie anywhere, also
where the tables of the calendar end.
"""

from collections import Counter
from datetime import date, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import example, given
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
from services.contracts.codec import encode
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
from services.supervision.domain.alerts import CORRECTION, STEPS_SHOWN
from services.supervision.domain.calendar import DAY, HOUR, Calendar
from services.supervision.domain.case import MISSING_KEPT
from services.supervision.domain.clock import UNITS, Clock
from tests.fuzz.effort import effort
from tests.unit.supervision.builders import Case, Subject, calendar, end_of, when
from tests.unit.supervision.lives import LIMITS, MOMENTS, T0, lives, run

WHOLE = st.integers(0, 60 * 24 * 60).map(lambda minute: minute * HOUR // 60)  # up to sixty days
SPANS = st.lists(st.tuples(WHOLE, WHOLE), min_size=1, max_size=4)
ANYWHERE = st.sampled_from(["1905-05-05", "1969-12-31", "2026-01-26", "2085-06-01", "2099-12-20", "2150-01-01"])
DAY_LIMITS = st.builds(Limit, amount=st.integers(0, 12), unit=st.sampled_from(["working_days", "calendar_days"]))


def started(limit: Limit | int, at: int) -> Clock:
    return clocks.start("c", None, 1, at, "e0", limit, 90, calendar())


def led(limit: Limit | int, at: int, operations: list[tuple[str, int, Limit | None]]) -> Clock:
    """A clock after pauses, resumptions and extensions; what comes too late changes nothing."""
    clock = started(limit, at)
    for what, then, more in operations:
        if what == "pause":
            clocks.pause(clock, then, "p")
        elif what == "resume":
            clocks.resume(clock, then, "r", 90, calendar())
        else:
            assert more is not None
            clocks.extend(clock, then, "x", more, 90, calendar())
    return clock


def paused(limit: Limit | int, at: int, spans: list[tuple[int, int]]) -> Clock:
    """A clock that stood still during `spans`: (begin, end) in order."""
    steps = [step for begin, end in spans for step in (("pause", begin, None), ("resume", end, None))]
    return led(limit, at, steps)


def due(clock: Clock) -> int:
    assert clock.due is not None
    return clock.due


def laid_out(at: int, gaps: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """(pause after, for so long) as (begin, end), one after another."""
    spans = []
    for run_on, stand in gaps:
        begin = at + run_on
        at = begin + stand
        spans.append((begin, at))
    return spans


def outcome(clock: Clock) -> tuple[int | None, int | None, bool, int]:
    return clock.due, clock.warn, clock.provisional, clock.phase


# One clock


@given(LIMITS, MOMENTS, SPANS, st.floats(0, 1), st.booleans())
@effort(60)
def test_a_pause_told_in_two_parts_is_the_same_pause(
    limit: Limit, start: datetime, gaps: list[tuple[int, int]], share: float, due_set: bool
) -> None:
    """Pauses commute with splitting: resumed and paused again at one instant, wherever in the pause that is."""
    at = to_micros(start)
    set_by = at + 40 * DAY if due_set else limit
    spans = laid_out(at, gaps)
    parts = []
    for begin, end in spans:
        middle = begin + int((end - begin) * share)
        parts += [(begin, middle), (middle, end)]
    assert outcome(paused(set_by, at, parts)) == outcome(paused(set_by, at, spans))


@given(DAY_LIMITS, MOMENTS, st.tuples(WHOLE, WHOLE), st.integers(0, 60), st.integers(0, 86_399), st.integers(0, 86_399))
@effort(60)
def test_work_for_a_part_of_a_day_within_a_pause_costs_a_limit_of_days_nothing(
    limit: Limit, start: datetime, gap: tuple[int, int], day: int, one: int, other: int
) -> None:
    at = to_micros(start)
    ((begin, end),) = laid_out(at, [gap])
    midnight = calendar().end_of_calendar_day(begin, day) + 1
    first, second = (midnight + second * 1_000_000 for second in sorted((one, other)))
    if second <= end:
        whole = paused(limit, at, [(begin, end)])
        assert due(paused(limit, at, [(begin, first), (second, end)])) == due(whole)


@given(LIMITS, ANYWHERE, SPANS, st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=4, max_size=4))
@effort(100)
def test_more_pause_never_makes_a_due_time_earlier(
    limit: Limit, start: str, gaps: list[tuple[int, int]], shares: list[tuple[float, float]]
) -> None:
    """Whatever part of every pause is left out, also all of it."""
    at = to_micros(when(start))
    spans, fewer = laid_out(at, gaps), []
    for (begin, end), (one, other) in zip(spans, shares, strict=False):
        first, last = sorted((begin + int((end - begin) * one), begin + int((end - begin) * other)))
        fewer.append((first, last))
    assert due(started(limit, at)) <= due(paused(limit, at, fewer)) <= due(paused(limit, at, spans))


@given(st.integers(0, 3660), MOMENTS, SPANS, st.lists(st.integers(0, 100), max_size=3))
@effort(40)
def test_hours_and_set_deadlines_move_by_what_was_paused_and_granted_to_the_microsecond(
    hours: int, start: datetime, gaps: list[tuple[int, int]], granted: list[int]
) -> None:
    at = to_micros(start)
    for limit in (Limit(amount=hours, unit="hours"), at + hours * HOUR):
        grants = [("extend", at, Limit(amount=more, unit="hours")) for more in granted]
        expected = at + (hours + sum(granted)) * HOUR
        steps: list[tuple[str, int, Limit | None]] = [*grants]
        for begin, end in laid_out(at, gaps):
            if begin > expected:
                break
            steps += [("pause", begin, None), ("resume", end, None)]
            expected += end - begin
        assert due(led(limit, at, steps)) == expected


@given(LIMITS, MOMENTS, st.tuples(WHOLE, WHOLE), st.integers(0, 12), st.permutations(range(3)))
@effort(60)
def test_a_pause_and_an_extension_of_the_same_unit_may_come_in_any_order(
    limit: Limit, start: datetime, gap: tuple[int, int], more: int, order: list[int]
) -> None:
    at = to_micros(start)
    ((begin, end),) = laid_out(at, [gap])
    if begin > due(started(limit, at)):
        return
    extension = ("extend", at, Limit(amount=more, unit=limit.unit))
    stand = [("pause", begin, None), ("resume", end, None)]
    place = order.index(0)
    reference = led(limit, at, [extension, *stand])
    assert outcome(led(limit, at, [*stand[:place], extension, *stand[place:]])) == outcome(reference)


@given(LIMITS, LIMITS, MOMENTS, st.tuples(WHOLE, WHOLE), st.floats(0, 1))
@effort(60)
def test_an_extension_of_any_unit_within_a_pause_loses_no_time(
    limit: Limit, grant: Limit, start: datetime, gap: tuple[int, int], share: float
) -> None:
    at = to_micros(start)
    ((begin, end),) = laid_out(at, [gap])
    middle = begin + int((end - begin) * share)
    running = led(limit, at, [("extend", begin, grant)])
    paused_then = led(limit, at, [("pause", begin, None), ("extend", middle, grant), ("resume", end, None)])
    if begin <= due(started(limit, at)):
        assert due(paused_then) >= due(running)


@given(LIMITS, ANYWHERE, st.lists(LIMITS, max_size=3))
@effort(60)
def test_no_extension_makes_a_due_time_earlier_and_those_of_its_own_unit_make_a_limit_longer(
    limit: Limit, start: str, grants: list[Limit]
) -> None:
    at = to_micros(when(start))
    before = due(started(limit, at))
    for count in range(len(grants)):
        after = due(led(limit, at, [("extend", at, grant) for grant in grants[: count + 1]]))
        assert after >= before
        before = after
    amounts = [grant.amount for grant in grants if grant.unit == limit.unit]
    one_by_one = led(limit, at, [("extend", at, Limit(amount=amount, unit=limit.unit)) for amount in amounts])
    at_once = started(Limit(amount=limit.amount + sum(amounts), unit=limit.unit), at)
    assert outcome(one_by_one) == outcome(at_once)


@given(LIMITS, st.integers(0, 3660), ANYWHERE, WHOLE)
@effort(60)
def test_more_time_and_a_later_start_never_make_a_due_time_earlier(
    limit: Limit, more: int, start: str, later: int
) -> None:
    at = to_micros(when(start))
    longer = Limit(amount=min(3660, limit.amount + more), unit=limit.unit)
    assert due(started(limit, at)) <= due(started(longer, at))
    assert due(started(limit, at)) <= due(started(limit, at + later))


@given(st.sampled_from(sorted(UNITS)), ANYWHERE, st.lists(st.integers(1, 3660), min_size=1, max_size=12), WHOLE)
@example("working_days", "2026-01-26", [3660] * 6, 0)
@example("calendar_days", "2026-01-26", [3660] * 8, HOUR)
@effort(40)
def test_extensions_past_the_end_of_every_table_still_have_a_due_time(
    unit: str, start: str, amounts: list[int], gap: int
) -> None:
    at = to_micros(when(start))
    before, clock = -(2**62), started(Limit(amount=1, unit=unit), at)  # type: ignore[arg-type]
    for amount in amounts:
        assert clocks.extend(clock, at, "x", Limit(amount=amount, unit=unit), 90, calendar())  # type: ignore[arg-type]
        assert due(clock) >= before
        before = due(clock)
    if clocks.pause(clock, at + gap, "p"):
        assert clocks.resume(clock, at + 2 * gap, "r", 90, calendar())
        assert due(clock) >= before


@given(st.dates(date(1900, 1, 2), date(2200, 1, 1)), st.integers(0, 22), st.integers(0, 400))
@example(date(1969, 12, 31), 0, 1)
@example(date(2100, 12, 31), 22, 0)
@example(date(2101, 1, 1), 9, 1)
@effort(60)
def test_days_before_and_after_the_tables_are_counted_like_those_within(start: date, hour: int, n: int) -> None:
    """No decree: every week has its five working days, whether the tables know it or not."""
    days = Calendar("plain", "Asia/Shanghai", {})
    at = to_micros(datetime(start.year, start.month, start.day, hour, 30, tzinfo=timezone(timedelta(hours=8))))
    day, left = start, n
    while left:
        day += timedelta(days=1)
        left -= day.weekday() < 5
    assert days.local_day(at) == start
    assert days.local_day(days.end_of_working_day(at, n)) == day
    assert days.working_days_between(at, days.end_of_working_day(at, n)) == n
    assert days.local_day(days.end_of_calendar_day(at, n)) == start + timedelta(days=n)


@given(LIMITS | st.integers(0, 500), MOMENTS, SPANS, st.integers(1, 100))
@effort(60)
def test_a_warning_lies_before_the_due_time_and_not_before_its_share_has_run(
    limit: Limit | int, start: datetime, gaps: list[tuple[int, int]], percent: int
) -> None:
    at = to_micros(start)
    set_by = at + limit * HOUR if isinstance(limit, int) else limit
    clock = clocks.start("c", None, 1, at, "e0", set_by, percent, calendar())
    for begin, end in laid_out(at, gaps):
        if clocks.pause(clock, begin, "p"):
            assert clock.warn is None
            clocks.resume(clock, end, "r", percent, calendar())
    if clock.warn is not None:
        assert clock.warn < due(clock)
        early = clocks.start("c", None, 1, at, "e0", set_by, max(1, percent // 2), calendar())
        assert early.warn is None or early.warn <= clock.warn


def test_a_clock_that_was_paused_at_its_very_due_time_is_due_at_once_when_it_goes_on() -> None:
    at = to_micros(when("2026-03-02"))
    clock = started(Limit(amount=3, unit="hours"), at)
    assert not clocks.pause(clock, due(clock) + 1, "late")
    assert clocks.pause(clock, due(clock), "p")
    assert clocks.resume(clock, at + 9 * DAY, "r", 90, calendar())
    assert due(clock) == at + 9 * DAY


# Cases


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


# What an alert says


def test_an_alert_of_a_clock_paused_thousands_of_times_still_fits_a_record() -> None:
    """An agency may pause as often as it likes; each step is evidence, but Kafka takes no endless record."""
    case = Case("p").event("2026-03-02", ApprovalAppliedV1(item="i", agency="a1"))
    case.event("2026-03-02", ApprovalAcceptedV1(agency="a1", promised_limit=Limit(amount=5)))
    at = when("2026-03-03")
    for _ in range(500):
        case.event(at, ApprovalPausedV1(agency="a1", ground="hearing", notice_ref="n"))
        case.event(at, ApprovalResumedV1(agency="a1"))
    extension = ApprovalExtendedV1(agency="a1", limit=Limit(amount=1), approved_by="h", notice_ref="n")
    alert = case.event(at, extension).tick("2026-03-18").alerts["overdue promised"]
    assert to_micros(alert.due_at) == end_of("2026-03-10")
    assert len(alert.evidence) == STEPS_SHOWN
    assert (alert.evidence[0], alert.evidence[-1]) == ("p-e2", "p-e1003")
    assert (alert.trail[0].step, alert.trail[-1].step) == ("started", "escalated")
    assert "; 481 more changes; " in alert.explanation["en"]
    assert "extended by 1 working day" in alert.explanation["en"]
    assert "；另有481次变更；" in alert.explanation["zh"]
    assert alert.explanation["zh"].count("不计入期限") == 19
    assert len(encode(alert, id="i", source="/s", subject="s", time=at, sequence=1)) < 50_000


@pytest.mark.parametrize("count", [19, 20, 21])
def test_twenty_changes_are_told_one_by_one(count: int) -> None:
    case = Case("d").event("2026-03-02", ApprovalAppliedV1(item="i", agency="a1"))
    case.event("2026-03-02", ApprovalAcceptedV1(agency="a1", promised_limit=Limit(amount=5)))
    for _ in range(count):
        case.event("2026-03-03", ApprovalPausedV1(agency="a1", ground="hearing", notice_ref="n"))
        case.event("2026-03-03", ApprovalResumedV1(agency="a1"))
    sentence = case.tick("2026-03-18").alerts["overdue promised"].explanation["en"]
    assert sentence.count("time excluded") == min(count, 20)
    assert ("1 more change;" in sentence) == (count == 21)


def test_a_report_settles_the_round_that_was_late_and_not_the_one_told_in_time() -> None:
    case = Case("directive-1").event("2026-03-02", ISSUED).tick("2026-04-01")
    case.event("2026-03-25", DirectiveVerifiedV1(agency="a1", accepted=False, limit=Limit(amount=30)))
    case.event("2026-04-02", DirectiveReportedV1(agency="a1"))
    assert case.states()["overdue report"] == "settled"
    assert "overdue report#2" not in case.states()
    assert case.alerts["overdue report"].settled_at == from_micros(to_micros(when("2026-04-02")))
