"""Latency: from the instant at which an event was meant to be sent over HTTP to its alert on the feed's event stream.

Open loop: every latency counts from the intended instant, however late the server let the client send. One event in
five is the dispatch of a complaint whose deadline has passed already, which is an alert at once and waits for no tick;
the others are complaints being filed. The whole embedded stack, the client and the reader share the machine.
"""

import asyncio
from statistics import fmean
from typing import Any

from pymongo import MongoClient

from benchmarks.engine.hops import HOPS, Timed, timed
from benchmarks.engine.http import closed_loop, request
from benchmarks.engine.openloop import FILING, drive
from benchmarks.figures import Figure, Settings, figure
from benchmarks.report import say
from deploy.embedded.stack import Stack
from tests.support.processes_of_sources import bearer
from tests.support.stack import eventually, running_stack

RATES = (100, 300, 1000)
ONE_IN = 5
PARTS = ("kafka", "mongo", "gateway", "relay", "cases", "subjects", "notifications")
QUANTILES = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))


def run(settings: Settings) -> list[Figure]:
    """Quantiles and the hops' shares at each rate that the HTTP side can sustain, and at the highest that it can."""
    seconds = 5.0 if settings.quick else 20.0
    figures: list[Figure] = []
    with running_stack(settings.folder / "latency", PARTS) as stack:
        port = stack.plan.http_port
        load = closed_loop(port, lambda _: request("/complaints/v1/cases", FILING), 32, seconds / 2, 201)
        figures.append(figure("latency: most events/s over HTTP", "duban", "events/s", [load.rate]))
        for rate in _rates(load.rate):
            runs = [_once(stack, rate, seconds) for _ in range(settings.runs)]
            figures += _of(rate, runs)
    return figures


def _rates(most: float) -> list[int]:
    """The rates asked for up to 60 % of what a closed loop reached while the relay had to wait for the store; about
    that share itself in place of the others."""
    sustained = [rate for rate in RATES if rate <= 0.6 * most]
    if len(sustained) < len(RATES):
        highest = max(10, int(0.6 * most) // 10 * 10)
        say(f"latency: {most:.0f} events/s is all that HTTP and the document store take here: {highest}/s is the last")
        sustained += [highest] if highest not in sustained else []
    return sustained


def _once(stack: Stack, rate: int, seconds: float) -> list[Timed]:
    """Every alert of one run with its times. Raises RuntimeError when one does not come."""
    events = int(rate * seconds)
    office = bearer(stack, "office")
    with MongoClient[dict[str, Any]](stack.mongo) as client:
        complaints = client.duban_complaints.complaints

        def settle() -> None:
            eventually(lambda: complaints.count_documents({"pending.timeline": {"$gt": ""}}) == 0, 120, every=0.5)

        sent, arrived = asyncio.run(drive(stack.plan.http_port, office, rate, events, ONE_IN, settle))
    dispatched = [one for one in sent if one.case is not None]
    if missing := [one for one in dispatched if one.case not in arrived]:
        raise RuntimeError(f"{len(missing)} of {len(dispatched)} alerts did not come at {rate}/s")
    return timed(stack.brokers, dispatched, arrived)


def _of(rate: int, runs: list[list[Timed]]) -> list[Figure]:
    totals = [sorted(one.total for one in run) for run in runs]
    name = f"latency: HTTP to event stream, {rate}/s"
    found = [
        figure(f"{name}, {label}", "duban", "ms", [total[min(len(total) - 1, int(q * len(total)))] for total in totals])
        for label, q in QUANTILES
    ]
    for hop in HOPS:
        shares = [100 * fmean(one.hops[hop] for one in run) / fmean(one.total for one in run) for run in runs]
        found.append(figure(f"latency: share of {hop}, {rate}/s", "duban", "%", shares))
    return found
