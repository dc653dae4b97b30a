"""Latency: from the instant at which an event was meant to be sent over HTTP to its alert on the feed's event stream.

Open loop: every latency counts from the intended instant, however late the server let the client send. One event in
five is the dispatch of a complaint whose deadline has passed already, which is an alert at once and waits for no tick;
the others are complaints being filed. The whole embedded stack, the client and the reader share the machine.

The rates are tried in turn until one is not held: then the answers came ever later, latency would only tell how long
the run was, and what is told instead is the rate that was reached and which process took how much of a core.
"""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean
from typing import Any

import msgspec
from pymongo import MongoClient

from benchmarks.engine.hops import HOPS, Timed, timed
from benchmarks.engine.http import closed_loop, request
from benchmarks.engine.openloop import FILING, drive
from benchmarks.engine.shares import Shares
from benchmarks.figures import Figure, Settings, figure
from benchmarks.report import say
from deploy.embedded.plan import STORE_VARIABLE
from deploy.embedded.stack import Stack
from tests.support.processes_of_sources import bearer
from tests.support.stack import eventually, running_stack

RATES = (100, 300, 1000)
ONE_IN = 5
HELD_SECONDS = 1.0  # of lateness at the end
PARTS = ("kafka", "mongo", "gateway", "relay", "cases", "subjects", "notifications")
QUANTILES = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))


class Run(msgspec.Struct):
    """`reached` in events/s; `late` in s: how long after its instant the last answer came; process -> `cores`."""

    times: list[Timed]
    reached: float
    late: float
    cores: dict[str, float]


def run(settings: Settings) -> list[Figure]:
    """At each rate: quantiles and the hops' shares, or, at the first that is not held, what was reached. On the
    stand-in of the embedded stack, and on the other store too where DUBAN_EMBEDDED_STORE names one."""
    seconds = 5.0 if settings.quick else 20.0
    figures: list[Figure] = []
    for engine, folder in _stores(settings.folder):
        with running_stack(folder, PARTS) as stack:
            port = stack.plan.http_port
            load = closed_loop(port, lambda _: request("/complaints/v1/cases", FILING), 32, seconds / 2, 201)
            figures.append(figure("latency: most filings/s over HTTP", engine, "events/s", [load.rate]))
            for rate in RATES:
                runs = [_once(stack, rate, seconds) for _ in range(settings.runs)]
                held = all(one.late <= HELD_SECONDS for one in runs)
                figures += _of(rate, engine, runs) if held else []
                figures += _cores(rate, engine, runs)
                if not held:
                    reached = min(one.reached for one in runs)
                    say(f"latency: {engine} does not hold {rate} events/s on this machine: {reached:.0f}/s was reached")
                    break
    return figures


def _stores(folder: Path) -> Iterator[tuple[str, Path]]:
    """(name of the engine, folder of its stack), each while its store is the one that a new stack starts."""
    other = os.environ.pop(STORE_VARIABLE, None)
    yield "duban", folder / "latency"
    if other:
        os.environ[STORE_VARIABLE] = other
        yield f"duban on {Path(other).name}", folder / "latency-other"


def _once(stack: Stack, rate: int, seconds: float) -> Run:
    """One run with the times of every alert. Raises RuntimeError when one does not come at a rate that was held."""
    events = int(rate * seconds)
    office, shares = bearer(stack, "office"), Shares(stack)
    with MongoClient[dict[str, Any]](stack.mongo) as client:
        complaints = client.duban_complaints.complaints

        def settle() -> None:
            eventually(lambda: complaints.count_documents({"pending.timeline": {"$gt": ""}}) == 0, 120, every=0.5)
            shares.begin()

        sent, arrived = asyncio.run(drive(stack.plan.http_port, office, rate, events, ONE_IN, settle))
    cores = shares.end()
    begun, ended, late = sent[0].intended, max(one.answered for one in sent), sent[-1].answered - sent[-1].intended
    dispatched = [one for one in sent if one.case in arrived]
    missing = -(-events // ONE_IN) - len(dispatched)
    if missing and late <= HELD_SECONDS:
        raise RuntimeError(f"{missing} of {missing + len(dispatched)} alerts did not come at {rate}/s")
    return Run(timed(stack.brokers, dispatched, arrived), events / (ended - begun), late, cores)


def _of(rate: int, engine: str, runs: list[Run]) -> list[Figure]:
    totals = [sorted(one.total for one in run.times) for run in runs]
    name = f"latency: HTTP to event stream, {rate}/s"
    found = [
        figure(f"{name}, {label}", engine, "ms", [total[min(len(total) - 1, int(q * len(total)))] for total in totals])
        for label, q in QUANTILES
    ]
    for hop in HOPS:
        shares = [100 * fmean(one.hops[hop] for one in r.times) / fmean(one.total for one in r.times) for r in runs]
        found.append(figure(f"latency: share of {hop}, {rate}/s", engine, "%", shares))
    return found


def _cores(rate: int, engine: str, runs: list[Run]) -> list[Figure]:
    found = [figure(f"latency: reached of {rate}/s", engine, "events/s", [run.reached for run in runs])]
    for process in runs[0].cores:
        cores = [100 * run.cores[process] for run in runs]
        found.append(figure(f"latency: CPU of {process}, {rate}/s", engine, "% of a core", cores))
    return found
