"""The board and the page of one alert (domain row J1): what is new, what is worst, what waits for me."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from anyio import to_thread
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse
from markupsafe import escape
from sse_starlette import EventSourceResponse, ServerSentEvent

from services.contracts.instants import from_micros, to_micros
from services.notifications.api import scope_of, watermark_of
from services.notifications.domain.alerts import SEVERITIES, STATES
from services.notifications.domain.directory import Directory
from services.notifications.domain.queries import AlertQuery, Scope
from services.notifications.repository import AlertReader
from services.notifications.tail import FeedTail
from services.notifications.web.address import Address, address_of
from services.notifications.web.charts import Bar, bars
from services.notifications.web.pages import Pages, back_path, now_of
from services.notifications.web.views import Views
from services.shared.auth import Principal, require
from services.shared.problems import Problem
from services.shared.web import tables
from services.shared.web.timelines import timeline_kind
from services.shared.web.words import Words

BARS = 8
GROUPED_AGENCIES, GROUPED_ROWS = 12, 5
STREAM_SECONDS = 1.0
STALE_SECONDS = 60
ECHO_ROUNDS = 5
CSV_COLUMNS = (
    "alert_id", "rule", "clock", "kind", "case_ref", "source_ref", "agency", "section", "officer", "group", "severity",
    "state", "due_at", "raised_at", "settled_at", "corrected_at", "timeline", "version",
)  # fmt: skip


def routes(pages: Pages, alerts: AlertReader, directory: Directory, tail: FeedTail, partitions: int) -> APIRouter:
    """The pages of the board."""
    router = APIRouter(route_class=pages.route_class())
    board = Board(alerts, directory, partitions)

    @router.get("/", include_in_schema=False)
    def show(request: Request, principal: Annotated[Principal, Depends(require("board.read"))]) -> Response:
        address = address_of(dict(request.query_params))
        context = board.context(address, scope_of("board.read", principal), pages.words(request), _root(request))
        return pages.render(request, "board.html", timeline=address.timeline, **context)

    @router.get("/alerts.csv", include_in_schema=False)
    def table(request: Request, principal: Annotated[Principal, Depends(require("board.read"))]) -> Response:
        address = address_of(dict(request.query_params))
        scope = scope_of("board.read", principal)
        rows = _csv(alerts, address, scope, board.now(address.timeline))
        headers = {"Content-Disposition": f'attachment; filename="alerts-{address.timeline}.csv"'}
        return StreamingResponse(rows, media_type="text/csv; charset=utf-8", headers=headers)

    @router.get("/alerts/{alert_id}", include_in_schema=False)
    def one(
        request: Request, alert_id: str, principal: Annotated[Principal, Depends(require("alerts.read"))]
    ) -> Response:
        item = alerts.alert(alert_id, scope_of("alerts.read", principal))
        if item is None:
            raise Problem(404, "No such alert", "there is no such alert, or it lies outside your scope")
        views = Views(pages.words(request), directory, board.now(item["timeline"]))
        return pages.render(
            request, "alert.html", item=item, row=views.row(item), views=views, steps=views.steps(item),
            versions=views.versions(alerts.history(alert_id)), back=back_path(request, _root(request)),
            kind=timeline_kind(item["timeline"]), timeline=item["timeline"],
        )  # fmt: skip

    @router.get("/board/stream", include_in_schema=False)
    async def stream(request: Request, principal: Annotated[Principal, Depends(require("board.read"))]) -> Response:
        address = address_of(dict(request.query_params))
        position = request.headers.get("last-event-id") or request.query_params.get("position", "")
        after = int(position) if position.isdecimal() and len(position) < 16 else alerts.last_position()
        events = _events(board, tail, address, scope_of("board.read", principal), pages.words(request), after)
        return EventSourceResponse(events, ping=15)

    return router


class Board:
    """Reads what the board shows."""

    def __init__(self, alerts: AlertReader, directory: Directory, partitions: int) -> None:
        self.alerts = alerts
        self._directory = directory
        self._partitions = partitions
        self._seen: dict[str, tuple[float, datetime | None]] = {}

    def as_of(self, timeline: str) -> datetime | None:
        """Up to when the board is complete, at most a second old."""
        at, known = self._seen.get(timeline, (0.0, None))
        if time.monotonic() - at > 1.0:
            found = watermark_of(self.alerts, timeline, self._partitions).as_of_us
            known = from_micros(found) if found is not None else None
            self._seen[timeline] = (time.monotonic(), known)
        return known

    def now(self, timeline: str) -> datetime:
        return now_of(timeline, self.as_of(timeline), datetime.now(UTC))

    def freshness(self, timeline: str, words: Words) -> dict[str, Any]:
        """The line that says how far the board reaches. Stale only on the live timeline: a replay has its own pace."""
        as_of, wall = self.as_of(timeline), datetime.now(UTC)
        if as_of is None:
            return {"text": words("fresh.unknown"), "stale": False, "full": ""}
        behind = (wall - as_of).total_seconds()
        stale = timeline == "live" and behind > STALE_SECONDS
        text = (
            words("fresh.stale", span=words.span(wall - as_of))
            if stale
            else words("fresh.live" if timeline == "live" else "fresh.as_of")
        )
        at = words.clock_time(as_of) if timeline == "live" and behind < 12 * 3600 else words.day_time(as_of, wall)
        return {"text": text, "stale": stale, "at": at, "full": words.instant(as_of)}

    def context(self, address: Address, scope: Scope, words: Words, root: str) -> dict[str, Any]:
        """Everything that board.html shows. Raises ValueError for an address that cannot be."""
        position = self.alerts.last_position()  # before the lists: what comes later is announced by the stream
        now = self.now(address.timeline)
        now_us = to_micros(now)
        views = Views(words, self._directory, now)
        query = msgspec.structs.replace(address.query(now_us), **({"after": None} if address.by else {}))
        home = f"{root}/"
        listed: dict[str, Any] = {"rows": [], "next": None, "groups": []}
        if address.by == "agency":
            listed["groups"], listed["next"] = self._grouped(address, scope, views, now_us, home)
        else:
            items, cursor = self.alerts.page(query, scope)
            listed["rows"] = [views.row(item) for item in items]
            listed["next"] = address.link(home, after=cursor) if cursor else None
        chart = self._chart(address, query, scope, views, home)
        timelines = self.alerts.timelines(scope)
        return {
            "address": address, "views": views, "position": position,
            "figures": self._figures(address, scope, words, now_us, home), **listed, **chart,
            "fresh": self.freshness(address.timeline, words), "kind": timeline_kind(address.timeline),
            "timelines": sorted({*timelines, address.timeline, "live"}, key=lambda t: (t != "live", t)),
            "options": self._options(address, scope, views, now_us), "severities": SEVERITIES[::-1], "states": STATES,
            "chips": [(n, self._chip(n, v, views), address.link(home, **{n: ""})) for n, v in address.chosen().items()],
            "csv": address.link(f"{root}/alerts.csv"), "refresh": address.link(home, after=address.after),
            "stream": address.link(f"{root}/board/stream"),
            "elsewhere": [t for t in timelines if t != address.timeline],
        }  # fmt: skip

    def _figures(self, address: Address, scope: Scope, words: Words, now_us: int, home: str) -> dict[str, Any]:
        """The big figures: open alerts by severity, what waits in all, what was raised in the last day."""
        waiting = msgspec.structs.replace(address, severity="", new="", state="open", after="", sort="worst")
        counts = self.alerts.counts(waiting.query(now_us), scope, "severity")
        fresh = msgspec.structs.replace(waiting, new="1", state="all", sort="newest")
        new = sum(self.alerts.counts(fresh.query(now_us), scope, "state").values())
        total = sum(counts.values())
        severity = [
            {
                "name": name, "count": counts.get(name, 0), "on": address.severity == name and address.state == "open",
                "href": waiting.link(home, severity="" if address.severity == name else name),
            }
            for name in SEVERITIES[::-1]
        ]  # fmt: skip
        plain = address.state == "open" and not address.severity and not address.new
        return {
            "severity": severity,
            "waiting": {"count": total, "href": waiting.link(home), "on": plain},
            "new": {
                "count": new,
                "href": waiting.link(home) if address.new else fresh.link(home),
                "on": bool(address.new),
            },
        }

    def _options(self, address: Address, scope: Scope, views: Views, now_us: int) -> dict[str, list[tuple[str, str]]]:
        """What each filter offers: only values that the other filters leave something of, and the chosen one."""
        query = msgspec.structs.replace(address.query(now_us), after=None)
        named = {"group": views.group, "agency": views.agency, "rule": views.rule}
        found = {}
        for field, name in named.items():
            counts = self.alerts.counts(query, scope, field)
            counts.setdefault(getattr(address, field), 0)
            values = [(v, f"{name(v)} ({n})") for v, n in counts.items() if v]
            found[field] = sorted(values, key=lambda value: value[1])
        return found

    def _chart(self, address: Address, query: AlertQuery, scope: Scope, views: Views, home: str) -> dict[str, Any]:
        words, field = views.words, address.chart
        name = views.agency if field == "agency" else views.rule
        found = self.alerts.by_severity(query, scope, field)
        ranked = sorted(found.items(), key=lambda c: (-sum(c[1].values()), c[0]))
        data = [
            Bar(
                label=name(code), value=sum(by.values()), red=by.get("red", 0),
                note=words("chart.note", name=name(code), n=sum(by.values()), red=by.get("red", 0)),
                href=address.link(home, **{field: code}),
            )
            for code, by in ranked
        ]  # fmt: skip
        return {
            "bars": data,
            "chart": bars(data[:BARS], words(f"chart.by_{field}")),
            "more_bars": max(0, len(data) - BARS),
            "shown_bars": BARS,
        }

    def _grouped(
        self, address: Address, scope: Scope, views: Views, now_us: int, home: str
    ) -> tuple[list[dict[str, Any]], str | None]:
        """The worst few alerts of each agency, agencies with the most red cards first, and where the next ones are."""
        query = msgspec.structs.replace(address.query(now_us, limit=GROUPED_ROWS), after=None)
        found = self.alerts.by_severity(query, scope, "agency")
        ranked = sorted(found.items(), key=lambda a: (-a[1].get("red", 0), -sum(a[1].values()), a[0]))
        start = int(address.after) if address.after.isdecimal() else 0
        groups = []
        for code, by in ranked[start : start + GROUPED_AGENCIES]:
            items, _ = self.alerts.page(msgspec.structs.replace(query, agency=code or None), scope)
            total = sum(by.values())
            groups.append(
                {
                    "name": views.agency(code), "total": total, "red": by.get("red", 0),
                    "rows": [views.row(item) for item in items], "rest": total - len(items),
                    "href": address.link(home, agency=code, by=""),
                }
            )  # fmt: skip
        reached = start + GROUPED_AGENCIES
        return groups, address.link(home, after=str(reached)) if reached < len(ranked) else None

    def _chip(self, name: str, value: str, views: Views) -> str:
        words = views.words
        shown = {
            "group": views.group, "agency": views.agency, "rule": views.rule,
            "severity": lambda v: words(f"severity.{v}"), "new": lambda _: words("figure.new"),
        }.get(name, str)(value)  # fmt: skip
        return shown if name == "new" else words("chip", name=words(f"filter.{name}"), value=shown)


async def _events(
    board: Board, tail: FeedTail, address: Address, scope: Scope, words: Words, after: int
) -> AsyncIterator[ServerSentEvent]:
    """ "changed" when an alert of this view has, "fresh" when the watermark has moved; at most one of each a second."""
    query = AlertQuery(timeline=address.timeline, agency=address.agency or None, group=address.group or None)
    said, echo = "", 0
    async with tail.reading():
        while True:
            fresh = await to_thread.run_sync(board.freshness, address.timeline, words)
            line = fresh["text"].replace("\n", " ") + (f" {fresh['at']}" if fresh.get("at") else "")
            if line != said:
                said = line
                yield ServerSentEvent(event="fresh", data=_fresh(fresh))
            last = await tail.beyond(after, STREAM_SECONDS)
            echo -= 1
            if last > after:
                found = await to_thread.run_sync(board.alerts.feed, after, query, scope, 1)
                after = last
                if found:
                    echo = ECHO_ROUNDS
                    yield ServerSentEvent(event="changed", id=str(last), data=str(last))
                await asyncio.sleep(STREAM_SECONDS)  # during a replay thousands change a second: once is enough
            elif echo == 0:  # counts may have been a moment old when the last change was shown
                yield ServerSentEvent(event="changed", id=str(last), data=str(last))


def _fresh(fresh: dict[str, Any]) -> str:
    at = f' <time title="{escape(fresh["full"])}">{escape(fresh["at"])}</time>' if fresh.get("at") else ""
    return f'<span class="{"stale" if fresh["stale"] else "steady"}">{escape(fresh["text"])}{at}</span>'


def _csv(alerts: AlertReader, address: Address, scope: Scope, now: datetime) -> Iterator[str]:
    """Every page of the list."""
    query = msgspec.structs.replace(address.query(to_micros(now), limit=500), after=None)
    yield tables.MARK + tables.line(CSV_COLUMNS)
    while True:
        items, cursor = alerts.page(query, scope)
        for item in items:
            yield tables.line(item[name] for name in CSV_COLUMNS)
        if cursor is None:
            return
        query = msgspec.structs.replace(query, after=cursor)


def _root(request: Request) -> str:
    return str(request.scope.get("root_path", ""))
