"""Segments through the real services: POST /v1/imports and POST /v1/ticks, each case's commands in order."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from zlib import crc32

import msgspec

from services.contracts.codec import encode_json
from simulation.sending.transport import Rejected, Transport
from simulation.stream import SERVICES, Command, Segment

BATCH = 2_000
LANES = 4
_LANE_WORTH = 250


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
    """Sends one segment at a time under a token of the role importer."""

    def __init__(self, transport: Transport, timeline: str) -> None:
        self._transport, self._timeline = transport, timeline

    async def send(self, segment: Segment) -> Taken:
        """The segment's tick to all services, and its commands. Returns when every one has been answered.

        The commands of the segment before have been answered, so whatever is earlier than the tick stands in an
        outbox, and the relay publishes it before the tick. Raises Rejected.
        """
        taken = Taken()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(send_ticks(self._transport, self._timeline, segment.as_of))
                for kind, lane in _lanes(segment.commands):
                    group.create_task(self._send_lane(SERVICES[kind].name, lane, taken))
        except* Rejected as failures:
            raise first_of(failures) from None
        return taken

    async def _send_lane(self, service: str, lane: Sequence[Command], taken: Taken) -> None:
        for first in range(0, len(lane), BATCH):
            body = _body(self._timeline, lane[first : first + BATCH])
            answer = await self._transport.post(f"/{service}/v1/imports", body)
            result = msgspec.json.decode(answer, type=Taken)
            taken.applied += result.applied
            taken.repeated += result.repeated
            taken.refused += result.refused


async def send_ticks(transport: Transport, timeline: str, as_of: datetime) -> None:
    """Say to every service that nothing of `timeline` before `as_of` is still to come. Raises Rejected."""
    body = encode_json({"timeline": timeline, "as_of": as_of.astimezone(UTC)})
    try:
        async with asyncio.TaskGroup() as group:
            for service in SERVICES.values():
                group.create_task(transport.post(f"/{service.name}/v1/ticks", body))
    except* Rejected as failures:
        raise first_of(failures) from None


def first_of(failures: BaseExceptionGroup[Rejected]) -> Rejected:
    """The first rejection of a group, however deep."""
    inner = failures.exceptions[0]
    return first_of(inner) if isinstance(inner, BaseExceptionGroup) else inner


def _lanes(commands: Sequence[Command]) -> Iterator[tuple[str, list[Command]]]:
    """(kind, commands): a case is in one lane only, so that lanes may be sent at the same time."""
    width = max(1, min(LANES, len(commands) // _LANE_WORTH))
    lanes: defaultdict[tuple[str, int], list[Command]] = defaultdict(list)
    for command in commands:
        lanes[command.kind, crc32(command.source_ref.encode()) % width].append(command)
    for (kind, _), lane in lanes.items():
        yield kind, sorted(lane, key=lambda c: c.source_ref)


def _body(timeline: str, commands: Sequence[Command]) -> bytes:
    fields = ("source_ref", "ordinal", "command", "occurred_at", "data")
    return encode_json({"timeline": timeline, "commands": [{f: getattr(c, f) for f in fields} for c in commands]})
