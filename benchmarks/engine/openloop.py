"""Sends events at a fixed rate whatever the server does, and reads the event stream at the same time."""

import asyncio
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import httpx
import msgspec

from benchmarks.engine.hops import Alert
from benchmarks.engine.http import Connection, request

FILING = msgspec.json.encode({"channel": "website", "offence": "delay", "agency": "finance"})
CONNECTIONS = 64
PATIENCE_SECONDS = 60.0


class Sent(msgspec.Struct):
    """When an event was meant to be sent and when its answer had come, in seconds since the epoch."""

    case: str | None  # of a dispatch whose deadline has passed
    intended: float
    answered: float = 0.0


async def drive(
    port: int, office: dict[str, str], rate: int, events: int, one_in: int, settle: Callable[[], object]
) -> tuple[list[Sent], dict[str, Alert]]:
    """Send `events` at `rate`; every event with its times, and every alert by its case. `settle` waits until
    the complaints that are made for it have gone their way."""
    cases = await _prepare(port, office, -(-events // one_in))
    await asyncio.to_thread(settle)
    arrived: dict[str, Alert] = {}
    reading = asyncio.Event()
    reader = asyncio.create_task(_read(port, office, set(cases), arrived, reading))
    await asyncio.wait_for(reading.wait(), PATIENCE_SECONDS)
    begun = time.time() + 0.2
    plan = [
        Sent(cases[n // one_in] if n % one_in == 0 else None, begun + n / rate) for n in range(events)
    ]  # fmt: skip
    pending = iter(plan)
    async with asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(_send(port, office, pending))
    await asyncio.wait({reader}, timeout=PATIENCE_SECONDS)
    if not reader.done():
        reader.cancel()
    elif error := reader.exception():
        raise error
    return plan, arrived


async def _send(port: int, office: dict[str, str], pending: Iterator[Sent]) -> None:
    """Take the next event, wait for its instant if that is still to come, send it."""
    async with Connection(port) as connection:
        for one in pending:
            await asyncio.sleep(max(0.0, one.intended - time.time()))
            if one.case is None:
                raw, expected = request("/complaints/v1/cases", FILING), 201
            else:
                due_at = datetime.now(UTC) - timedelta(hours=1)
                body = msgspec.json.encode({"agency": "finance", "section": "non-tax", "due_at": due_at})
                raw, expected = request(f"/complaints/v1/cases/{one.case}/dispatch", body, office), 200
            status, answer = await connection.send(raw)
            one.answered = time.time()
            if status != expected:
                raise RuntimeError(f"answered {status}: {answer[:300]!r}")


async def _prepare(port: int, office: dict[str, str], count: int) -> list[str]:
    """The ids of `count` complaints, filed and accepted."""
    found: list[str] = []
    numbers = iter(range(count))

    async def some() -> None:
        async with Connection(port) as connection:
            for _ in numbers:
                status, answer = await connection.send(request("/complaints/v1/cases", FILING))
                case = msgspec.json.decode(answer)["case_id"]
                accepted, _ = await connection.send(request(f"/complaints/v1/cases/{case}/accept", b"{}", office))
                if (status, accepted) != (201, 200):
                    raise RuntimeError(f"filing answered {status}, accepting {accepted}")
                found.append(case)

    async with asyncio.TaskGroup() as group:
        for _ in range(16):
            group.create_task(some())
    return found


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
