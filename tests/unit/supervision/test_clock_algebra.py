"""The algebra of one clock, in all units: pauses, extensions, warnings. Times may lie anywhere, also where the tables
of the calendar end."""

from datetime import date, datetime, timedelta, timezone

from hypothesis import example, given
from hypothesis import strategies as st

from services.contracts.instants import to_micros
from services.contracts.limits import Limit
from services.supervision.domain import clock as clocks
from services.supervision.domain.calendar import DAY, HOUR, Calendar
from services.supervision.domain.clock import UNITS, Clock
from tests.fuzz.effort import effort
from tests.unit.supervision.builders import calendar, when
from tests.unit.supervision.lives import LIMITS, MOMENTS

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
