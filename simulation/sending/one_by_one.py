"""A town's commands as single requests, the way people's programs send them: the demo's load on the real services."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Sequence

import msgspec

from services.contracts.codec import encode_json
from services.contracts.identifiers import case_id, name_of
from simulation.city.generate import Town
from simulation.sending.services import first_of, send_ticks
from simulation.sending.transport import Rejected, Transport
from simulation.stream import SERVICES, Command

CONCURRENT = 12


async def publish_items(transport: Transport, town: Town) -> None:
    """Put the city's catalogue of powers on record, under a token of the role office. Raises Rejected."""
    for item in town.city.items:
        body = {name: value for name, value in msgspec.structs.asdict(item).items() if name != "code"}
        await transport.post(f"/approvals/v1/items/{item.code}", encode_json(body), method="PUT")


class OneByOne:
    """Runs a town: cases at the same time, each case's commands in order, half-days one after another."""

    def __init__(self, transport: Transport, town: Town) -> None:
        self._transport, self._town = transport, town
        self._free = asyncio.Semaphore(CONCURRENT)
        self.sent = 0

    async def run(self, tell: Callable[[int], None], days_a_second: float = 0.0) -> None:
        """Send everything; `tell` hears how many half-days are done. 0 days a second: as fast as it goes.

        Commands have the same Idempotency-Key in every run, so a town that is sent again changes nothing. Raises
        Rejected.
        """
        begun = time.monotonic()
        for segment in self._town.segments():
            if days_a_second:
                virtual = (segment.as_of - self._town.first).total_seconds() / 86_400
                await asyncio.sleep(max(0.0, begun + virtual / days_a_second - time.monotonic()))
            cases: defaultdict[str, list[Command]] = defaultdict(list)
            for command in segment.commands:
                cases[command.source_ref].append(command)
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(send_ticks(self._transport, self._town.timeline, segment.as_of))
                    for commands in cases.values():
                        group.create_task(self._case(commands))
            except* Rejected as failures:
                raise first_of(failures) from None
            tell(segment.index + 1)

    async def _case(self, commands: Sequence[Command]) -> None:
        for command in commands:
            async with self._free:
                await self._send(command)
            self.sent += 1

    async def _send(self, command: Command) -> None:
        service = SERVICES[command.kind]
        case = case_id(command.kind, self._town.timeline, command.source_ref)
        step = "" if command.command == service.opening else f"/{case}/{command.command}"
        await self._transport.post(
            f"/{service.name}/v1/cases{step}",
            bytes(command.data),
            {
                "Duban-Timeline": self._town.timeline,
                "Duban-Occurred-At": command.occurred_at.isoformat(),
                "Idempotency-Key": name_of("command", self._town.timeline, case, command.ordinal),
            },
        )
