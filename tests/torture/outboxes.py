"""kill -9 at every named failpoint of a relay, aimed at every kind of event of its service.

Each kill has a case of its own: its life up to that kind is imported through the service, the relay dies of it, the
next one goes on. In the end the topic must hold every event of every case in order, whatever has come twice.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import timedelta
from itertools import product
from typing import Any

import httpx
import msgspec

from deploy.embedded.stack import Stack
from services.contracts.clock import CalendarDecreedV1
from services.contracts.codec import encode_json
from services.contracts.envelope import Event
from services.contracts.registry import event_type
from services.shared.auth import create_key
from simulation.stream import Command, Service
from tests.support.processes_of_sources import bearer, records
from tests.support.stack import eventually
from tests.torture import PATIENCE
from tests.torture.failpoints import Cell, Outcome
from tests.torture.lives import Crew
from tests.torture.scenes import DECREE, TICK, life_of

FAILPOINTS = ("relay.read.before", "relay.publish.before", "relay.publish.after", "relay.mark.after")
_OF_A_TURN = FAILPOINTS[0]  # it knows no kind: the relay has not read yet
_KILLED = -9
_NEVER = "86400"  # seconds between live ticks: each tick here is one that is asked for


class Sent(msgspec.Struct):
    """What a topic must hold because of one kill: `events` of a case, a tick or a decree in every partition."""

    timeline: str
    events: int
    broadcast: str = ""


def kinds_of(service: Service) -> tuple[str, ...]:
    return (*(event_type(model) for model in service.models.values()), TICK, DECREE)


def cells(service: Service) -> list[Cell]:
    """Each failpoint with each kind of event of a service."""
    return [Cell(*pair) for pair in product(FAILPOINTS, kinds_of(service))]


def play(
    stack: Stack, service: Service, todo: Iterable[Cell], tell: Callable[[Outcome], None] = lambda _: None
) -> list[Outcome]:
    """One life of the relay for each cell and a last one."""
    create_key(stack.plan.signing_key_file)
    played: list[tuple[Sent, Outcome]] = []
    with Crew(stack) as hands:

        def relay() -> Any:
            options = {"service": service.name, "DUBAN_TICK_SECONDS": _NEVER}
            return hands.start(f"relay-{service.name}", "relay", **options).ready()

        source = hands.start(f"serve-{service.name}", "serve", service=service.name).ready()
        life = relay()
        with httpx.Client(base_url=source.url, timeout=PATIENCE) as client:
            for number, cell in enumerate(todo):
                life.arm(cell.failpoint if cell.failpoint == _OF_A_TURN else f"{cell.failpoint}@{cell.kind}")
                sent = _send(stack, client, service, cell.kind, number)
                met = life.process.wait(PATIENCE) == _KILLED
                played.append((sent, Outcome(cell, met, at_once=met)))
                life.kill()
                life = relay()
                tell(played[-1][1])
        whole: list[list[str]] = []

        def nothing_missing() -> bool:
            found = records(stack, service.topic)
            whole[:] = [_missing(sent, found) for sent, _ in played]
            return not any(whole)

        with suppress(AssertionError):  # what is missing is told in the outcomes
            eventually(nothing_missing, PATIENCE, every=1.0)
        found = records(stack, service.topic)
    for (sent, outcome), missing in zip(played, whole, strict=True):
        outcome.missing, outcome.unexpected = missing, _doubled(sent, found)
    return [outcome for _, outcome in played]


def lines_of(commands: Iterable[Command]) -> list[dict[str, Any]]:
    """The body of an import of `commands`."""
    return [
        {"source_ref": c.source_ref, "ordinal": c.ordinal, "command": c.command,
         "data": msgspec.json.decode(c.data), "occurred_at": c.occurred_at.isoformat()}
        for c in commands
    ]  # fmt: skip


def _send(stack: Stack, client: httpx.Client, service: Service, kind: str, number: int) -> Sent:
    """Import a case up to its first event of `kind`; or a whole one, and then a tick or a decree."""
    timeline = f"relay-{service.name}-{number}"
    own = kinds_of(service)[:-2]
    life = life_of(kind if kind in own else own[0], number)
    types = [event_type(service.models[command.command]) for command in life]
    some = life[: types.index(kind) + 1] if kind in own else life
    body = {"timeline": timeline, "commands": lines_of(some)}
    importer = bearer(stack, "importer")
    answer = client.post("/v1/imports", json=body, headers=importer).raise_for_status().json()
    assert answer["applied"] == len(some), answer
    if kind == TICK:
        as_of = (some[-1].occurred_at + timedelta(days=1)).isoformat()
        client.post("/v1/ticks", json={"timeline": timeline, "as_of": as_of}, headers=importer).raise_for_status()
        return Sent(timeline, len(some), TICK)
    if kind == DECREE:
        decree = CalendarDecreedV1(year=2027, version=timeline, holidays=[], makeup_workdays=[])
        office = bearer(stack, "office") | {"Content-Type": "application/json"}
        client.post("/v1/decrees", content=encode_json(decree), headers=office).raise_for_status()
        return Sent(timeline, len(some), DECREE)
    return Sent(timeline, len(some))


def _of(sent: Sent, events: Iterable[Event]) -> tuple[list[Event], list[Event]]:
    """(events of the case, ticks or decrees) that lie in a partition because of `sent`."""
    mine = [event for event in events if event.timeline == sent.timeline and event.type not in (TICK, DECREE)]
    for_all = [
        event for event in events
        if event.type == sent.broadcast and sent.timeline in (event.timeline, getattr(event.data, "version", None))
    ]  # fmt: skip
    return mine, for_all


def _missing(sent: Sent, found: dict[int, list[Event]]) -> list[str]:
    """What is not there, or stands before what it must follow, in words."""
    case: list[Event] = []
    wrong = []
    for partition, events in found.items():
        mine, for_all = _of(sent, events)
        case += mine
        if sent.broadcast and not for_all:
            wrong.append(f"no {sent.broadcast} of {sent.timeline} in {partition}")
        if sent.broadcast == TICK and mine and for_all and events.index(for_all[0]) < _last_first(mine, events):
            wrong.append(f"the tick of {sent.timeline} stands before what it covers")
    firsts = list(dict.fromkeys(event.sequence for event in case))
    if firsts != list(range(1, sent.events + 1)):
        wrong.append(f"{sent.timeline}: {firsts} in place of 1 to {sent.events}")
    return wrong


def _last_first(mine: list[Event], events: list[Event]) -> int:
    """Where the last event of a case is first seen: copies may stand anywhere."""
    return max(events.index(event) for event in {event.id: event for event in reversed(mine)}.values())


def _doubled(sent: Sent, found: dict[int, list[Event]]) -> list[str]:
    """What is there under a second id: a copy has the id of the first."""
    case: dict[int, set[str]] = {}
    wrong = []
    for partition, events in found.items():
        mine, for_all = _of(sent, events)
        for event in mine:
            case.setdefault(event.sequence, set()).add(event.id)
        if len({event.id for event in for_all}) > 1:
            wrong.append(f"{sent.broadcast} of {sent.timeline} in {partition} under two ids")
    return wrong + [f"{sent.timeline}: {n} has {len(ids)} ids" for n, ids in case.items() if len(ids) > 1]
