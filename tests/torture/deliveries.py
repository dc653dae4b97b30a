"""kill -9 at every named failpoint on the way from alerts.v1 to whoever reads the feed, aimed at every kind of alert.

Each kill has an alert of its own. In the end the board shows its newest version, the feed holds every version once, and
a stream that goes on where it was cut has delivered every entry once and in order.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import product
from typing import Any

import httpx
import msgspec

from deploy.embedded.stack import Stack
from services.contracts import alerts as contracts
from services.contracts.alerts import AlertV1
from services.contracts.registry import event_type
from services.shared.auth import create_key
from tests.support.alerts import T0, alert
from tests.support.processes_of_sources import bearer
from tests.support.seed_board import Board
from tests.support.stack import eventually
from tests.torture import PATIENCE
from tests.torture.failpoints import Cell, Outcome
from tests.torture.lives import Crew, Life
from tests.torture.scenes import TICK

OF_THE_INBOX = ("inbox.upsert.before", "inbox.upsert.after", "inbox.feed.after", "inbox.marks.after")
OF_A_STREAM = ("deliver.before", "deliver.after")
FAILPOINTS = (*OF_THE_INBOX, *OF_A_STREAM)
STATES = {"Raised": "open", "Escalated": "open", "Settled": "settled", "Corrected": "corrected"}
MODELS: dict[str, type[AlertV1]] = {
    event_type(model): model for name in STATES for model in [getattr(contracts, f"Alert{name}V1")]
}
_OF_TICKS = OF_THE_INBOX[-1]
_KILLED = -9


def cells() -> list[Cell]:
    """Each failpoint with each kind of alert, and the one that a tick passes too with ticks."""
    return [Cell(*pair) for pair in product(FAILPOINTS, (*MODELS, TICK)) if pair[1] != TICK or pair[0] == _OF_TICKS]


class Stream:
    """Reads the feed of one timeline over server-sent events, from life to life of the process that serves it."""

    def __init__(self, timeline: str) -> None:
        self.positions: list[int] = []
        self._timeline = timeline

    def read(self, served_by: Life, headers: dict[str, str], until: int) -> None:
        """Go on where the last stream ended until entry number `until` has come or the stream is cut."""
        if len(self.positions) >= until:
            return
        after = {"Last-Event-ID": str(self.positions[-1])} if self.positions else {}
        wanted = {"Accept": "text/event-stream"} | headers | after
        with (
            suppress(httpx.TransportError),
            httpx.stream(
                "GET", f"{served_by.url}/feed", params={"timeline": self._timeline}, headers=wanted, timeout=PATIENCE
            ) as answer,
        ):
            for position in _positions(answer):
                self.positions.append(position)
                if len(self.positions) >= until:
                    return


def play(
    stack: Stack, todo: Iterable[Cell], tell: Callable[[Outcome], None] = lambda _: None
) -> list[Outcome]:  # fmt: skip
    """One life of the inbox, or of the process that serves the feed, for each cell."""
    create_key(stack.plan.signing_key_file)
    board, office = Board(stack.brokers, stack.plan.partitions), bearer(stack, "office")
    played: list[tuple[list[AlertV1], Stream, Outcome]] = []
    with Crew(stack) as hands:

        def start(kind: str) -> Life:
            return hands.start(f"notifications-{kind}", kind, service="notifications").ready()

        inbox, server = start("consume"), start("serve")
        for number, cell in enumerate(todo):
            told, stream = _versions(cell.kind, number), Stream(f"delivery-{number}")
            of_a_stream = cell.failpoint in OF_A_STREAM
            doomed = server if of_a_stream else inbox
            for data in told[:-1]:
                board.put(data)
            board.flush()
            eventually(lambda: _feed(server, office, told[0].timeline) == len(told) - 1, PATIENCE)  # noqa: B023
            doomed.arm(f"{cell.failpoint}@{cell.kind}")
            board.put(told[-1])
            if cell.kind == TICK:
                board.tick(T0, told[0].timeline)
            board.flush()
            if of_a_stream:
                stream.read(server, office, until=len(told))
            met = doomed.process.wait(PATIENCE) == _KILLED
            played.append((told, stream, Outcome(cell, met, at_once=met)))
            doomed.kill()
            inbox, server = (inbox, start("serve")) if of_a_stream else (start("consume"), server)
            tell(played[-1][2])
        for told, stream, outcome in played:
            outcome.missing, outcome.unexpected = _compare(server, office, told, stream)
    return [outcome for _, _, outcome in played]


def _versions(kind: str, number: int) -> list[AlertV1]:
    """The versions of one alert, the last of them of `kind`; of a tick, an alert that is only raised."""
    raised = alert(f"case-{number}", timeline=f"delivery-{number}")
    model = MODELS.get(kind, type(raised))
    if model is type(raised):
        return [raised]
    fields = {name: getattr(raised, name) for name in raised.__struct_fields__}
    state = STATES[model.__name__.removeprefix("Alert").removesuffix("V1")]
    return [raised, model(**fields | {"version": 2, "state": state})]


def _feed(server: Life, office: dict[str, str], timeline: str) -> int:
    return len(_get(server, office, "/feed", timeline))


def _get(server: Life, office: dict[str, str], path: str, timeline: str) -> list[dict[str, Any]]:
    params: dict[str, Any] = {"timeline": timeline, "limit": 1000}
    answer = httpx.get(server.url + path, params=params, headers=office, timeout=PATIENCE).raise_for_status()
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def _compare(
    server: Life, office: dict[str, str], told: list[AlertV1], stream: Stream
) -> tuple[list[str], list[str]]:  # fmt: skip
    """(missing, unexpected) on the board, in the feed and in what was streamed, in words."""
    timeline, newest = told[0].timeline, told[-1]
    with suppress(AssertionError):
        eventually(lambda: _feed(server, office, timeline) >= len(told), PATIENCE)
    feed, shown = _get(server, office, "/feed", timeline), _get(server, office, "/v1/alerts", timeline)
    stream.read(server, office, until=len(told))
    versions, positions = [entry["version"] for entry in feed], [entry["position"] for entry in feed]
    missing = [f"{timeline} version {data.version}" for data in told if data.version not in versions]
    missing += [f"{timeline} position {at} was not delivered" for at in positions if at not in stream.positions]
    if [item["version"] for item in shown] != [newest.version]:
        missing.append(f"the board shows {shown} in place of version {newest.version} of {timeline}")
    unexpected = [] if len(versions) == len(set(versions)) else [f"{timeline}: versions {versions} in the feed"]
    if stream.positions != sorted(set(stream.positions)):
        unexpected.append(f"{timeline}: delivered {stream.positions}")
    return missing, unexpected


def _positions(answer: httpx.Response) -> Iterator[int]:
    for line in answer.iter_lines():
        if line.startswith("data: {"):
            yield int(msgspec.json.decode(line.removeprefix("data: "))["position"])
