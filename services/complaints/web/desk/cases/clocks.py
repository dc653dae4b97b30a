"""The clocks of one complaint, with how each due time came about (rows B2, H1). Free of HTTP and of I/O."""

from datetime import datetime
from typing import NamedTuple

from services.complaints.due import ClockNow, ClockStep, DueTimes
from services.complaints.web.desk.cases.time_left import TimeLeft, time_left
from services.contracts.instants import from_micros, to_micros
from services.shared.web.words import Words

# With what the law excludes, and the whole time: side by side (row B2).
PAIR = ("conclusion", "total")


class Step(NamedTuple):
    """What moved a due time."""

    text: str
    at: datetime


class ClockView(NamedTuple):
    """One clock; `left` when it runs or is overdue, `state` in words otherwise."""

    name: str
    label: str
    state: str
    left: TimeLeft
    provisional: bool
    steps: list[Step]


def clocks_of(clocks: list[ClockNow], now: datetime, due: DueTimes, words: Words) -> list[ClockView]:
    """Clocks that run, stand still, or have a breach on record for ever; the pair first, then those due first."""
    found = sorted(clocks, key=lambda c: (PAIR.index(c.spec) if c.spec in PAIR else len(PAIR), c.due_at or 0, c.spec))
    return [_view(clock, now, due, words) for clock in found]


def _view(clock: ClockNow, now: datetime, due: DueTimes, words: Words) -> ClockView:
    label = due.label(clock.spec, words.lang)
    if clock.round > 1:
        label = words("clock.round", label=label, round=clock.round)
    if clock.done_at is not None:
        state, left = "settled", _settled(clock.due_at or 0, clock.done_at, due, words)
    elif clock.due_at is None:
        state, left = "paused", TimeLeft(words("clock.paused"), "none")
    else:
        state = "late" if to_micros(now) > clock.due_at else "running"
        left = time_left(clock.due_at, now, due, words)
    return ClockView(clock.spec, label, state, left, clock.provisional, [_step(step, words) for step in clock.steps])


def _settled(due_at: int, done_at: int, due: DueTimes, words: Words) -> TimeLeft:
    """Done late: it stays on record (rule 7)."""
    late, at = due.calendar.working_days_between(due_at, done_at), from_micros(due_at)
    span = words.plural("limit.working_days", late) if late else words.span(from_micros(done_at) - at)
    return TimeLeft(words("clock.settled", span=span), "none", words.instant(at), at.isoformat())


def _step(step: ClockStep, words: Words) -> Step:
    limit = (
        words.plural(f"limit.{step.unit}", step.amount)
        if step.unit in ("working_days", "calendar_days", "hours")
        else ""
    )
    return Step(words(f"clock.step.{step.name}", limit=limit or words("clock.set_by_source")), from_micros(step.at))
