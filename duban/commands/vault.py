"""`duban vault …`: the two custodians' path to an identity, retention, keys. Talks to the vault over HTTP only."""

import json
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from duban.context import DEFAULT_DATA, DataOption, StackInfo, fail, load

PORTION = 100
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object.")]
AsOption = Annotated[str, typer.Option("--as", help="The custodian's account.")]
PasswordOption = Annotated[
    str, typer.Option(prompt=True, hide_input=True, envvar="DUBAN_PASSWORD", help="Asked for when it is not given.")
]


def register(app: typer.Typer) -> None:
    vault = typer.Typer(no_args_is_help=True, help="Sealed identities. Example: duban vault openings")
    for command in (request, approve, deny, shred, openings, rotate):
        vault.command()(command)
    vault.command("open")(open_identity)
    app.add_typer(vault, name="vault")


class Vault:
    """The vault of a running stack, asked with one token."""

    def __init__(self, stack: StackInfo, token: str | None = None) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._address = stack.vault
        self._client = httpx.Client(base_url=stack.vault, headers=headers, timeout=60, trust_env=False)

    @classmethod
    def of_custodian(cls, stack: StackInfo, name: str, password: str) -> "Vault":
        """Signed in. Ends the command when the vault does not know them."""
        session = cls(stack).ask("POST", "/v1/sessions", {"name": name, "password": password})
        return cls(stack, session["token"])

    def ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """The JSON answer. Ends the command with the problem's own words."""
        try:
            answer = self._client.request(method, path, json=body)
        except httpx.HTTPError as error:
            fail(f"the vault at {self._address} does not answer ({error}): see `duban status`")
        if not answer.is_success:
            is_problem = answer.headers.get("content-type", "").startswith("application/problem+json")
            fail(answer.json()["detail"] if is_problem else f"the vault answered {answer.status_code}")
        return dict(answer.json())


def request(
    case: Annotated[str, typer.Argument(help="case id")],
    reason: Annotated[str, typer.Option(help="a reason of policies/vault.yaml")],
    text: Annotated[str, typer.Option(help="why this case needs it; name nobody")],
    account: AsOption, password: PasswordOption, data: DataOption = DEFAULT_DATA, as_json: JsonOption = False,
) -> None:  # fmt: skip
    """Ask for the opening of a case's identity. Prints the opening's id.

    Example: duban vault request CASE --reason verify_report --text "only the author has the receipt" --as custodian-1
    """
    body = {"case_id": case, "reason": reason, "text": text}
    _tell(Vault.of_custodian(load(data), account, password).ask("POST", "/v1/openings", body), as_json)


def approve(
    opening: Annotated[str, typer.Argument(help="id of an opening")], account: AsOption, password: PasswordOption,
    data: DataOption = DEFAULT_DATA, as_json: JsonOption = False,
) -> None:  # fmt: skip
    """Approve what another custodian asked for. Example: duban vault approve OPENING --as custodian-2"""
    vault = Vault.of_custodian(load(data), account, password)
    _tell(vault.ask("POST", f"/v1/openings/{opening}/approve"), as_json)


def deny(
    opening: Annotated[str, typer.Argument(help="id of an opening")],
    reason: Annotated[str, typer.Option(help="a denial of policies/vault.yaml")],
    account: AsOption, password: PasswordOption, data: DataOption = DEFAULT_DATA, as_json: JsonOption = False,
) -> None:  # fmt: skip
    """Deny what another custodian asked for. Example: duban vault deny OPENING --reason not_needed --as custodian-2"""
    vault = Vault.of_custodian(load(data), account, password)
    _tell(vault.ask("POST", f"/v1/openings/{opening}/deny", {"reason": reason}), as_json)


def open_identity(
    opening: Annotated[str, typer.Argument(help="id of an approved opening")],
    account: AsOption, password: PasswordOption, data: DataOption = DEFAULT_DATA, as_json: JsonOption = False,
) -> None:  # fmt: skip
    """Read the identity, once; the audit trail has it first. Example: duban vault open OPENING --as custodian-1"""
    found = Vault.of_custodian(load(data), account, password).ask("POST", f"/v1/openings/{opening}/open")
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    for name, value in found["identity"].items():
        typer.echo(f"{name:20} {value}")


def openings(data: DataOption = DEFAULT_DATA, as_json: JsonOption = False) -> None:
    """Every opening, as the office sees it, the newest first. Example: duban vault openings --json"""
    stack = load(data)
    found = Vault(stack, stack.token("office")).ask("GET", "/v1/openings")
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    columns = ("opening_id", "case_id", "status", "reason", "requested_by", "decided_by", "expires_at")
    table = Table(*columns, box=None, pad_edge=False)
    for item in found["items"]:
        table.add_row(*(str(item[name] or "-") for name in columns))
    Console().print(table)


def shred(
    due: Annotated[bool, typer.Option("--due", help="those past policy's retention; there is no other choice")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say how many, change nothing")] = False,
    data: DataOption = DEFAULT_DATA, as_json: JsonOption = False,
) -> None:  # fmt: skip
    """Destroy the data keys of identities past their retention: nobody can read them any more. On the audit trail.

    Example: duban vault shred --due --dry-run
    """
    if not due:
        fail("say --due: only identities past their retention can be shredded")
    stack = load(data)
    vault = Vault(stack, stack.token("operator"))
    waiting = vault.ask("GET", "/v1/retention")["due"]
    done = 0
    if not dry_run:
        portions = range(-(-waiting // PORTION))
        for _ in track(portions, "shredding", disable=as_json, console=Console(stderr=True), transient=True):
            done += vault.ask("POST", "/v1/shreds", {"limit": PORTION})["shredded"]
    if as_json:
        typer.echo(json.dumps({"due": waiting, "shredded": done, "dry_run": dry_run}))
    else:
        typer.echo(f"{waiting} due, {done} shredded" + (" (dry run)" if dry_run else ""))


def rotate(
    account: AsOption, password: PasswordOption, data: DataOption = DEFAULT_DATA, as_json: JsonOption = False
) -> None:  # fmt: skip
    """Make a new custodians' key; what is sealed to the old one is sealed anew.

    Example: duban vault rotate --as custodian-1
    """
    found = Vault.of_custodian(load(data), account, password).ask("POST", "/v1/keys")
    typer.echo(json.dumps(found) if as_json else f"current key: {found['key_id']}")


def _tell(opening: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(opening, ensure_ascii=False))
    else:
        typer.echo(f"{opening['opening_id']} {opening['status']}, until {opening['expires_at']}")
