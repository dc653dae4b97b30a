"""`duban dead-letters list|replay`: records that no consumer could read, and putting them back once they can be."""

import json
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from duban.context import DEFAULT_DATA, DataOption, fail, load
from services.contracts.codec import encode
from services.shared import dead_letter_box as box
from services.shared.dead_letter_box import Letter

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object a line, one line a letter.")]


def register(app: typer.Typer) -> None:
    letters = typer.Typer(
        no_args_is_help=True, help="Records that no consumer could read. Example: duban dead-letters list"
    )
    letters.command("list")(list_letters)
    letters.command("replay")(replay)
    app.add_typer(letters, name="dead-letters")


def list_letters(data: DataOption = DEFAULT_DATA, as_json: JsonOption = False) -> None:
    """Every dead letter: where the record lay, who could not read it and why, whether it was put back.

    Example: duban dead-letters list --json
    """
    found = _read(load(data).brokers)
    if as_json:
        for letter in found.letters:
            typer.echo(json.dumps(_row(letter), ensure_ascii=False))
    elif found.letters:
        table = Table("id", "topic", "partition", "offset", "consumer", "seen", "replayed", "reason")
        for letter in found.letters:
            row = _row(letter)
            names = ("id", "topic", "partition", "offset", "consumer", "seen_at", "replayed_at", "reason")
            table.add_row(*(str(row[name] or "-") if name == "replayed_at" else str(row[name]) for name in names))
        Console().print(table)
    else:
        typer.echo("no dead letters")
    if found.unreadable:
        typer.echo(f"{len(found.unreadable)} records of the topic are no dead letters: {found.unreadable}", err=True)


def replay(
    data: DataOption = DEFAULT_DATA,
    ids: Annotated[list[str] | None, typer.Option("--id", help="A letter's id; may be given again.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every letter that was not put back yet.")] = False,
) -> None:
    """Put the original bytes back into the original partition under the original key. A second replay does nothing.

    Example: duban dead-letters replay --all
    """
    if bool(ids) == every:
        fail("say which: --id ID (see `duban dead-letters list`), or --all")
    brokers = load(data).brokers
    letters = _read(brokers).letters
    if unknown := sorted(set(ids or ()) - {letter.id for letter in letters}):
        fail(f"no dead letter with id {', '.join(unknown)}: see `duban dead-letters list`")
    chosen = [letter for letter in letters if every or letter.id in (ids or ())]
    try:
        count = box.replay(brokers, chosen, _marker, lambda letter: typer.echo(f"put back {letter.id}"))
    except box.KafkaUnreachable as error:
        fail(str(error), code=1)
    before = sum(letter.replayed_at is not None for letter in chosen)
    never = sum(not letter.data.replayable and letter.replayed_at is None for letter in chosen)
    typer.echo(f"{count} put back, {before} were put back before, {never} cannot be")


def _read(brokers: str) -> box.Box:
    try:
        return box.read(brokers)
    except box.KafkaUnreachable as error:
        fail(str(error), code=1)


def _row(letter: Letter) -> dict[str, object]:
    data = letter.data
    return {
        "id": letter.id, "topic": data.topic, "partition": data.partition, "offset": data.offset,
        "consumer": data.consumer, "reason": data.reason, "seen_at": data.seen_at.isoformat(),
        "replayed_at": letter.replayed_at and letter.replayed_at.isoformat(), "replayable": data.replayable,
        "key": data.key, "value": data.value,
    }  # fmt: skip


def _marker(letter: Letter) -> bytes:
    data = letter.data
    place = f"{data.topic}-{data.partition}-{data.offset}"
    return encode(data, id=letter.id, source="/duban", subject=place, time=datetime.now(UTC), sequence=2)
