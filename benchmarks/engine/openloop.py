"""Sends events at a fixed rate whatever the server does, and reads the event stream at the same time."""

import asyncio
import time
from collections.abc import Callable, Iterator

import httpx
import msgspec

from benchmarks.engine.hops import Alert
from benchmarks.engine.http import Connection
from benchmarks.engine.traffic import Load, Sent, Traffic

CONNECTIONS = 64
PATIENCE_SECONDS = 60.0


async def drive(
    traffic: Traffic, port: int, office: dict[str, str], rate: int, events: int, one_in: int,
    settle: Callable[[], object],
) -> tuple[list[Sent], dict[str, Alert]]:  # fmt: skip
    """Send `events` at `rate`; every event with its times, and every alert by its case. `settle` waits until
    the complaints that are made for it have gone their way."""
    cases = await traffic.prepare(-(-events // one_in))
    await asyncio.to_thread(settle)
    arrived: dict[str, Alert] = {}
    reading = asyncio.Event()
    reader = asyncio.create_task(_read(port, office, set(cases), arrived, reading))
    await asyncio.wait_for(reading.wait(), PATIENCE_SECONDS)
    begun = time.time() + 0.2
    plan = [
        Sent(cases[n // one_in] if n % one_in == 0 else None, begun + n / rate) for n in range(events)
    ]  # fmt: skip
    pending = traffic.loads(plan)
    async with asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(_send(port, pending))
    await asyncio.wait({reader}, timeout=PATIENCE_SECONDS)
    if not reader.done():
        reader.cancel()
    elif error := reader.exception():
        raise error
    return plan, arrived


async def _send(port: int, pending: Iterator[Load]) -> None:
    """Take the next request, wait for its instant if that is still to come, send it."""
    async with Connection(port) as connection:
        for load in pending:
            await asyncio.sleep(max(0.0, load.at - time.time()))
            status, answer = await connection.send(load.request())
            now = time.time()
            for one in load.events:
                one.answered = now
            if status != load.expected or b'"refused":[{' in answer:
                raise RuntimeError(f"answered {status}: {answer[:300]!r}")


async def _read(
    port: int, office: dict[str, str], wanted: set[str], arrived: dict[str, Alert], reading: asyncio.Event
) -> None:
    """Note when each alert of `wanted` comes, until all have."""
    headers = office | {"Accept": "text/event-stream"}
    async with (
        httpx.AsyncClient(timeout=httpx.Timeout(10, read=PATIENCE_SECONDS)) as client,
        client.stream("GET", f"http://127.0.0.1:{port}/feed", headers=headers) as stream,
    ):
        stream.raise_for_status()
        reading.set()
        async for line in stream.aiter_lines():
            if line.startswith("data:"):
                now, alert = time.time(), msgspec.json.decode(line[5:], type=Alert)
                if alert.case_ref in wanted and alert.case_ref not in arrived:
                    alert.arrived = now
                    arrived[alert.case_ref] = alert
                    if len(arrived) == len(wanted):
                        return
