"""`duban topics list|apply|check`: the topics that contracts describe, on the stack's Kafka."""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from duban.context import DEFAULT_DATA, DataOption, fail, load
from services.contracts.topics import TOPICS

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object a line, one line a topic.")]
BrokersOption = Annotated[str | None, typer.Option(help="Another Kafka than the stack's: host:port,…")]
PartitionsOption = Annotated[int | None, typer.Option(min=1, max=256, help="With --brokers: how many are asked for.")]
ReplicationOption = Annotated[int | None, typer.Option(min=1, max=9, help="With --brokers: copies of each record.")]


def register(app: typer.Typer) -> None:
    topics = typer.Typer(help="Topics: described, created, checked. Example: duban topics check")
    topics.callback(invoke_without_command=True)(_default)
    topics.command("list")(list_topics)
    topics.command("apply")(apply)
    topics.command("check")(check)
    app.add_typer(topics, name="topics")


def _default(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_topics()


def list_topics(as_json: JsonOption = False) -> None:
    """Every topic as it is described: key, partitions, retention, who writes and who reads. Needs no stack.

    Example: duban topics list --json
    """
    rows = [
        {
            "name": t.name, "about": t.about, "key": t.key, "partitions": t.partitions, "cleanup": t.cleanup,
            "retention_ms": t.retention_ms, "producers": list(t.producers), "consumers": list(t.consumers),
        }
        for t in TOPICS
    ]  # fmt: skip
    _show(rows, as_json, ("name", "key", "partitions", "retention_ms", "producers", "consumers"))


def apply(
    data: DataOption = DEFAULT_DATA, brokers: BrokersOption = None, partitions: PartitionsOption = None,
    replication: ReplicationOption = None, as_json: JsonOption = False,
) -> None:  # fmt: skip
    """Create the topics that are missing; refuse, with exit code 2, to change the number of partitions.

    Example: duban topics apply --brokers kafka:9092 --partitions 12 --replication 3
    """
    from services.shared import topics_admin

    _run(topics_admin.apply, data, brokers, partitions, replication, as_json)


def check(
    data: DataOption = DEFAULT_DATA, brokers: BrokersOption = None, partitions: PartitionsOption = None,
    replication: ReplicationOption = None, as_json: JsonOption = False,
) -> None:  # fmt: skip
    """Compare the topics with their description and change nothing; exit code 1 when one is missing or differs.

    Example: duban topics check --json
    """
    from services.shared import topics_admin

    reports = _run(topics_admin.check, data, brokers, partitions, replication, as_json)
    if any(report.state != "ok" for report in reports):
        raise typer.Exit(1)


def _run(
    action: Callable[..., list[Any]], data: Any, brokers: str | None, partitions: int | None, replication: int | None,
    as_json: bool,
) -> list[Any]:  # fmt: skip
    from services.shared import topics_admin

    if brokers is None:
        stack = load(data)
        brokers, partitions, replication = stack.brokers, partitions or stack.partitions, stack.replication
    try:
        reports = action(brokers, partitions=partitions or 4, replication=replication or 1)
    except (topics_admin.TopicsRefused, topics_admin.BrokerUnreachable) as error:
        fail(str(error))
    _show(
        [asdict(report) for report in reports], as_json,
        ("name", "state", "partitions", "replication", "retention_ms", "differences"),
    )  # fmt: skip
    return reports


def _show(rows: list[dict[str, Any]], as_json: bool, columns: tuple[str, ...]) -> None:
    if as_json:
        for row in rows:
            typer.echo(json.dumps(row, ensure_ascii=False))
        return
    table = Table()
    for name in columns:
        table.add_column(name, no_wrap=name == "name")
    for row in rows:
        table.add_row(*(_cell(name, row[name]) for name in columns))
    Console().print(table)


def _cell(name: str, value: Any) -> str:
    if name == "retention_ms":
        return "-" if value is None else "for ever" if value == -1 else f"{value / 86_400_000:g} days"
    return ", ".join(value) if isinstance(value, list) else str(value)
