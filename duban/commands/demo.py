"""`duban demo`: the generated city through the real services on the embedded stack, then the board, and how it went."""

import asyncio
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import httpx
import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from deploy.embedded.plan import Refused
from deploy.embedded.stack import Stack, StartFailed
from duban import context
from duban.context import DataOption, fail
from services.shared.settings import Settings
from simulation.city import generate
from simulation.comparison import as_expected, difference
from simulation.oracle import Expected, expected
from simulation.sending.board import Board, Incomplete
from simulation.sending.one_by_one import OneByOne, publish_items
from simulation.sending.transport import Rejected, Transport

_TOKEN_SECONDS = 12 * 3600
_TICKET_SECONDS = 3600
_HTTP_SECONDS = 60.0
_SHOWN = 20
_ACCOUNTS = ("clerk", "agency", "head", "supervisor", "leader")
_console = Console()


class Outcome(msgspec.Struct, kw_only=True):
    """How a run went: counts, seconds, the exact latency from the notifications service, and both differences."""

    commands: int
    seconds: float
    rules: Counter[str]
    latency: dict[str, Any]
    missing: list[Expected]
    unexpected: list[Expected]
    expected: int

    @property
    def equal(self) -> bool:
        return not self.missing and not self.unexpected


def register(app: typer.Typer) -> None:
    """Add `demo` to the `duban` command."""
    app.command(epilog="Example: duban demo --once --seed 11")(demo)


def demo(
    once: Annotated[bool, typer.Option("--once", help="End by itself; exit 0 if the alerts are the oracle's.")] = False,
    days: Annotated[int, typer.Option(min=1, max=300, help="Virtual days of the city.")] = generate.DAYS,
    seed: Annotated[int, typer.Option(help="Which city: the same seed gives the same one.")] = generate.SEED,
    scale: Annotated[float, typer.Option(min=0.1, max=100, help="How many times more cases arrive.")] = generate.SCALE,
    speed: Annotated[
        float, typer.Option(min=0, help="Virtual days a second; 0 is as fast as the services take it.")
    ] = 0,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds to wait for the board at the end.")] = 300,
    data: DataOption = context.DEFAULT_DATA,
    http_port: Annotated[int, typer.Option("--http-port", "--port", help="The board and the services.")] = 8080,
    kafka_port: Annotated[int, typer.Option(help="The first broker.")] = 19092,
    mongo_port: Annotated[int, typer.Option(help="The document store.")] = 27217,
    metrics_port: Annotated[int, typer.Option(help="First port of the workers' metrics.")] = 9101,
) -> None:  # fmt: skip
    """Run the generated city through the real services, show the board, and serve until Ctrl-C.

    Its alerts are compared with those that the simulator's own oracle computes without any supervision code.
    """
    ports = {"http_port": http_port, "kafka_port": kafka_port, "mongo_port": mongo_port, "metrics_port": metrics_port}
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with _stack(data, ports) as (stack, started):
            info = context.load(data)
            policies = stack.plan.policies
            town = generate.generate(policies, seed, days, scale)
            _tell_where(info, town.timeline)
            outcome = asyncio.run(_run(info, town, policies, speed, timeout))
            _print(town, outcome)
            if not once:
                _serve(info, town, started)
    except (KeyboardInterrupt, asyncio.CancelledError):
        if once:
            fail("stopped before the end", 130)
        return
    except Incomplete as error:
        fail(f"{error} after {timeout:.0f} s: see `duban status --data {data}`, or give more with --timeout", 1)
    except (Rejected, httpx.HTTPError) as error:
        fail(f"{error}: see the logs in {data / 'logs'}", 1)
    if not outcome.equal:
        raise typer.Exit(1)


@contextmanager
def _stack(data: Path, ports: dict[str, Any]) -> Iterator[tuple[Stack, bool]]:
    """The stack of the data folder, and whether it was started here; then it is stopped at the end as well."""
    try:
        stack = Stack(data, attached=True, **ports)
        with _console.status("starting the stack") as spinner:
            started = stack.start(lambda detail: spinner.update(f"starting the stack: {detail}"))
    except Refused as error:
        fail(str(error))
    except StartFailed as error:
        fail(str(error), 1)
    try:
        yield stack, started
    finally:
        if started:
            with _console.status("stopping the stack"):
                stack.stop()


def _tell_where(stack: context.StackInfo, timeline: str) -> None:
    """Where the city can be looked at, and under which accounts. One sign-in holds for board and desk."""
    desk = f"{Settings().desk_url}/work"
    _console.print(f"board: {_sign_in_link(stack, '/', timeline)}", style="bold", soft_wrap=True)
    _console.print(f"desk: {_sign_in_link(stack, desk, timeline)}", style="bold", soft_wrap=True)
    _console.print(
        f"these links sign in as office; other accounts ({', '.join(_ACCOUNTS)}) sign in at {stack.http}{desk}"
        f"?timeline={timeline} with the passwords in {stack.data / 'users.txt'}", soft_wrap=True,
    )  # fmt: skip


def _sign_in_link(stack: context.StackInfo, page: str, timeline: str) -> str:
    ticket = stack.token("office", ttl_seconds=_TICKET_SECONDS, ticket=True)
    return f"{stack.http}/sign-in?ticket={ticket}&next={quote(f'{page}?timeline={timeline}', safe='')}"


async def _run(stack: context.StackInfo, town: generate.Town, policies: Path, speed: float, patience: float) -> Outcome:
    token = stack.token("importer", ttl_seconds=_TOKEN_SECONDS)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[shown]}"), TimeElapsedColumn())
    limits = httpx.Limits(max_connections=24)
    async with httpx.AsyncClient(timeout=_HTTP_SECONDS, limits=limits) as client:
        office = Transport(client, stack.http, stack.token("office"))
        await publish_items(office, town)
        runner = OneByOne(Transport(client, stack.http, token), town)
        board = Board(client, stack.http, token, town.timeline)
        halves = len(list(town.segments()))
        with Progress(*columns, console=_console, disable=not sys.stdout.isatty()) as bars:
            bar = bars.add_task(f"{town.timeline} through the services", total=halves, shown="")

            def tell(done: int) -> None:
                bars.update(bar, completed=done, shown=f"{runner.sent} of {len(town.commands)} commands")

            begun = time.monotonic()
            await runner.run(tell, speed)
            folded = bars.add_task("the board follows", total=(town.end - town.first).days, shown="")
            await board.wait_complete(
                town.end, patience,
                lambda at: bars.update(folded, completed=max(0, (at - town.first).days), shown=f"{at:%Y-%m-%d}"),
            )  # fmt: skip
            seconds = time.monotonic() - begun
        alerts = [alert async for alert in board.alerts()]
        wanted = expected(town.commands, policies, town.end)
        missing, unexpected = difference([as_expected(alert) for alert in alerts], wanted)
        return Outcome(
            commands=runner.sent, seconds=seconds, rules=Counter(alert["rule"] for alert in alerts),
            latency=await board.latency(), missing=missing, unexpected=unexpected, expected=len(wanted),
        )  # fmt: skip


def _print(town: generate.Town, outcome: Outcome) -> None:
    table = Table(title=f"{town.timeline}: {town.first:%Y-%m-%d} to {town.end:%Y-%m-%d}", show_header=False)
    for kind, count in sorted(Counter(c.kind for c in town.commands if c.ordinal == 1).items()):
        table.add_row(f"{kind}s", f"{count:,}")
    table.add_section()
    for rule, count in sorted(outcome.rules.items()):
        table.add_row(f"alerts: {rule}", f"{count:,}")
    table.add_section()
    latency = outcome.latency
    if latency.get("count"):
        table.add_row("event to alert, p50", f"{latency['p50_ms']:,.0f} ms")
        table.add_row("event to alert, p99", f"{latency['p99_ms']:,.0f} ms")
    table.add_row("events", f"{outcome.commands:,} in {outcome.seconds:.1f} s")
    table.add_row("events/s", f"{outcome.commands / outcome.seconds:,.0f}")
    _console.print(table)
    if outcome.equal:
        _console.print(f"the oracle's {outcome.expected} alerts, and no other", style="green")
        return
    for name, alerts in (("missing", outcome.missing), ("unexpected", outcome.unexpected)):
        _console.print(f"{len(alerts)} alerts {name}", style="red")
        for alert in alerts[:_SHOWN]:
            _console.print(
                f"  {alert.rule} {alert.subject} {alert.clock} {alert.at.isoformat()} {alert.state} {alert.severity} "
                f"{alert.agency}", soft_wrap=True,
            )  # fmt: skip


def _serve(stack: context.StackInfo, town: generate.Town, started: bool) -> None:
    end = "Ctrl-C stops it" if started else "Ctrl-C leaves it running, as it was"
    _console.print(f"serving at {stack.http}: {end}", soft_wrap=True)
    _tell_where(stack, town.timeline)
    threading.Event().wait()
