"""Latency: from the instant at which an event was meant to be sent over HTTP to its alert on the feed's event stream.

Open loop: every latency counts from the intended instant, however late the server let the client send. One event in
five is the dispatch of a complaint whose deadline has passed already, which is an alert at once and waits for no tick;
the others are complaints being filed. They come one by one, as people file them, each with a receipt code of its own,
and in batches, as an agency's system reports them. The whole embedded stack, the client and the reader share the
machine.

The rates are tried in turn until one is not held: then the answers came ever later, latency would only tell how long
the run was, and what is told instead is the rate that was reached and which process took how much of a core.
"""

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import fmean
from typing import Any

import msgspec
from pymongo import MongoClient

from benchmarks.engine.hops import HOPS, Timed, timed
from benchmarks.engine.http import closed_loop, request
from benchmarks.engine.openloop import drive
from benchmarks.engine.shares import Shares
from benchmarks.engine.traffic import FILING, InBatches, OneByOne, Traffic
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
    """`name` of the traffic; `reached` in events/s; `late` in s: how long after its instant the last answer came;
    process -> `cores`."""

    name: str
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
            for kind in (_one_by_one, _in_batches):
                figures += _rates(stack, engine, kind, settings, seconds)
    return figures


def _rates(
    stack: Stack, engine: str, kind: Callable[[Stack, str], Traffic], settings: Settings, seconds: float
) -> list[Figure]:
    figures: list[Figure] = []
    for rate in RATES[:2] if settings.quick else RATES:
        done = [_once(stack, kind(stack, f"{rate}-{number}"), rate, seconds) for number in range(settings.runs)]
        name = f"{done[0].name}, {rate}/s"
        held = all(one.late <= HELD_SECONDS for one in done)
        figures += _of(name, engine, done) if held else []
        figures += _cores(name, engine, done)
        if not held:
            reached = min(one.reached for one in done)
            say(f"latency: {engine} does not hold {name} on this machine: {reached:.0f}/s was reached")
            break
    return figures


def _one_by_one(stack: Stack, _: str) -> Traffic:
    return OneByOne(stack.plan.http_port, bearer(stack, "office"))


def _in_batches(stack: Stack, number: str) -> Traffic:
    return InBatches(stack.plan.http_port, bearer(stack, "importer"), f"batches-{number}")


def _stores(folder: Path) -> Iterator[tuple[str, Path]]:
    """(name of the engine, folder of its stack), each while its store is the one that a new stack starts."""
    other = os.environ.pop(STORE_VARIABLE, None)
    yield "duban", folder / "latency"
    if other:
        os.environ[STORE_VARIABLE] = other
        yield f"duban on {Path(other).name}", folder / "latency-other"


def _once(stack: Stack, traffic: Traffic, rate: int, seconds: float) -> Run:
    """One run with the times of every alert. Raises RuntimeError when one does not come at a rate that was held."""
    events = int(rate * seconds)
    office, shares = bearer(stack, "office"), Shares(stack)
    with MongoClient[dict[str, Any]](stack.mongo) as client:
        complaints = client.duban_complaints.complaints

        def settle() -> None:
            eventually(lambda: complaints.count_documents({"pending.timeline": {"$gt": ""}}) == 0, 120, every=0.5)
            shares.begin()

        sent, arrived = asyncio.run(drive(traffic, stack.plan.http_port, office, rate, events, ONE_IN, settle))
    cores = shares.end()
    begun, ended, late = sent[0].intended, max(one.answered for one in sent), sent[-1].answered - sent[-1].intended
    dispatched = [one for one in sent if one.case in arrived]
    missing = -(-events // ONE_IN) - len(dispatched)
    if missing and late <= HELD_SECONDS:
        raise RuntimeError(f"{missing} of {missing + len(dispatched)} alerts did not come at {rate}/s")
    return Run(traffic.name, timed(stack.brokers, dispatched, arrived), events / (ended - begun), late, cores)


def _of(name: str, engine: str, runs: list[Run]) -> list[Figure]:
    totals = [sorted(one.total for one in run.times) for run in runs]
    found = []
    for label, q in QUANTILES:
        ms = [total[min(len(total) - 1, int(q * len(total)))] for total in totals]
        found.append(figure(f"latency: HTTP to event stream, {name}, {label}", engine, "ms", ms))
    for hop in HOPS:
        shares = [100 * fmean(one.hops[hop] for one in r.times) / fmean(one.total for one in r.times) for r in runs]
        found.append(figure(f"latency: share of {hop}, {name}", engine, "%", shares))
    return found


def _cores(name: str, engine: str, runs: list[Run]) -> list[Figure]:
    found = [figure(f"latency: reached of {name}", engine, "events/s", [run.reached for run in runs])]
    for process in runs[0].cores:
        cores = [100 * run.cores[process] for run in runs]
        found.append(figure(f"latency: CPU of {process}, {name}", engine, "% of a core", cores))
    return found
