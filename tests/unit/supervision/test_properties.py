"""What holds for every case and every subject: generated lives, generated ticks, generated pauses."""

from datetime import UTC, date, datetime, timedelta

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from services.contracts.alerts import AlertV1
from services.contracts.approvals import ApprovalAppliedV1, ApprovalStageStartedV1
from services.contracts.envelope import Event, EventModel
from services.contracts.instants import to_micros
from services.contracts.limits import Limit
from services.supervision.domain import clock as clocks
from services.supervision.domain.cases import CasesFold
from services.supervision.domain.fold import NEVER, Effect
from tests.unit.supervision.builders import LOCAL, Case, Subject, calendar, policies
from tests.unit.supervision.lives import APPROVAL, FIRST, LAST, LIMITS, MOMENTS, T0, lives, run, said


@given(lives(), st.lists(MOMENTS, max_size=12))
def test_ticks_as_fine_or_coarse_as_you_like_give_the_same_alerts_and_facts(
    life: list[Event], ticks: list[datetime]
) -> None:
    assert said(run(life, ticks)) == said(run(life))


@given(lives(ordered=False), st.lists(MOMENTS, max_size=12))
def test_the_same_even_when_the_events_of_a_case_are_not_in_the_order_of_time(
    life: list[Event], ticks: list[datetime]
) -> None:
    assert said(run(life, ticks)) == said(run(life))


@given(lives(ordered=False), st.lists(MOMENTS, max_size=4))
def test_every_event_twice_changes_nothing(life: list[Event], ticks: list[datetime]) -> None:
    case = Case()
    for record in life:
        case.take(record)
        before, count = case.state, len(case.effects)
        for earlier in life[: record.sequence]:
            case.take(earlier)
        assert case.state == before
        assert len(case.effects) == count


@given(lives(ordered=False), st.lists(MOMENTS, max_size=6))
def test_state_kept_in_memory_and_state_stored_between_events_are_the_same(
    life: list[Event], ticks: list[datetime]
) -> None:
    """fold(a + b) is fold(b) after fold(a), whatever is written and read in between; ticks may be ahead of events."""
    fold, state, effects = CasesFold(policies().cases, policies().calendar), None, list[Effect]()
    case, watermark, waiting = Case(), NEVER, sorted(ticks)
    for record in life:
        if waiting:
            case.tick(waiting[0])
            watermark = to_micros(waiting.pop(0))
            if state is not None and state.wake_at is not None and state.wake_at < watermark:
                state, more = fold.wake(state, watermark)
                effects.extend(more)
        case.take(record)
        state, more = fold.fold(state, record, watermark)
        effects.extend(more)
    assert msgspec.msgpack.encode(state) == msgspec.msgpack.encode(case.state)
    assert effects == case.effects


@given(lives(ordered=False), st.lists(MOMENTS, max_size=6))
def test_alerts_are_never_erased_and_facts_never_come_before_a_forwarded_watermark(
    life: list[Event], ticks: list[datetime]
) -> None:
    case, waiting, forwarded = Case(), sorted(ticks), NEVER
    for record in life:
        case.take(record)
        if waiting:
            case.tick(waiting.pop(0))
        new = [effect for effect in case.effects if effect.topic == "facts.v1"]
        assert all(effect.time >= forwarded for effect in new)
        case.effects = [effect for effect in case.effects if effect.topic != "facts.v1"]
        forwarded = case.watermark
    versions: dict[str, list[AlertV1]] = {}
    for alert in case.said(AlertV1):
        versions.setdefault(alert.alert_id, []).append(alert)
    for history in versions.values():
        assert [alert.version for alert in history] == list(range(1, len(history) + 1))
        assert history[0].state == "open"
        assert {alert.raised_at for alert in history[:2]} == {history[0].raised_at}
    state = case.state
    assert state is None or state.wake_at is None or state.wake_at >= case.watermark


@given(
    st.lists(st.datetimes(timezones=st.just(UTC)) | st.sampled_from([FIRST, LAST]), min_size=8, max_size=8),
    st.lists(APPROVAL, min_size=7, max_size=7),
    st.datetimes(timezones=st.just(UTC)),
)
def test_no_time_however_absurd_stops_the_fold(
    times: list[datetime], models: list[EventModel], due_at: datetime
) -> None:
    life = [ApprovalAppliedV1(item="i", agency="a1"), *models]
    case = Case()
    for at, model in zip(times, life, strict=True):
        case.event(at, model)
    case.event(times[0], ApprovalStageStartedV1(stage="last", agency="a1", due_at=due_at)).tick(LAST)
    assert case.state.wake_at is None or case.state.wake_at >= case.watermark


# Clocks against counting day by day


def working(day: date) -> bool:
    years = calendar().years
    year = years.get(day.year)
    if year is not None and day in year.makeup_workdays:
        return True
    return day.weekday() < 5 and (year is None or day not in year.holidays)


def counted_by_hand(
    start: datetime, amount: int, by_working_days: bool, pauses: list[tuple[datetime, datetime]]
) -> date:
    """The last day of a limit, walked day by day: day zero does not count, the day a pause begins does."""
    day, left = start.date(), amount
    for began, ended in pauses:
        while day < began.date():
            day += timedelta(days=1)
            left -= working(day) if by_working_days else 1
        day = ended.date()
    while left > 0:
        day += timedelta(days=1)
        left -= working(day) if by_working_days else 1
    return day


@st.composite
def paused_clocks(draw: st.DrawFn) -> tuple[clocks.Clock, list[tuple[datetime, datetime]], int, datetime, Limit, bool]:
    limit, begin, due_set = draw(LIMITS), draw(MOMENTS), draw(st.booleans())
    set_due = to_micros(begin + timedelta(hours=draw(st.integers(0, 500))))
    clock = clocks.start("c", None, 1, to_micros(begin), "e", set_due if due_set else limit, 90, calendar())
    first_due, pauses, at = clock.due or 0, [], begin
    for _ in range(draw(st.integers(0, 3))):
        at += timedelta(minutes=draw(st.integers(0, 6000)))
        if not clocks.pause(clock, to_micros(at), "p"):
            break
        until = at + timedelta(minutes=draw(st.integers(0, 20000)))
        assert clocks.resume(clock, to_micros(until), "r", 90, calendar())
        pauses.append((at, until))
        at = until
    return clock, pauses, first_due, begin, limit, due_set


@given(paused_clocks())
@settings(max_examples=300)
def test_no_pause_makes_a_due_time_earlier_and_every_due_day_can_be_counted_by_hand(
    example: tuple[clocks.Clock, list[tuple[datetime, datetime]], int, datetime, Limit, bool],
) -> None:
    clock, pauses, first_due, begin, limit, due_set = example
    assert clock.due is not None
    assert clock.due >= first_due
    if all(began.date() == ended.date() for began, ended in pauses) and not due_set and limit.unit != "hours":
        assert clock.due == first_due
    if due_set or limit.unit == "hours":
        assert clock.due == first_due + sum(to_micros(ended) - to_micros(began) for began, ended in pauses)
    else:
        by_hand = counted_by_hand(begin.astimezone(LOCAL), limit.amount, limit.unit == "working_days", pauses)
        assert calendar().local(clock.due).date() == by_hand


# Subjects


@given(
    st.lists(
        st.tuples(st.integers(0, 2400), st.sampled_from(["overdue", "extortion", "returned"])), min_size=1, max_size=30
    ),
    st.randoms(use_true_random=False),
    st.lists(st.integers(0, 2400), max_size=5),
)
def test_facts_in_any_order_and_batches_of_any_size_give_the_same_alerts(
    given_facts: list[tuple[int, str]], random, cuts: list[int]
) -> None:
    facts = [(T0 + timedelta(hours=hours), f"f{n}", offence) for n, (hours, offence) in enumerate(given_facts)]
    end = T0 + timedelta(days=999)
    in_order = Subject()
    for at, name, offence in sorted(facts):
        in_order.fact(at, name, offence)
    in_order.tick(end)

    shuffled = Subject()
    waiting = list(facts)
    for cut in [*sorted(cuts), 2401]:
        upto = T0 + timedelta(hours=cut)
        ready = [fact for fact in waiting if fact[0] < upto or random.random() < 0.3]
        random.shuffle(ready)
        for at, name, offence in [*ready, *ready[:2]]:
            shuffled.fact(at, name, offence)
        waiting = [fact for fact in waiting if fact not in ready]
        shuffled.tick(upto)
    shuffled.tick(end)
    assert shuffled.effects == in_order.effects
    assert shuffled.state == in_order.state
