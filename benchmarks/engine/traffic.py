"""What is sent over HTTP while latency is measured: by people one by one, or by an agency's system in batches."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import groupby
from typing import Any, Protocol

import msgspec

from benchmarks.engine.http import Connection, request
from services.contracts.identifiers import case_id

FILED = {"channel": "website", "offence": "delay", "agency": "finance"}
FILING = msgspec.json.encode(FILED)
WINDOW_SECONDS = 0.05  # what an agency's system sends at once
AT_ONCE = 500


class Sent(msgspec.Struct):
    """When an event was meant to be sent and when its answer had come, in seconds since the epoch."""

    case: str | None  # of a dispatch whose deadline has passed
    intended: float
    answered: float = 0.0


class Load(msgspec.Struct):
    """One request, made at its instant `at`, and the events it carries."""

    at: float
    events: list[Sent]
    request: Callable[[], bytes]
    expected: int


class Traffic(Protocol):
    """`name` is that of its figures."""

    name: str

    async def prepare(self, count: int) -> list[str]:
        """The ids of `count` complaints, filed and accepted."""

    def loads(self, plan: list[Sent]) -> Iterator[Load]:
        """The requests of a plan, in order: complaints being filed, and dispatches whose deadline has passed."""


class OneByOne:
    """Every event a request: each filing gets a receipt code of its own."""

    name = "one by one"

    def __init__(self, port: int, office: dict[str, str]) -> None:
        self._port, self._office = port, office

    async def prepare(self, count: int) -> list[str]:
        found: list[str] = []
        numbers = iter(range(count))

        async def some() -> None:
            async with Connection(self._port) as connection:
                for _ in numbers:
                    status, answer = await connection.send(request("/complaints/v1/cases", FILING))
                    case = msgspec.json.decode(answer)["case_id"]
                    path = f"/complaints/v1/cases/{case}/accept"
                    accepted, _ = await connection.send(request(path, b"{}", self._office))
                    if (status, accepted) != (201, 200):
                        raise RuntimeError(f"filing answered {status}, accepting {accepted}")
                    found.append(case)

        async with asyncio.TaskGroup() as group:
            for _ in range(16):
                group.create_task(some())
        return found

    def loads(self, plan: list[Sent]) -> Iterator[Load]:
        for one in plan:
            if one.case is None:
                yield Load(one.intended, [one], partial(request, "/complaints/v1/cases", FILING), 201)
            else:
                yield Load(one.intended, [one], partial(self._dispatch, one.case), 200)

    def _dispatch(self, case: str) -> bytes:
        return request(f"/complaints/v1/cases/{case}/dispatch", msgspec.json.encode(_dispatched()), self._office)


class InBatches:
    """What comes up within WINDOW_SECONDS goes in one request at the window's end, on a timeline of its own."""

    name = "in batches"

    def __init__(self, port: int, importer: dict[str, str], timeline: str) -> None:
        self._port, self._importer, self._timeline = port, importer, timeline
        self._refs: dict[str, str] = {}

    async def prepare(self, count: int) -> list[str]:
        refs = [f"prepared-{number}" for number in range(count)]
        self._refs = {case_id("complaint", self._timeline, ref): ref for ref in refs}
        async with Connection(self._port) as connection:
            for at in range(0, count, AT_ONCE):
                lines = [line for ref in refs[at : at + AT_ONCE] for line in (_line(ref, 1), _line(ref, 2))]
                status, answer = await connection.send(self._request(lines))
                if status != 200 or msgspec.json.decode(answer)["refused"]:
                    raise RuntimeError(f"answered {status}: {answer[:300]!r}")
        return list(self._refs)

    def loads(self, plan: list[Sent]) -> Iterator[Load]:
        begun, first = plan[0].intended, 0
        for window, group in groupby(plan, lambda one: int((one.intended - begun) / WINDOW_SECONDS)):
            some = list(group)
            yield Load(begun + (window + 1) * WINDOW_SECONDS, some, partial(self._batch, some, first), 200)
            first += len(some)

    def _batch(self, some: list[Sent], first: int) -> bytes:
        return self._request([
            _line(f"new-{first + n}", 1) if one.case is None else _line(self._refs[one.case], 3)
            for n, one in enumerate(some)
        ])  # fmt: skip

    def _request(self, lines: list[dict[str, Any]]) -> bytes:
        body = msgspec.json.encode({"timeline": self._timeline, "commands": lines})
        return request("/complaints/v1/imports", body, self._importer)


def _line(ref: str, ordinal: int) -> dict[str, Any]:
    """Line 1 of a case files it, 2 accepts it, 3 dispatches it too late."""
    command, data = (("file", {**FILED, "source_ref": ref}), ("accept", {}), ("dispatch", _dispatched()))[ordinal - 1]
    now = datetime.now(UTC)
    return {"source_ref": ref, "ordinal": ordinal, "command": command, "occurred_at": now, "data": data}


def _dispatched() -> dict[str, Any]:
    return {"agency": "finance", "section": "non-tax", "due_at": datetime.now(UTC) - timedelta(hours=1)}
