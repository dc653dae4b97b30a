"""`duban audit verify|show`: whether the audit trail is whole, and what it says."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from pymongo.errors import PyMongoError
from rich.console import Console
from rich.table import Table

from duban.context import DEFAULT_DATA, DataOption, StackInfo, fail, load
from services.contracts.audit import AuditSealedV1
from services.contracts.codec import Undecodable, decode
from services.contracts.instants import from_micros
from services.contracts.topics import AUDIT_HEADS
from services.shared.audit.chain import CITY_TIME, Entry
from services.shared.audit.checking import Finding, check
from services.shared.audit.heads import load_verify_keys, read_file
from services.shared.audit.trail import MongoTrail
from services.shared.clock import utc_now
from services.shared.mongo import connect_store
from services.shared.topic_records import KafkaUnreachable, records

T = TypeVar("T")
HeadsOption = Annotated[
    Path | None, typer.Option(help="Another file of heads than the stack's: a copy kept elsewhere.")
]
KeysOption = Annotated[Path | None, typer.Option(help="Another file of public keys: a copy kept elsewhere.")]


def register(app: typer.Typer) -> None:
    audit = typer.Typer(no_args_is_help=True, help="The audit trail. Example: duban audit verify")
    audit.command("verify")(verify)
    audit.command("show")(show)
    app.add_typer(audit, name="audit")


def verify(
    data: DataOption = DEFAULT_DATA, heads: HeadsOption = None, keys: KeysOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:  # fmt: skip
    """Check the trail against itself and against the heads in file and topic; exit code 1 with a line per finding.

    A cut or rewritten tail shows only up to the last published head: keep copies of the heads where nobody who can
    write the database can write, and give them with --heads and --keys. Example: duban audit verify --json
    """
    stack = load(data)
    settings = stack.settings()
    file, key_file = heads or settings.audit_heads_file, keys or settings.public_keys / "audit.pub"
    try:
        known = load_verify_keys(key_file)
        places = {"file": list(read_file(file)), "topic": list(_published(stack))}
    except (OSError, ValueError) as error:
        fail(f"heads or keys cannot be read: {error}")
    except KafkaUnreachable as error:
        fail(str(error))
    found = _asked(stack, lambda trail: check(trail.entries(), places, known))
    findings = [*found.findings, *_lacking(places["file"], places["topic"])]
    if as_json:
        listed = [{"kind": f.kind, "sequence": f.sequence, "detail": f.detail} for f in findings]
        typer.echo(json.dumps({"whole": not findings, "entries": found.entries, "heads": found.heads,
                               "pinned": found.pinned, "findings": listed}))  # fmt: skip
    else:
        for finding in findings:
            typer.echo(f"{finding.kind} at {finding.sequence}: {finding.detail}", err=True)
        state = f"{len(findings)} findings" if findings else "whole"
        typer.echo(f"{state}: {found.entries} entries, {found.heads} heads, pinned up to {found.pinned}")
    if findings:
        raise typer.Exit(1)


def show(
    data: DataOption = DEFAULT_DATA,
    action: Annotated[str | None, typer.Option(help="only this action, for example identity.opened")] = None,
    subject: Annotated[str | None, typer.Option(help="only this case, opening, account or identity")] = None,
    limit: Annotated[int, typer.Option(min=1, help="at most so many, the newest")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Show the newest entries. Example: duban audit show --action identity.opened --json"""

    def wanted(trail: MongoTrail) -> list[Entry]:
        return [
            entry for entry in trail.entries()
            if action in (None, entry.action) and subject in (None, entry.subject)
        ][-limit:]  # fmt: skip

    rows = [_row(entry) for entry in _asked(load(data), wanted)]
    if as_json:
        for row in rows:
            typer.echo(json.dumps(row, ensure_ascii=False))
        return
    table = Table(box=None, pad_edge=False)
    columns = ("sequence", "at", "actor", "action", "subject", "reason")
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(str(row[name]) for name in columns))
    Console().print(table)


def _asked(stack: StackInfo, question: Callable[[MongoTrail], T]) -> T:
    connect_store(stack.settings(), "audit")
    try:
        return question(MongoTrail(utc_now))
    except PyMongoError as error:
        fail(f"the database at {stack.mongo} does not answer: {str(error)[:200]}")


def _published(stack: StackInfo) -> Iterator[AuditSealedV1]:
    for record in records(stack.brokers, AUDIT_HEADS):
        try:
            head = decode(record.value).data
        except Undecodable as error:
            raise ValueError(f"{AUDIT_HEADS}, offset {record.offset}: {error}") from None
        if isinstance(head, AuditSealedV1):
            yield head


def _lacking(in_file: list[AuditSealedV1], in_topic: list[AuditSealedV1]) -> Iterator[Finding]:
    """Heads that one place has and the other has not. The newest may still be on its way from the file to the topic."""
    file, topic = ({head.trail_sequence for head in heads} for heads in (in_file, in_topic))
    for sequence in sorted(file ^ topic):
        if sequence in topic:
            yield Finding("heads-differ", sequence, "the file lacks the head that the topic has")
        elif sequence != max(file):
            yield Finding("heads-differ", sequence, "the topic lacks the head that the file has")


def _row(entry: Entry) -> dict[str, Any]:
    return {
        "sequence": entry.sequence, "at": from_micros(entry.at).astimezone(CITY_TIME).isoformat(timespec="seconds"),
        "actor": entry.actor, "action": entry.action, "subject": entry.subject, "reason": entry.reason,
        "hash": entry.hash,
    }  # fmt: skip
