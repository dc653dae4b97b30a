"""`duban import wabo|xes|boston311`: real logs into the running stack, resumable, with a report of unreadable rows."""

import asyncio
import json
import re
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import httpx
import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from duban import context
from duban.context import DataOption, fail
from services.contracts.topics import SOURCE_TOPICS
from simulation.importers import boston311, wabo, xes
from simulation.importers.common import ImportedLog, NotThisForm, Report, Unreadable, digest
from simulation.sending import importing, state
from simulation.sending.board import Board, Incomplete
from simulation.sending.direct import DirectSender, Undelivered
from simulation.sending.services import Refusal, ServicesSender
from simulation.sending.transport import Rejected, Transport
from simulation.stream import Segment, daily_segments

_TOKEN_SECONDS = 24 * 3600
_HTTP_SECONDS = 120.0
_errors = Console(stderr=True)

FileArgument = Annotated[Path, typer.Argument(help="The log, plain or gzip.", show_default=False)]
DirectOption = Annotated[bool, typer.Option("--direct", help="Straight to the topics, past the services.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object.")]
WaitOption = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until the board is complete.")]
TimeoutOption = Annotated[float, typer.Option("--timeout", min=1, help="Seconds to wait for the board.")]
ReportOption = Annotated[
    Path | None, typer.Option("--report", help="Where unreadable rows are listed. [default: in the data folder]")
]

app = typer.Typer(
    no_args_is_help=True,
    help="Bring a real log into the running stack. Example: duban import wabo wabo_receipt.csv.gz",
)


def register(root: typer.Typer) -> None:
    """Add the import commands to the `duban` command."""
    root.add_typer(app, name="import")


@app.command("wabo", epilog="Example: duban import wabo wabo_receipt.csv.gz")
def import_wabo(
    file: FileArgument, data: DataOption = context.DEFAULT_DATA, direct: DirectOption = False,
    as_json: JsonOption = False, wait: WaitOption = True, timeout: TimeoutOption = 900, report: ReportOption = None,
) -> None:  # fmt: skip
    """Applications for environmental permits with their deadlines (CSV)."""
    _run(_Job(wabo.read, "wabo", file, data, direct, as_json, wait, timeout, report))


@app.command("boston311", epilog="Example: duban import boston311 boston311_2015.csv.gz --direct")
def import_boston311(
    file: FileArgument, data: DataOption = context.DEFAULT_DATA, direct: DirectOption = False,
    as_json: JsonOption = False, wait: WaitOption = True, timeout: TimeoutOption = 900, report: ReportOption = None,
) -> None:  # fmt: skip
    """Boston's 311 service requests with their SLA dates (CSV, local time)."""
    _run(_Job(boston311.read, "boston311", file, data, direct, as_json, wait, timeout, report))


@app.command("xes", epilog="Example: duban import xes BPIC15_1.xes.gz --agency municipality-1")
def import_xes(
    file: FileArgument,
    agency: Annotated[str, typer.Option("--agency", help="Code of the agency whose log this is.")],
    finished: Annotated[
        str, typer.Option("--finished", help="Event attribute that says when a stage was finished.")
    ] = xes.COMPLETION,
    data: DataOption = context.DEFAULT_DATA, direct: DirectOption = False, as_json: JsonOption = False,
    wait: WaitOption = True, timeout: TimeoutOption = 900, report: ReportOption = None,
) -> None:  # fmt: skip
    """Building permits with due dates of their stages (XES). `--finished dateFinished` takes the time of registration
    instead of the event's own."""
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]{0,63}", agency):
        fail(f"--agency {agency!r}: letters, digits, '.', '-' and '_' were expected")
    name = f"xes-{agency}" + ("" if finished == xes.COMPLETION else f"-{re.sub(r'[^A-Za-z0-9]+', '-', finished)}")

    def read(path: Path, rows: Report) -> ImportedLog:
        return xes.read(path, rows, agency, finished)

    _run(_Job(read, name, file, data, direct, as_json, wait, timeout, report))


class _Job(msgspec.Struct):
    """One call of an import command."""

    read: Callable[[Path, Report], ImportedLog]
    name: str
    file: Path
    data: Path
    direct: bool
    as_json: bool
    wait: bool
    timeout: float
    report: Path | None


def _run(job: _Job) -> None:
    try:
        timeline = f"{job.name}-{digest(job.file)[:8]}"
        stack = context.load(job.data)
        report = job.report or stack.data / "imports" / f"{timeline}.unreadable.jsonl"
        log, rows = _read(job, report)
    except NotThisForm as error:
        fail(str(error) if str(error).startswith(str(job.file)) else f"{job.file}: {error}")
    segments = list(daily_segments(log.commands, log.zone, log.end)) if log.end else []
    try:
        progress = state.load(stack.data, timeline, "direct" if job.direct else "services", len(segments))
    except state.OtherMode as error:
        fail(str(error))
    summary: dict[str, Any] = {
        "timeline": timeline, "mode": progress.mode, "already_imported": progress.finished, "cases": log.cases,
        "commands": len(log.commands), "ticks": len(segments), "unreadable": rows,
        "report": str(report) if rows else None, "as_of": log.end.isoformat() if log.end else None,
    }  # fmt: skip
    try:
        if segments and not progress.finished:
            _send(job, stack, segments, progress, report)
        summary |= asyncio.run(_outcome(job, stack, log, segments, timeline))
    except (KeyboardInterrupt, asyncio.CancelledError):
        done = f"{progress.segments_done} of {progress.segments} days are in"
        fail(f"stopped: {done}; the same command goes on from there", 130)
    except (Rejected, Undelivered, httpx.HTTPError) as error:
        fail(f"{str(error) or type(error).__name__}; the same command goes on from where it stopped", 1)
    summary |= {"applied": progress.applied, "repeated": progress.repeated, "refused": progress.refused}
    if summary["refused"]:
        summary["report"] = str(report)
    _print(summary, job.as_json)
    if summary["complete"] is False:
        raise typer.Exit(1)


def _read(job: _Job, report: Path) -> tuple[ImportedLog, int]:
    """The log, and how many rows could not be read; those stand in the file `report`. Raises NotThisForm."""
    rows: list[Unreadable] = []
    with _errors.status(f"reading {job.file.name}"):
        log = job.read(job.file, rows.append)
    report.unlink(missing_ok=True)
    if rows:
        report.parent.mkdir(parents=True, exist_ok=True)
        with report.open("w", encoding="utf-8") as file:
            for row in sorted(rows, key=lambda r: r.line):
                file.write(msgspec.json.encode(row).decode() + "\n")
    return log, len(rows)


def _send(job: _Job, stack: context.StackInfo, segments: list[Segment], progress: state.Progress, report: Path) -> None:
    with _bars() as bars:
        sent = bars.add_task("days sent", total=len(segments), completed=progress.segments_done)

        def tell(now: state.Progress) -> None:
            bars.update(sent, completed=now.segments_done)

        if job.direct:
            importing.past_services(
                DirectSender(stack.brokers, progress.timeline), segments, progress, stack.data, tell
            )
        else:
            asyncio.run(_send_to_services(stack, segments, progress, tell, _refusals(report)))


async def _send_to_services(
    stack: context.StackInfo, segments: list[Segment], progress: state.Progress, tell: importing.Tell,
    refused: Callable[[Refusal], None],
) -> None:  # fmt: skip
    async with _client() as client:
        transport = Transport(client, stack.http, stack.token("importer", ttl_seconds=_TOKEN_SECONDS))
        sender = ServicesSender(transport, progress.timeline)
        await importing.through_services(sender, segments, progress, stack.data, tell, refused)


async def _outcome(
    job: _Job, stack: context.StackInfo, log: ImportedLog, segments: list[Segment], timeline: str
) -> dict[str, Any]:
    """Wait until the board is complete, unless that is not wanted, and count its alerts by rule."""
    if log.end is None:
        return {"complete": True, "alerts": {}}
    if not job.wait:
        return {"complete": None, "alerts": None}
    first, end = segments[0].as_of, log.end
    async with _client() as client:
        board = Board(client, stack.http, stack.token("importer", ttl_seconds=_TOKEN_SECONDS), timeline)
        with _bars() as bars:
            folded = bars.add_task("days on the board", total=(end - first).days)
            try:
                await board.wait_complete(
                    end, job.timeout, lambda at: bars.update(folded, completed=max(0, (at - first).days))
                )
            except Incomplete as error:
                _errors.print(f"duban: {error} after {job.timeout:.0f} s: give more with --timeout", style="red")
                return {"complete": False, "alerts": None}
        return {"complete": True, "alerts": dict(Counter([alert["rule"] async for alert in board.alerts()]))}


def _client() -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=_HTTP_SECONDS, limits=httpx.Limits(max_connections=16))


def _bars() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=_errors, disable=not sys.stderr.isatty())


def _refusals(report: Path) -> Callable[[Refusal], None]:
    """Append commands that a service refused to the report: they are not lost either."""

    def keep(refusal: Refusal) -> None:
        report.parent.mkdir(parents=True, exist_ok=True)
        with report.open("a", encoding="utf-8") as file:
            entry = {"line": None, "reason": f"refused: {refusal.detail}", "case": refusal.source_ref,
                     "ordinal": refusal.ordinal}  # fmt: skip
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")

    return keep


def _print(summary: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(summary, ensure_ascii=False))
        return
    table = Table(show_header=False, box=None)
    if summary["already_imported"]:
        table.title = "already imported: nothing was changed"
    rows: dict[str, object] = {
        "timeline": summary["timeline"], "cases": summary["cases"], "commands": summary["commands"],
        "ticks": f"{summary['ticks']} to each of {len(SOURCE_TOPICS)} services",
        "unreadable rows": f"{summary['unreadable']}" + (f", see {summary['report']}" if summary["report"] else ""),
        "refused commands": summary["refused"],
    }  # fmt: skip
    for name, value in rows.items():
        table.add_row(name, str(value))
    if summary["alerts"] is not None:
        for rule, count in sorted(summary["alerts"].items()):
            table.add_row(f"alerts: {rule}", str(count))
        if not summary["alerts"]:
            table.add_row("alerts", "none")
    Console(soft_wrap=True).print(table)
    if summary["complete"] is None:
        typer.echo("sent; the board follows (see `duban alerts`)")
