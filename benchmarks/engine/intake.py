"""Intake: filing complaints over HTTP against an empty endpoint, and against the bare insert of the same document.

Every endpoint is its own uvicorn process with one worker and the services' settings, loaded by the same client in a
closed loop of the same connections; they take turns. Client, server and document store share the machine.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import msgspec
from pymongo import MongoClient

from benchmarks.engine.endpoints import inserter
from benchmarks.engine.http import closed_loop, request
from benchmarks.figures import Figure, Settings, figure
from deploy.embedded.plan import ROOT
from deploy.embedded.stack import Stack, free_ports
from tests.support.processes_of_sources import running
from tests.support.stack import eventually, running_stack

CONNECTIONS = 16
TEXT = "The window was closed at ten in the morning, and nobody could say when it would open. " * 3
EMPTY, BARE, OVER_HTTP, FILED, WITH_TEXT = (
    "empty endpoint", "bare insert", "bare insert over HTTP", "duban", "duban, with a text",
)  # fmt: skip


def run(settings: Settings) -> list[Figure]:
    """Requests a second of each, and the slowest hundredth of filings in ms."""
    seconds = 3.0 if settings.quick else 10.0
    rates: dict[str, list[float]] = {name: [] for name in (EMPTY, BARE, OVER_HTTP, FILED, WITH_TEXT)}
    slowest: list[float] = []
    with ExitStack() as stack:
        embedded = stack.enter_context(running_stack(settings.folder / "intake", ("mongo",)))
        service = stack.enter_context(running(embedded, "complaints", "serve"))
        closed_loop(service.port, _filing, CONNECTIONS, 0.5, 201)  # warm, and a document to copy
        empty, inserting = (stack.enter_context(_endpoint(embedded, name)) for name in ("empty", "insert"))
        client = stack.enter_context(MongoClient[dict[str, Any]](embedded.mongo))
        insert = inserter(client)
        for port in (empty, inserting):
            closed_loop(port, _filing, CONNECTIONS, 0.5, 201)
        for _ in range(settings.runs):
            rates[EMPTY].append(closed_loop(empty, _filing, CONNECTIONS, seconds, 201).rate)
            rates[BARE].append(_inserts(insert, seconds))
            rates[OVER_HTTP].append(closed_loop(inserting, _filing, CONNECTIONS, seconds, 201).rate)
            load = closed_loop(service.port, _filing, CONNECTIONS, seconds, 201)
            rates[FILED].append(load.rate)
            slowest.append(load.quantile(0.99) * 1000)
            rates[WITH_TEXT].append(closed_loop(service.port, _with_text, CONNECTIONS, seconds, 201).rate)
    title = f"intake: complaints filed, {CONNECTIONS} connections"
    peers = {name: figure(title, name, "requests/s", rates[name]) for name in (EMPTY, BARE, OVER_HTTP)}
    found = [figure(title, FILED, "requests/s", rates[FILED], peer) for peer in peers.values()]
    found.append(figure(title, WITH_TEXT, "requests/s", rates[WITH_TEXT], found[0]))
    return [*found, *peers.values(), figure(f"intake: p99, {CONNECTIONS} connections", FILED, "ms", slowest)]


def _filing(number: int) -> bytes:
    return request("/v1/cases", msgspec.json.encode(_complaint(number)))


def _with_text(number: int) -> bytes:
    return request("/v1/cases", msgspec.json.encode({**_complaint(number), "text": f"{number}: {TEXT}"}))


def _complaint(number: int) -> dict[str, str]:
    return {"channel": "website", "offence": "delay", "agency": "finance", "enterprise": f"enterprise-{number % 500}"}


def _inserts(insert: Any, seconds: float) -> float:
    """Inserts a second of as many threads as the others have connections, in this process."""
    begun = time.perf_counter()

    def one(_: int) -> int:
        done = 0
        while time.perf_counter() < begun + seconds:
            insert()
            done += 1
        return done

    with ThreadPoolExecutor(CONNECTIONS) as threads:
        done = sum(threads.map(one, range(CONNECTIONS)))
    return done / (time.perf_counter() - begun)


@contextmanager
def _endpoint(stack: Stack, name: str) -> Iterator[int]:
    """The port of an endpoint in its own process."""
    (port,) = free_ports(1)
    log = (stack.data / "logs" / f"endpoint-{name}.log").open("ab")
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.engine.endpoints", name, str(port)], cwd=ROOT, stdout=log,
        stderr=subprocess.STDOUT, env=os.environ | stack.environment,
    )  # fmt: skip
    try:
        eventually(lambda: _listens(port), 30)
        yield port
    finally:
        process.kill()
        process.wait()
        log.close()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
