"""`duban rewards check`: whether the ledger of rewards is what the audit trail says."""

import json
from typing import Annotated

import msgspec
import typer
from pymongo.errors import PyMongoError

from duban.context import DEFAULT_DATA, DataOption, fail, load
from services.complaints.rewards.domain.checking import PREFIX, Checked, Said, check
from services.complaints.rewards.repository import MongoRewards
from services.shared.audit.trail import MongoTrail
from services.shared.clock import utc_now
from services.shared.mongo import connect_store


def register(app: typer.Typer) -> None:
    rewards = typer.Typer(no_args_is_help=True, help="Rewards for reports. Example: duban rewards check")
    rewards.command("check")(compare)
    app.add_typer(rewards, name="rewards")


def compare(
    data: DataOption = DEFAULT_DATA,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Check the ledger against the audit trail; exit code 1 with a line per difference.

    It says whether both agree. Whether the trail itself is whole says: duban audit verify. A booking that died between
    trail and ledger stays a difference: somebody has to look at it. Example: duban rewards check --json
    """
    stack = load(data)
    for database in ("complaints", "audit"):
        connect_store(stack.settings(), database)
    try:
        found = _checked()
        if found.differences:  # a booking that was being made meanwhile is in both by now
            found = _checked()
    except PyMongoError as error:
        fail(f"the database at {stack.mongo} does not answer: {str(error)[:200]}")
    except msgspec.ValidationError as error:
        typer.echo(f"unreadable: the ledger has an entry that is none: {error}", err=True)
        raise typer.Exit(1) from None
    if as_json:
        typer.echo(json.dumps({"whole": not found.differences, **msgspec.to_builtins(found)}, ensure_ascii=False))
    else:
        for difference in found.differences:
            typer.echo(f"{difference.kind} {difference.entry_id}: {difference.detail}", err=True)
        state = f"{len(found.differences)} differences" if found.differences else "whole"
        typer.echo(f"{state}: {found.entries} entries, {found.forestalled} forestalled")
    if found.differences:
        raise typer.Exit(1)


def _checked() -> Checked:
    ledger = [entry for _, entry in MongoRewards().entries()]
    trail = (e for e in MongoTrail(utc_now).entries() if e.action.startswith(PREFIX))
    return check(ledger, [Said(e.subject, e.action.removeprefix(PREFIX), e.actor, e.reason) for e in trail])
