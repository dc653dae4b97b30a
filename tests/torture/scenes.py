"""One case's life cut at one kind of event: what stands in the log before it, it, what comes after, and the alerts that
must come of it. A kill is aimed at the middle part."""

import shutil
from collections import defaultdict
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path

import msgspec
import yaml

from services.contracts.clock import CalendarDecreedV1
from services.contracts.codec import encode
from services.contracts.identifiers import name_of
from services.contracts.registry import event_type
from services.contracts.topics import SOURCE_TOPICS
from simulation.city.generate import generate
from simulation.oracle import Expected, expected
from simulation.replay import Record, event, tick
from simulation.stream import SERVICES, Command
from tests.support.folding import POLICIES

TICK, DECREE = "clock.ticked.v1", "calendar.decreed.v1"
EVENTS = tuple(event_type(model) for service in SERVICES.values() for model in service.models.values())
KINDS = (*EVENTS, TICK, DECREE)
_LAST_DECREED = 2026
_LATER = timedelta(days=70)


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """`before` ends with ticks of `begun`, `after` with ticks of `end`; `at` holds nothing but records of one kind."""

    timeline: str
    before: list[Record]
    at: list[Record]
    after: list[Record]
    begun: datetime
    end: datetime
    expected: set[Expected]


def scene(kind: str, number: int, partitions: int, folder: Path) -> Scene:
    """The scene of `kind` for the `number`-th kill; its timeline is its own. `folder` takes calendars of decrees."""
    timeline = f"scene-{number}-{kind}"
    if kind == DECREE:
        return _decree(timeline, number, partitions, folder)
    life = life_of("approval.decided.v1" if kind == TICK else kind, number)
    cut = len(life) if kind == TICK else next(i for i, command in enumerate(life) if _type(command) == kind)
    end = life[-1].occurred_at + _LATER
    begun = life[min(cut, len(life) - 1)].occurred_at
    last = _ticks(timeline, end, partitions)
    return Scene(
        timeline=timeline, begun=begun, end=end,
        before=[*_events(timeline, life[:cut], partitions), *_ticks(timeline, begun, partitions)],
        at=last if kind == TICK else _events(timeline, life[cut : cut + 1], partitions),
        after=[] if kind == TICK else [*_events(timeline, life[cut + 1 :], partitions), *last],
        expected=expected(life, POLICIES, end),
    )  # fmt: skip


def life_of(kind: str, number: int) -> list[Command]:
    """The commands of the `number`-th case in which an event of `kind` happens."""
    cases = _cases()[kind]
    return cases[number % len(cases)]


def _decree(timeline: str, number: int, partitions: int, folder: Path) -> Scene:
    """An application accepted in the last days of a year: when it is due depends on the decree of the next year."""
    year = _LAST_DECREED + 1 + number
    cases = [c for c in _cases()["approval.accepted.v1"] if _type(c[1]) == "approval.accepted.v1"]
    life = cases[number % len(cases)][:2]
    weeks = (datetime(year - 1, 12, 30, tzinfo=life[1].occurred_at.tzinfo) - life[1].occurred_at) // timedelta(days=7)
    life = [msgspec.structs.replace(c, occurred_at=c.occurred_at + weeks * timedelta(days=7)) for c in life]
    begun, end = life[1].occurred_at, life[1].occurred_at + timedelta(days=300)
    must = expected(life, _policies(folder, year), end)
    assert must != expected(life, _policies(folder, year - 1), end), "a decree that changes nothing proves nothing"
    return Scene(
        timeline=timeline, begun=begun, end=end,
        before=[*_events(timeline, life, partitions), *_ticks(timeline, begun, partitions)],
        at=[_decreed(timeline, year, begun, topic, n) for topic in SOURCE_TOPICS for n in range(partitions)],
        after=_ticks(timeline, end, partitions), expected=must,
    )  # fmt: skip


def _days_off(year: int) -> list[date]:
    return [date(year, 1, day) for day in range(1, 15)]


def _decreed(timeline: str, year: int, at: datetime, topic: str, partition: int) -> Record:
    data = CalendarDecreedV1(year=year, version=f"torture-{year}", holidays=_days_off(year), makeup_workdays=[])
    value = encode(
        data, id=name_of("decree", str(year), data.version, topic, partition), source="/" + topic.partition(".")[0],
        subject="calendar", time=at, sequence=0, timeline=timeline,
    )  # fmt: skip
    return Record(topic=topic, partition=partition, key=None, value=value)


def _policies(folder: Path, until: int) -> Path:
    """The policies with every year up to `until` decreed, for the oracle: it knows at once what workers learn."""
    path = folder / f"policies-{until}"
    if not path.exists():
        shutil.copytree(POLICIES, path)
        calendar = path / "calendar" / "cn.yaml"
        content = yaml.safe_load(calendar.read_text(encoding="utf-8"))
        for year in range(_LAST_DECREED + 1, until + 1):
            content["years"][year] = {"holidays": _days_off(year), "makeup_workdays": []}
        calendar.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return path


@cache
def _cases() -> dict[str, list[list[Command]]]:
    """Kind -> the lives of cases in which it happens: those that lead to alerts, if there are any."""
    town = generate(POLICIES, seed=11, days=30, scale=4)
    lives: defaultdict[str, list[Command]] = defaultdict(list)
    for command in town.commands:
        lives[command.source_ref].append(command)
    alerting: defaultdict[str, list[list[Command]]] = defaultdict(list)
    quiet: defaultdict[str, list[list[Command]]] = defaultdict(list)
    late = {alert.subject for alert in expected(town.commands, POLICIES, town.end + _LATER)}
    for ref, life in lives.items():
        found = alerting if ref in late else quiet
        for kind in {_type(command) for command in life}:
            found[kind].append(life)
    return quiet | alerting


def _type(command: Command) -> str:
    return event_type(SERVICES[command.kind].models[command.command])


def _events(timeline: str, commands: list[Command], partitions: int) -> list[Record]:
    return [event(timeline, command, partitions) for command in commands]


def _ticks(timeline: str, at: datetime, partitions: int) -> list[Record]:
    return [tick(timeline, at, topic, number) for topic in SOURCE_TOPICS for number in range(partitions)]
