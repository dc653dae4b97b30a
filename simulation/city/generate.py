"""The whole city over some virtual days as one ordered stream of commands, the same for the same seed."""

from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from random import Random

import msgspec

from services.contracts.envelope import EventModel
from simulation import working_days
from simulation.city import afterwards, applications, orders, registry
from simulation.city.behaviour import Behaviour, Diary, office_hour, plant
from simulation.city.registry import City
from simulation.stream import Command, Segment, case_commands, in_order
from simulation.working_days import WorkingDays

FIRST_DAY = date(2026, 3, 2)
DAYS, SEED, SCALE = 45, 7, 1.0
_TICKS = (time(6), time(18))

Plan = Callable[[City, Behaviour, Diary, str], list[tuple[datetime, EventModel]]]


class Kind(msgspec.Struct, frozen=True):
    """`a_day` cases of a kind arrive each day at scale 1, or each working day when `in_hours`."""

    name: str
    a_day: float
    in_hours: bool
    plan: Plan


KINDS = (
    Kind("complaint", 3.0, False, afterwards.plan),
    Kind("approval", 2.6, True, applications.plan),
    Kind("inspection", 0.8, True, orders.plan_inspection),
    Kind("directive", 0.7, True, orders.plan_directive),
)


class Town(msgspec.Struct, frozen=True, kw_only=True):
    """A generated city. `end` is the last tick: what has not happened by then is still to come and is not sent."""

    timeline: str
    city: City
    days: WorkingDays
    behaviour: Behaviour
    commands: list[Command]
    first: datetime
    end: datetime

    def segments(self) -> Iterator[Segment]:
        """Half-days: a tick at 6:00 and at 18:00 local time, each with the commands up to the next one."""
        position = 0
        for index, as_of in enumerate(ticks := list(_ticks(self.days, self.first, self.end))):
            until = ticks[index + 1] if index + 1 < len(ticks) else as_of
            start = position
            while position < len(self.commands) and self.commands[position].occurred_at < until:
                position += 1
            yield Segment(index=index, as_of=as_of, commands=self.commands[start:position])


def timeline_of(seed: int, days: int, scale: float) -> str:
    """ "city-7", and for another shape than the default "city-7-30d-x2"."""
    shape = "" if (days, scale) == (DAYS, SCALE) else f"-{days}d-x{scale:g}"
    return f"city-{seed}{shape}"


def generate(policies: Path, seed: int = SEED, days: int = DAYS, scale: float = SCALE) -> Town:
    """A town of `days` virtual days from 2 March 2026; `scale` multiplies how many cases arrive."""
    city, calendar = registry.load(policies), working_days.load(policies)
    behaviour = plant(city, seed)
    first = calendar.instant(FIRST_DAY, time(0))
    end = calendar.instant(FIRST_DAY + timedelta(days=days), _TICKS[0])
    commands: list[Command] = []
    for kind in KINDS:
        for ref, diary in _arrivals(kind, calendar, seed, days, scale):
            steps = [step for step in kind.plan(city, behaviour, diary, ref) if step[0] < end]
            commands += case_commands(kind.name, ref, steps)
    return Town(
        timeline=timeline_of(seed, days, scale), city=city, days=calendar, behaviour=behaviour,
        commands=in_order(commands), first=first, end=end,
    )  # fmt: skip


def _arrivals(kind: Kind, calendar: WorkingDays, seed: int, days: int, scale: float) -> Iterator[tuple[str, Diary]]:
    """(reference, diary at the arrival). Each day and each case draws from a generator of its own."""
    for offset in range(days):
        day = FIRST_DAY + timedelta(days=offset)
        if kind.in_hours and not calendar.is_working(day):
            continue
        rng = Random(f"{seed}/{kind.name}/{offset}")
        whole, part = divmod(kind.a_day * scale, 1)
        for number in range(int(whole) + (rng.random() < part)):
            ref = f"{kind.name}-{day:%Y%m%d}-{number + 1:03}"
            own = Random(f"{seed}/{ref}")
            at = office_hour(own) if kind.in_hours else time(own.randint(0, 23), own.randint(0, 59), own.randint(0, 59))
            yield ref, Diary(calendar, own, calendar.instant(day, at))


def _ticks(calendar: WorkingDays, first: datetime, end: datetime) -> Iterator[datetime]:
    yield first
    day = calendar.day_of(first)
    while True:
        for clock in _TICKS:
            at = calendar.instant(day, clock)
            if at >= end:
                yield end
                return
            yield at
        day += timedelta(days=1)
