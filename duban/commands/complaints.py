"""`duban complaints import`: a table of complaints, as boxes and letters are typed in, into the running stack."""

import asyncio
import csv
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, cast

import httpx
import msgspec
import typer
from rich.console import Console
from rich.progress import Progress

from duban import context
from duban.context import DataOption, fail
from services.complaints.domain.rows import CHANNEL_NAMES, BadRow, Filing, columns, read_rows
from services.contracts.complaints import Channel
from simulation.sending.filing import Filed, file_all
from simulation.sending.transport import Rejected, Transport

_HTTP_SECONDS = 60.0
_TOKEN_SECONDS = 24 * 3600
_EXAMPLE = "duban complaints import box.csv --channel supervision_box --field box=box-3 --field batch=2026-03-08"
app = typer.Typer(no_args_is_help=True, help=f"Complaints from tables. Example: {_EXAMPLE}")


def register(root: typer.Typer) -> None:
    """Add the group of commands to the `duban` command."""
    root.add_typer(app, name="complaints")


@app.callback()
def _group() -> None:
    """Keeps `import` a command of its own while it is the only one."""


@app.command("import", epilog=f"Example: {_EXAMPLE}")
def import_rows(
    file: Annotated[Path, typer.Argument(help="CSV with a header line, UTF-8.", show_default=False)],
    channel: Annotated[str, typer.Option("--channel", help="How the complaints came in.")],
    field: Annotated[
        list[str] | None, typer.Option("--field", help="name=value for every row; again for more.")
    ] = None,
    data: DataOption = context.DEFAULT_DATA,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object.")] = False,
    report: Annotated[
        Path | None, typer.Option("--report", help="Where bad rows go. [default: FILE.bad.jsonl]")
    ] = None,
    receipts: Annotated[
        Path | None, typer.Option("--receipts", help="Write the receipt codes here (mode 0600).")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Only read the file and report its bad rows.")] = False,
) -> None:
    """File one complaint a row. Columns: ref, offence, agency, section, officer, enterprise, place, item, text, and the
    fields of the channel. The same file again files nothing twice. Exit code 1 when rows were bad; they are in the
    report, each with its reason, and the others are in.
    """
    if channel not in CHANNEL_NAMES:
        fail(f"--channel {channel}: there are {', '.join(CHANNEL_NAMES)}")
    common = dict(pair.split("=", 1) for pair in field or () if "=" in pair)
    if len(common) != len(field or ()):
        fail("--field: name=value was expected, each name once")
    filings, bad = _read(file, cast(Channel, channel), common)
    filed: list[Filed] = []
    if not check and filings:
        stack = context.load(data)
        try:
            filed, refused = asyncio.run(_send(stack, filings))
        except (KeyboardInterrupt, asyncio.CancelledError):
            fail("stopped: the same command goes on from there", 130)
        except (Rejected, httpx.HTTPError) as error:
            fail(f"{str(error) or type(error).__name__}; the same command goes on from where it stopped", 1)
        bad = sorted([*bad, *refused], key=lambda row: row.line)
    report = report or file.with_name(f"{file.name}.bad.jsonl")
    _write_report(report, bad)
    if receipts:
        _write_receipts(receipts, filed)
    _print(file, filings, filed, bad, report, as_json)
    if bad:
        raise typer.Exit(1)


def _read(file: Path, channel: Channel, common: dict[str, str]) -> tuple[list[Filing], list[BadRow]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            known = columns(channel)
            header = [*(reader.fieldnames or ()), *common]
            if not reader.fieldnames or (unknown := [name for name in header if name not in known]):
                what = f"unknown {', '.join(unknown)}" if reader.fieldnames else "no header line"
                fail(f"{file}: {what}: the columns of the channel {channel} are {', '.join(known)}")
            found = list(read_rows(channel, _numbered(reader), common))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        fail(f"{file}: {error}")
    return [f for f in found if isinstance(f, Filing)], [b for b in found if isinstance(b, BadRow)]


def _numbered(reader: "csv.DictReader[str]") -> Iterator[tuple[int, dict[str | Any, str | Any]]]:
    for row in reader:
        yield reader.line_num, row


async def _send(stack: context.StackInfo, filings: Sequence[Filing]) -> tuple[list[Filed], list[BadRow]]:
    errors = Console(stderr=True)
    with Progress(console=errors, disable=not sys.stderr.isatty()) as bars:
        rows = bars.add_task("rows filed", total=len(filings))
        async with httpx.AsyncClient(timeout=_HTTP_SECONDS) as client:
            transport = Transport(client, stack.http, stack.token("clerk", ttl_seconds=_TOKEN_SECONDS))
            return await file_all(transport, filings, lambda: bars.advance(rows))


def _write_report(report: Path, bad: Sequence[BadRow]) -> None:
    report.unlink(missing_ok=True)
    if bad:
        report.write_text("".join(msgspec.json.encode(row).decode() + "\n" for row in bad), encoding="utf-8")


def _write_receipts(path: Path, filed: Sequence[Filed]) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("line", "ref", "case_id", "receipt_code"))
        rows.writerows((f.line, f.ref, f.case_id, f.receipt_code or "") for f in filed)


def _print(
    file: Path, filings: Sequence[Filing], filed: Sequence[Filed], bad: Sequence[BadRow], report: Path, as_json: bool
) -> None:
    repeated = sum(f.repeated for f in filed)
    summary = {
        "file": str(file), "readable": len(filings), "filed": len(filed) - repeated, "repeated": repeated,
        "bad": len(bad), "report": str(report) if bad else None,
    }  # fmt: skip
    if as_json:
        typer.echo(json.dumps(summary, ensure_ascii=False))
        return
    typer.echo(f"{summary['filed']} filed, {repeated} were in before, {len(bad)} bad rows")
    for row in bad[:10]:
        typer.echo(f"  line {row.line}: {row.reason}", err=True)
    if bad:
        typer.echo(f"  all of them: {report}", err=True)
