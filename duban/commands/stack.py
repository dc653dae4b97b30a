"""`duban up|down|status|doctor`: the embedded stack from the command line."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from duban.context import DEFAULT_DATA, DataOption, fail

_console = Console()


def register(app: typer.Typer) -> None:
    app.command()(up)
    app.command()(down)
    app.command()(status)
    app.command()(doctor)


def up(
    data: DataOption = DEFAULT_DATA,
    http_port: Annotated[int, typer.Option(help="The board and the services.")] = 8080,
    kafka_port: Annotated[int, typer.Option(help="The first broker; controllers listen 10 above.")] = 19092,
    mongo_port: Annotated[int, typer.Option(help="The document store.")] = 27217,
    metrics_port: Annotated[int, typer.Option(help="First port of the workers' metrics.")] = 9101,
    brokers: Annotated[int | None, typer.Option(help="1, or 3 for three copies of each record.")] = None,
    workers: Annotated[int, typer.Option(min=0, max=16, help="Supervision workers that fold cases.")] = 1,
    partitions: Annotated[int | None, typer.Option(min=1, max=256, help="Partitions of every topic.")] = None,
    only: Annotated[str | None, typer.Option(help="Start these parts alone, for example kafka,mongo.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the stack as JSON.")] = False,
) -> None:
    """Start the embedded stack and return when it is ready.

    Example: duban up --data /tmp/city --brokers 3
    """
    from deploy.embedded.plan import Refused, parse_only
    from deploy.embedded.stack import Stack, StartFailed

    try:
        stack = Stack(
            data, http_port=http_port, kafka_port=kafka_port, mongo_port=mongo_port, metrics_port=metrics_port,
            brokers=brokers, workers=workers, partitions=partitions, only=parse_only(only),
        )  # fmt: skip
        with Console(stderr=True).status("starting") as spinner:
            started = stack.start(lambda detail: spinner.update(detail))
    except Refused as error:
        fail(str(error))
    except StartFailed as error:
        fail(str(error), code=1)
    except KeyboardInterrupt:
        fail("stopped while starting; nothing is left running", code=130)
    state = stack.state()
    if as_json:
        typer.echo(json.dumps({"already_running": not started, **state}))
        return
    verb = "ready" if started else "already running"
    typer.secho(f"{verb}: board {state['http']} · kafka {state['brokers']} · mongo {state['mongo']}", fg="green")
    users = data / "users.txt"
    if users.exists():
        typer.echo(f"users and passwords: {users}")


def down(data: DataOption = DEFAULT_DATA) -> None:
    """Stop the embedded stack in order and wait until nothing of it runs.

    Example: duban down --data /tmp/city
    """
    from deploy.embedded.stack import Stack

    with Console(stderr=True).status("stopping"):
        ran = Stack(data).stop()
    typer.echo("stopped" if ran else f"nothing of a stack was running in {data}")


def status(
    data: DataOption = DEFAULT_DATA,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Show each process with pid, uptime, ports and readiness; exit code 1 when one is not ready.

    Example: duban status --json
    """
    from deploy.embedded.stack import Stack
    from deploy.embedded.stack import as_json as rows_as_json

    try:
        stack = Stack.open(data)
    except FileNotFoundError:
        fail(f"no stack in {data}: start one with `duban up --data {data}`", code=1)
    rows = stack.status()
    ready = all(row.ready for row in rows)
    if as_json:
        state = stack.state()
        typer.echo(json.dumps({"ready": ready, "phase": state.get("phase"), "processes": rows_as_json(rows)}))
    else:
        _console.print(_table(rows, data))
    if not ready:
        raise typer.Exit(1)


def doctor(
    data: DataOption = DEFAULT_DATA,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array.")] = False,
) -> None:
    """Look at everything a stack needs and say what to do; exit code 1 when something would keep it from running.

    Example: duban doctor --data /tmp/city
    """
    from deploy.embedded import doctor as examination
    from deploy.embedded.stack import Stack

    try:
        stack = Stack.open(data)
    except FileNotFoundError:
        stack = Stack(data)
    findings = list(examination.examine(stack))
    if as_json:
        typer.echo(examination.as_json(findings))
    else:
        for finding in findings:
            colour = {"ok": "green", "warning": "yellow", "problem": "red"}[finding.level]
            typer.echo(f"{typer.style(f'{finding.level:8}', fg=colour)} {finding.check:12} {finding.detail}")
            if finding.advice:
                typer.echo(f"{'':22}-> {finding.advice}")
    if any(finding.level == "problem" for finding in findings):
        raise typer.Exit(1)


def _table(rows: list, data: Path) -> Table:  # type: ignore[type-arg]
    table = Table(title=f"stack in {data}", title_justify="left")
    for column in ("process", "pid", "up", "ports", "ready", "detail"):
        table.add_column(column)
    for row in rows:
        table.add_row(
            row.name, str(row.pid or "-"), _duration(row.uptime_seconds), " ".join(map(str, row.ports)),
            "[green]yes[/]" if row.ready else "[red]no[/]", row.detail,
        )  # fmt: skip
    return table


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
