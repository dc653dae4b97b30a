"""`duban explain`: why there is an alert — rule, deadline, trail, evidence and history."""

import json
import sys
from typing import Annotated, Any

import typer
from rich.console import Console, Group
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from duban.commands.alerts import STYLES, Board, LangOption, views_in
from duban.context import DEFAULT_DATA, DataOption, fail, load
from services.notifications.web.views import Views

INSTANTS = ("due_at", "raised_at", "settled_at", "corrected_at")
MIN_PREFIX = 4


def register(app: typer.Typer) -> None:
    """Add `explain` to the command line."""
    app.command("explain")(explain)


def explain(
    alert: Annotated[str, typer.Argument(help="id of an alert, or its first characters (at least 4)")],
    lang: LangOption = "zh",
    as_json: Annotated[bool, typer.Option("--json", help="the alert as one JSON object")] = False,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Say why there is an alert. Example: duban explain 3f2a91c4 --lang en"""
    views = views_in(lang)
    if len(alert) < MIN_PREFIX or not alert.isalnum():
        fail("give at least the first 4 characters of the alert's id: `duban alerts` shows them")
    item = Board(load(data)).get(f"/v1/alerts/{alert}")
    if as_json:
        sys.stdout.write(json.dumps(item, ensure_ascii=False) + "\n")
    else:
        Console().print(_panel(item, views))


def _panel(item: dict[str, Any], views: Views) -> Panel:
    words = views.words
    severity = f"[{STYLES[item['severity']]}]{words('severity.' + item['severity'])}[/]"
    head = f"{severity} · [bold]{escape(views.title(item))}[/] · {words('state.' + item['state'])}"
    parts: list[Any] = [head, "", escape(item["explanation"][words.lang]), "", _facts(item, views)]
    trail, history = _grid(), _grid()
    for step in views.steps(item):
        trail.add_row(step.moment.text, step.label, step.detail, f"[dim]{step.event_id or ''}[/]")
    for entry in item["history"]:
        change, state = words(f"change.{entry['change']}"), words(f"state.{entry['state']}")
        history.add_row(f"v{entry['version']}", change, words(f"severity.{entry['severity']}"), state)
    title = "alert.trail" if item["due_at"] else "alert.trail_counted"
    for key, table in ((title, trail), ("alert.history", history)):
        parts += ["", f"[bold]{words(key)}[/]", table]
    parts += ["", f"[bold]{words('alert.evidence')}[/]", *(f"[dim]{event}[/]" for event in item["evidence"])]
    return Panel(Group(*parts), title=item["alert_id"], title_align="left", padding=(1, 2))


def _facts(item: dict[str, Any], views: Views) -> Table:
    words, row = views.words, views.row(item)
    facts = {
        "alert.agency": row.agency, "alert.section": row.section, "alert.officer": item["officer"],
        "filter.group": views.group(item["group"]), "alert.source_ref": item["source_ref"],
        "alert.case_ref": item["case_ref"], "filter.timeline": item["timeline"],
        **{f"alert.{name}": moment.full for name in INSTANTS if (moment := views.moment_of(item[name]))},
        "alert.policy": item["policy_version"], "alert.calendar": item["calendar_version"],
    }  # fmt: skip
    table = _grid()
    for key, value in facts.items():
        if value:
            table.add_row(words(key), escape(value))
    if row.provisional:
        table.add_row(words("provisional"), words("yes"))
    return table


def _grid() -> Table:
    return Table.grid(padding=(0, 2))
