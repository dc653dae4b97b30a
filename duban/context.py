"""Which stack a command talks to: the stack.json of its data folder. Every command that needs one starts here."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from deploy.embedded import processes

if TYPE_CHECKING:
    from services.shared.settings import Settings

DataOption = Annotated[Path, typer.Option("--data", help="Data folder of the stack.", envvar="DUBAN_DATA")]
DEFAULT_DATA = Path(".duban")


@dataclass(frozen=True)
class StackInfo:
    """Where the running stack listens. `pids` is name -> process id."""

    data: Path
    http: str
    brokers: str
    mongo: str
    vault: str
    signing_key_file: Path
    users_file: Path
    partitions: int
    replication: int
    pids: dict[str, int]

    def settings(self) -> "Settings":
        """The settings of a process that belongs to this stack."""
        from services.shared.settings import Settings

        keys = self.signing_key_file.parent
        return Settings(
            brokers=self.brokers, mongo=self.mongo, data=self.data, signing_key_file=self.signing_key_file,
            users_file=self.users_file, public_keys=keys / "public", vault_keys=keys / "vault", vault_url=self.vault,
            audit_heads_file=self.data / "audit" / "heads.jsonl",
        )  # fmt: skip

    def token(self, role: str = "operator", *, ttl_seconds: float = 3600, ticket: bool = False) -> str:
        """A token of the stack's own key for a principal with one role; `ticket` for a sign-in link instead."""
        from services.shared import auth
        from services.shared.access import Principal

        key = auth.load_key(self.signing_key_file)
        principal = Principal(f"duban-{role}", frozenset({role}))
        return auth.mint(principal, ttl_seconds, key, use="ticket" if ticket else "access")


def fail(message: str, code: int = 2) -> NoReturn:
    """Say it in one line on standard error and end the command."""
    typer.secho(f"duban: {message}", err=True, fg=typer.colors.RED)
    raise typer.Exit(code)


def load(data: Path = DEFAULT_DATA) -> StackInfo:
    """The stack of this data folder. Ends the command with exit code 2 when there is none or it is not running yet."""
    path = data / "stack.json"
    try:
        content = json.loads(path.read_text())
        phase = content["phase"]
        info = StackInfo(
            data=Path(content["data"]), http=content["http"], brokers=content["brokers"], mongo=content["mongo"],
            vault=content.get("vault", ""),
            signing_key_file=Path(content["signing_key_file"]), users_file=Path(content["users_file"]),
            partitions=content["partitions"], replication=content["replication"], pids=content["pids"],
        )  # fmt: skip
    except FileNotFoundError:
        fail(f"no stack in {data}: start one with `duban up --data {data}`, or name its folder with --data")
    except PermissionError:
        fail(f"{path} belongs to another user: run the command as the user who started the stack")
    except (ValueError, KeyError, TypeError):
        fail(f"{path} is not readable as a stack: run `duban down --data {data}` and `duban up --data {data}`")
    if processes.running(info.data, "supervisor") is None:
        fail(f"the stack in {data} was killed: start it again with `duban up --data {data}`; its data is kept")
    if phase != "running":
        fail(f"the stack in {data} is {phase}: see `duban status --data {data}`")
    return info
