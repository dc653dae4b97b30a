"""The clock: one deadline of one case, as algebra over its steps. Free of policy, of I/O and of the wall clock.

    start ──> RUNNING ──pause──> PAUSED        stop: RUNNING, PAUSED ──> STOPPED (in time)
                 │  ^──resume───────┘                BREACHED ──> STOPPED (settled, or corrected when it was in time)
                 └──due passes──> BREACHED

Instants are microseconds since the epoch. The fold owns its clocks: functions here change the clock they are given and
depend on nothing but their arguments. `due` is the last instant that is in time.
"""

from typing import Final

import msgspec
from msgspec.structs import replace

from services.contracts.alerts import AlertState
from services.contracts.complaints import Severity
from services.contracts.limits import Limit
from services.supervision.domain.calendar import HOUR, MICROS_MAX, Calendar

RUNNING: Final = 0
PAUSED: Final = 1
BREACHED: Final = 2
STOPPED: Final = 3

WORKING: Final = 0
CALENDAR: Final = 1
HOURS: Final = 2
DUE: Final = 3
UNITS: Final = {"working_days": WORKING, "calendar_days": CALENDAR, "hours": HOURS}
UNIT_NAMES: Final = ("working_days", "calendar_days", "hours", "due_at")

STARTED: Final = 0
PAUSE: Final = 1
RESUME: Final = 2
EXTEND: Final = 3
STOP: Final = 4
RECOMPUTED: Final = 5


class Step(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What moved a clock, when, by which event. `amount` and `unit` are the limit of a start or an extension;
    the amount of unit DUE is the due instant itself."""

    op: int
    at: int
    event: str
    amount: int = 0
    unit: int = 0


class Record(msgspec.Struct, array_like=True, gc=False):
    """What the fold has said about a clock: the newest version of one alert, when its state changed, who answers for
    it, and under which version facts were recorded (0: none)."""

    rule: str
    severity: Severity
    due: int
    raised_at: int
    known_at: int
    version: int
    agency: str | None
    section: str | None
    officer: str | None
    state: AlertState = "open"
    settled_at: int | None = None
    corrected_at: int | None = None
    escalated_at: int | None = None
    facts: int = 0


class Clock(msgspec.Struct, array_like=True, gc=False):
    """`spec` is its name in policy, `value` what it is per ("survey" of a stage), `round` counts its restarts.

    `renewed` is the last renewal (instant, event) that `count_anew` has not taken in yet.
    """

    spec: str
    value: str | None
    round: int
    steps: list[Step]
    calendar: str
    phase: int = RUNNING
    due: int | None = None
    warn: int | None = None
    red: int | None = None
    provisional: bool = False
    holder: tuple[str | None, str | None, str | None] | None = None
    warning: Record | None = None
    breach: Record | None = None
    renewed: tuple[int, str] | None = None

    @property
    def name(self) -> str:
        """ "stage:survey", "report", and "report#2" for the second round."""
        name = self.spec if self.value is None else f"{self.spec}:{self.value}"
        return name if self.round == 1 else f"{name}#{self.round}"

    @property
    def started_at(self) -> int:
        return self.steps[0].at


def start(
    spec: str, value: str | None, round: int, at: int, event: str, limit: Limit | int, percent: int | None,
    days: Calendar,
) -> Clock:  # fmt: skip
    """A running clock. `limit` is a Limit, or the due instant that the source itself set (rows B2, C2, G1)."""
    if isinstance(limit, int):
        step = Step(STARTED, at, event, limit, DUE)
    else:
        step = Step(STARTED, at, event, limit.amount, UNITS[limit.unit])
    clock = Clock(spec, value, round, [step], days.version)
    compute(clock, percent, days)
    return clock


def pause(clock: Clock, at: int, event: str) -> bool:
    """Stops the time of a running clock; False when it is not running or its due time has passed (row C2)."""
    if clock.phase not in (RUNNING, BREACHED) or clock.due is None or at > clock.due:
        return False
    clock.steps.append(Step(PAUSE, max(at, clock.steps[-1].at), event))
    clock.phase = PAUSED
    clock.due = clock.warn = clock.red = None
    return True


def resume(clock: Clock, at: int, event: str, percent: int | None, days: Calendar) -> bool:
    """Lets the remaining time run on, the resume day being day zero; False when it is not paused."""
    if clock.phase != PAUSED:
        return False
    clock.steps.append(Step(RESUME, max(at, clock.steps[-1].at), event))
    clock.phase = RUNNING
    compute(clock, percent, days)
    return True


def extend(clock: Clock, at: int, event: str, limit: Limit, percent: int | None, days: Calendar) -> bool:
    """Adds `limit`; False when the clock is stopped or its due time passed before `at` (row C2, art. 42)."""
    if clock.phase == STOPPED or (clock.due is not None and at > clock.due):
        return False
    clock.steps.append(Step(EXTEND, max(at, clock.steps[-1].at), event, limit.amount, UNITS[limit.unit]))
    if clock.phase != PAUSED:
        clock.phase, clock.red = RUNNING, None
        compute(clock, percent, days)
    return True


def renew(clock: Clock, at: int, event: str) -> None:
    """The limit is to be counted anew from `at`. A case moves often and its clock seldom ends: so this only takes note,
    and `count_anew` follows when the clock would say something."""
    if clock.renewed is None or at > clock.renewed[0]:
        clock.renewed = at, event


def count_anew(clock: Clock, percent: int | None, days: Calendar) -> None:
    """Runs from the last renewal instead of from its start."""
    if clock.renewed is not None:
        (at, event), clock.renewed = clock.renewed, None
        clock.steps = [replace(clock.steps[0], at=at, event=event)]
        compute(clock, percent, days)


def again(clock: Clock, at: int, event: str, percent: int | None, days: Calendar) -> Clock:
    """The next round of a clock, with its limit counted from `at`."""
    steps = [replace(clock.steps[0], at=at, event=event)]
    following = Clock(clock.spec, clock.value, clock.round + 1, steps, days.version, holder=clock.holder)
    compute(following, percent, days)
    return following


def stop(clock: Clock, at: int, event: str) -> bool:
    """Ends the clock. True when that was in time: while paused, or not after the due time."""
    in_time = clock.due is None or at <= clock.due
    clock.steps.append(Step(STOP, at, event))
    clock.phase = STOPPED
    clock.warn = clock.red = None
    return in_time


def recompute(clock: Clock, at: int, event: str, percent: int | None, days: Calendar) -> bool:
    """A provisional running clock under a new decree; False when its due time stays the same."""
    if clock.phase != RUNNING or not clock.provisional:
        return False
    before = clock.due
    compute(clock, percent, days)
    if clock.due == before:
        return False
    clock.steps.append(Step(RECOMPUTED, max(at, clock.steps[-1].at), event))
    return True


def add(start: int, limit: Limit, days: Calendar) -> int:
    """The last instant of `limit` counted from `start`."""
    if limit.unit == "working_days":
        return days.end_of_working_day(start, limit.amount)
    if limit.unit == "calendar_days":
        return days.end_of_calendar_day(start, limit.amount)
    return min(start + limit.amount * HOUR, MICROS_MAX)


def compute(clock: Clock, percent: int | None, days: Calendar) -> None:
    """Due and warning instants from the steps: limit, pauses and extensions in the order of the log.

    `percent`: the warning comes when that share of the limit has run. A limit of n days warns at the end of the day on
    which the share is reached, and at the latest one day before its last; hours and set deadlines to the microsecond.
    """
    first = clock.steps[0]
    unit, total, base = first.unit, first.amount, first.at
    left, due, span, paused_at = total, 0, 0, first.at
    counted = unit == WORKING
    if unit >= HOURS:
        due = base + total * HOUR if unit == HOURS else total
        span, unit = due - base, DUE
    for step in clock.steps[1:]:
        if step.op == PAUSE:
            paused_at = step.at
            if unit != DUE:
                left = max(0, left - _elapsed(unit, base, step.at, days))
                base = step.at
        elif step.op == RESUME:
            due += step.at - paused_at
            base = step.at
        elif step.op == EXTEND and step.unit == unit:
            left += step.amount
            total += step.amount
        elif step.op == EXTEND:
            if unit != DUE:
                due, unit = _finish(unit, base, left, days), DUE
                span = due - first.at
            longer = due + step.amount * HOUR if step.unit == HOURS else _finish(step.unit, due, step.amount, days)
            span, due = span + longer - due, longer
            counted = counted or step.unit == WORKING
    if unit != DUE:
        due = _finish(unit, base, left, days)
    clock.due = due = min(due, MICROS_MAX)
    clock.provisional = counted and days.is_provisional(due)
    clock.calendar = days.version
    clock.warn = None
    if percent is None or clock.warning is not None:
        return
    if unit == DUE:
        warn = due - span * (100 - percent) // 100
    else:
        share = min(-(-total * percent // 100), total - 1)
        if share < 0:
            return
        warn = _finish(unit, base, max(0, left - (total - share)), days)
    if warn < due:
        clock.warn = warn


def _finish(unit: int, base: int, left: int, days: Calendar) -> int:
    return days.end_of_working_day(base, left) if unit == WORKING else days.end_of_calendar_day(base, left)


def _elapsed(unit: int, start: int, end: int, days: Calendar) -> int:
    """Days of a limit that have run: not day zero, but the day on which a pause begins."""
    between = days.working_days_between if unit == WORKING else days.calendar_days_between
    return between(start, end)
