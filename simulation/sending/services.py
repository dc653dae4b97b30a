"""Segments through the real services: POST /v1/imports and POST /v1/ticks, each case's commands in order."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from zlib import crc32

import httpx
import msgspec

from services.contracts.codec import encode_json
from simulation.stream import SERVICES, Command, Segment

BATCH = 2_000
LANES = 4
_LANE_WORTH = 250
_PATIENCE_SECONDS = 60.0


class Rejected(RuntimeError):
    """The services would not take a request, or could not be reached for a minute. The message says why."""


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A command that a service refused: which, and its reason."""

    source_ref: str
    ordinal: int
    detail: str


class Taken(msgspec.Struct, kw_only=True):
    """What became of the commands of a segment."""

    applied: int = 0
    repeated: int = 0
    refused: list[Refusal] = []


class ServicesSender:
    """Sends to the gateway at `base` under `token` (role importer). One segment at a time."""

    def __init__(self, client: httpx.AsyncClient, base: str, token: str, timeline: str) -> None:
        self._client, self._base, self._timeline = client, base.rstrip("/"), timeline
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    async def send(self, segment: Segment) -> Taken:
        """The segment's tick to all services, and its commands. Returns when every one has been answered.

        The commands of the segment before have been answered, so whatever is earlier than the tick stands in an
        outbox, and the relay publishes it before the tick. Raises Rejected.
        """
        taken = Taken()
        try:
            async with asyncio.TaskGroup() as group:
                for service in SERVICES.values():
                    group.create_task(self.tick(service.name, segment.as_of))
                for kind, lane in _lanes(segment.commands):
                    group.create_task(self._send_lane(SERVICES[kind].name, lane, taken))
        except* Rejected as failures:
            raise failures.exceptions[0] from None
        return taken

    async def tick(self, service: str, as_of: datetime) -> None:
        """Say to `service` that nothing of this timeline before `as_of` is still to come. Raises Rejected."""
        body = {"timeline": self._timeline, "as_of": as_of.astimezone(UTC)}
        await self.post(f"/{service}/v1/ticks", encode_json(body))

    async def _send_lane(self, service: str, lane: Sequence[Command], taken: Taken) -> None:
        for first in range(0, len(lane), BATCH):
            answer = await self.post(f"/{service}/v1/imports", self._body(lane[first : first + BATCH]))
            result = msgspec.json.decode(answer, type=Taken)
            taken.applied += result.applied
            taken.repeated += result.repeated
            taken.refused += result.refused

    def _body(self, commands: Sequence[Command]) -> bytes:
        fields = ("source_ref", "ordinal", "command", "occurred_at", "data")
        return encode_json(
            {"timeline": self._timeline, "commands": [{f: getattr(c, f) for f in fields} for c in commands]}
        )

    async def post(self, path: str, body: bytes) -> bytes:
        """The answer's body. What may pass (no connection, 429, 5xx) is tried again for a minute. Raises Rejected."""
        give_up = time.monotonic() + _PATIENCE_SECONDS
        pause = 0.2
        while True:
            try:
                answer = await self._client.post(self._base + path, content=body, headers=self._headers)
                if answer.is_success:
                    return answer.content
                why = f"{answer.status_code} {_detail(answer)}"
                passing = answer.status_code == 429 or answer.status_code >= 500
            except httpx.TransportError as error:
                why, passing = f"{type(error).__name__} {error}".strip(), True
            if not passing or time.monotonic() > give_up:
                raise Rejected(f"{path}: {why}")
            await asyncio.sleep(pause)
            pause = min(pause * 2, 5.0)


def _lanes(commands: Sequence[Command]) -> Iterator[tuple[str, list[Command]]]:
    """(kind, commands): a case is in one lane only, so that lanes may be sent at the same time."""
    width = max(1, min(LANES, len(commands) // _LANE_WORTH))
    lanes: defaultdict[tuple[str, int], list[Command]] = defaultdict(list)
    for command in commands:
        lanes[command.kind, crc32(command.source_ref.encode()) % width].append(command)
    for (kind, _), lane in lanes.items():
        yield kind, sorted(lane, key=lambda c: c.source_ref)


def _detail(answer: httpx.Response) -> str:
    try:
        problem: Any = answer.json()
    except ValueError:
        return answer.text[:200]
    if not isinstance(problem, dict):
        return str(problem)[:200]
    return str(problem.get("detail") or problem.get("title") or problem)[:300]
