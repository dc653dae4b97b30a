"""`duban alerts`: the alerts of a stack as a table, or one JSON object a line."""

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.table import Table

from duban.context import DEFAULT_DATA, DataOption, StackInfo, fail, load
from services.notifications.policies import load_directory
from services.notifications.web.views import Views
from services.notifications.web.words import LANGUAGES, Words
from services.shared.settings import Settings

PAGE = 1000
STYLES = {"red": "bold red", "yellow": "yellow", "warning": "dark_orange", "notice": "dim"}
COLUMNS = (
    "alert.id", "column.severity", "column.alert", "column.agency", "alert.case_ref", "alert.due_at", "column.state",
)  # fmt: skip
LangOption = Annotated[str, typer.Option("--lang", help="zh or en")]


class Board:
    """The notifications API of a running stack, asked as its operator."""

    def __init__(self, stack: StackInfo) -> None:
        self._address = stack.http
        headers = {"Authorization": f"Bearer {stack.token('operator')}"}
        self._client = httpx.Client(base_url=stack.http, headers=headers, timeout=60, trust_env=False)

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """The JSON answer. Ends the command with the problem's own words, or with how to reach the board."""
        try:
            answer = self._client.get(path, params={k: v for k, v in query.items() if v is not None})
        except httpx.HTTPError as error:
            fail(f"the board at {self._address} does not answer ({error}): see `duban status`")
        if not answer.is_success:
            is_problem = answer.headers.get("content-type", "").startswith("application/problem+json")
            fail(answer.json()["detail"] if is_problem else f"the board answered {answer.status_code}")
        return dict(answer.json())

    def alerts(self, limit: int | None, **filters: str | None) -> Iterator[dict[str, Any]]:
        """Every alert that the filters find, newest first, at most `limit`."""
        after, left = None, limit
        while left is None or left > 0:
            page = self.get("/v1/alerts", **filters, after=after, limit=PAGE if left is None else min(PAGE, left))
            yield from page["items"]
            after, left = page["next"], None if left is None else left - len(page["items"])
            if after is None:
                return


def register(app: typer.Typer) -> None:
    """Add `alerts` to the command line."""
    app.command("alerts")(alerts)


def alerts(
    rule: Annotated[str | None, typer.Option(help="overdue, unanswered, warning, repeat-delay, …")] = None,
    agency: Annotated[str | None, typer.Option(help="code of an agency")] = None,
    state: Annotated[str | None, typer.Option(help="open, settled or corrected")] = None,
    timeline: Annotated[str | None, typer.Option(help="live, or the name an import printed; all without it")] = None,
    severity: Annotated[str | None, typer.Option(help="notice, warning, yellow or red")] = None,
    case: Annotated[str | None, typer.Option(help="case id")] = None,
    source_ref: Annotated[str | None, typer.Option(help="the imported file's own case id")] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="at most so many [default: 50 in the table, all as JSON]")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object a line, every page")] = False,
    lang: LangOption = "zh",
    data: DataOption = DEFAULT_DATA,
) -> None:
    """List alerts, newest first. Example: duban alerts --rule overdue --timeline wabo-3f2a91c4 --json"""
    board = Board(load(data))
    shown = limit if limit is not None or as_json else 50
    found = board.alerts(
        shown, rule=rule, agency=agency, state=state, timeline=timeline, severity=severity, case_ref=case,
        source_ref=source_ref,
    )  # fmt: skip
    if as_json:
        for item in found:
            sys.stdout.write(json.dumps(item, ensure_ascii=False, separators=(",", ":")) + "\n")
        return
    items, views = list(found), views_in(lang)
    console = Console()
    if not items:
        console.print(views.words("empty.filtered"))
        return
    console.print(_table(items, views))
    if limit is None and len(items) == shown:
        console.print(views.words.plural("cli.newest", len(items)), style="dim")


def views_in(lang: str) -> Views:
    """Names and sentences of the board in `lang`. Ends the command for a language that the board does not speak."""
    if lang not in LANGUAGES:
        fail(f"--lang {lang}: {' or '.join(LANGUAGES)} was expected")
    return Views(Words(lang), load_directory(Settings().policies), datetime.now(UTC))


def _table(items: list[dict[str, Any]], views: Views) -> Table:
    words = views.words
    table = Table(box=None, pad_edge=False, header_style="bold")
    for key in COLUMNS:
        table.add_column(words(key), overflow="fold", no_wrap=key in ("alert.id", "column.severity"))
    for item in items:
        row = views.row(item)
        due = row.due.moment.text if row.due.moment else row.due.text
        severity = f"[{STYLES[item['severity']]}]{words('severity.' + item['severity'])}[/]"
        table.add_row(
            item["alert_id"][:10], severity, row.title, row.agency, row.reference, due, words(f"state.{item['state']}")
        )
    return table
