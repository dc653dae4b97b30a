"""HTTP for programs: alerts, watermarks, latency and the feed. Problem details for every refusal."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import msgspec
from anyio import to_thread
from fastapi import APIRouter, Depends, Query, Request, Response
from sse_starlette import EventSourceResponse, ServerSentEvent

from services.contracts.instants import from_micros
from services.contracts.topics import ALERTS, FACTS, SOURCE_TOPICS
from services.notifications.domain.queries import AlertQuery, Scope, finds
from services.notifications.domain.watermarks import Watermark, expected, watermark
from services.notifications.repository import AlertReader, FeedEntry
from services.notifications.schemas import AlertPage, AlertWithHistory, FeedPage, Latency, WatermarkOf
from services.notifications.tail import FeedTail
from services.shared import access
from services.shared.auth import Principal, require
from services.shared.describing import described
from services.shared.failpoints import failpoint
from services.shared.problems import Problem

MAX_LIMIT = 1000
KEEP_ALIVE_SECONDS = 15.0
STREAM_LOT = 200


def scope_of(endpoint: str, principal: Principal) -> Scope:
    """What `principal` may see through `endpoint`."""
    reach = access.reach(endpoint, principal)
    return Scope(city=reach.city, agencies=reach.agencies, groups=reach.groups)


def query_of(
    timeline: str | None = None,
    group: str | None = None,
    agency: str | None = None,
    rule: str | None = None,
    severity: str | None = None,
    state: str | None = None,
    case_ref: str | None = None,
    source_ref: str | None = None,
    sort: Annotated[str, Query(description="newest or worst")] = "newest",
    after: Annotated[str | None, Query(description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 100,
) -> AlertQuery:
    """The query in the address; an empty filter is none. A value that no alert can have is a 422 problem."""
    filters = {
        "timeline": timeline, "group": group, "agency": agency, "rule": rule, "severity": severity, "state": state,
        "case_ref": case_ref, "source_ref": source_ref, "after": after,
    }  # fmt: skip
    try:
        given = {k: v for k, v in filters.items() if v}
        return msgspec.convert({**given, "sort": sort, "limit": limit}, AlertQuery)
    except (msgspec.ValidationError, ValueError) as error:
        raise Problem(422, "The request is not valid", str(error), slug="invalid") from None


def watermark_of(alerts: AlertReader, timeline: str, partitions: int) -> Watermark:
    """Up to when the board is complete; `partitions` stands in for a topic that the inbox has not counted yet."""
    counted = alerts.partitions()
    topics = {topic: counted.get(topic, partitions) for topic in (*SOURCE_TOPICS, FACTS, ALERTS)}
    return watermark(timeline, alerts.marks(timeline), expected(topics))


def routes(alerts: AlertReader, tail: FeedTail, partitions: int) -> APIRouter:
    """Every JSON route of notifications."""
    router = APIRouter()

    @router.get("/v1/alerts", summary="Alerts, newest first, by cursor", openapi_extra=described(answer=AlertPage))
    def list_alerts(
        principal: Annotated[Principal, Depends(require("alerts.list"))],
        query: Annotated[AlertQuery, Depends(query_of)],
    ) -> Response:
        try:
            items, cursor = alerts.page(query, scope_of("alerts.list", principal))
        except ValueError as error:
            raise Problem(422, "The request is not valid", str(error), slug="invalid") from None
        return _json({"items": items, "next": cursor})

    @router.get(
        "/v1/alerts/{alert_id}", summary="One alert, by its id or the unique beginning of it", responses={409: {}},
        openapi_extra=described(answer=AlertWithHistory),
    )  # fmt: skip
    def one_alert(alert_id: str, principal: Annotated[Principal, Depends(require("alerts.read"))]) -> Response:
        scope = scope_of("alerts.read", principal)
        item = alerts.alert(alert_id, scope)
        if item is None:
            item = _by_prefix(alerts, alert_id, scope)
        history = [_entry(e, whole=False) for e in alerts.history(item["alert_id"])]
        return _json({**item, "history": history})

    @router.get(
        "/v1/watermarks", summary="Up to when the board is complete", openapi_extra=described(answer=WatermarkOf)
    )
    def watermarks(_: Annotated[Principal, Depends(require("watermarks.read"))], timeline: str = "live") -> Response:
        found = watermark_of(alerts, timeline, partitions)
        as_of = from_micros(found.as_of_us) if found.as_of_us is not None else None
        return _json(
            {
                "timeline": timeline, "as_of": as_of, "sources_expected": found.sources_expected,
                "sources_seen": found.sources_seen,
            }
        )  # fmt: skip

    @router.get(
        "/v1/latency", summary="Exact event-to-alert latency of a timeline", openapi_extra=described(answer=Latency)
    )
    def latency(_: Annotated[Principal, Depends(require("latency.read"))], timeline: str = "live") -> Response:
        return _json(alerts.latency(timeline))

    @router.get(
        "/feed", summary="Alert versions in the order they came; an event stream when asked for one",
        responses={200: {"content": {"text/event-stream": {}}}}, openapi_extra=described(answer=FeedPage),
    )  # fmt: skip
    async def feed(
        request: Request,
        principal: Annotated[Principal, Depends(require("feed.read"))],
        query: Annotated[AlertQuery, Depends(query_of)],
    ) -> Response:
        scope = scope_of("feed.read", principal)
        streaming = "text/event-stream" in request.headers.get("accept", "")
        after = _position(request.headers.get("last-event-id") if streaming else None, query.after)
        if streaming:
            return EventSourceResponse(_stream(alerts, tail, after, query, scope), ping=int(KEEP_ALIVE_SECONDS))
        entries = await to_thread.run_sync(alerts.feed, after, query, scope, query.limit)
        last = entries[-1].position if entries else after
        return _json({"items": [_entry(e) for e in entries], "next": last})

    return router


async def _stream(
    alerts: AlertReader, tail: FeedTail, after: int, query: AlertQuery, scope: Scope
) -> AsyncIterator[ServerSentEvent]:
    """Entries after `after` for as long as the reader stays. `scanned` moves past entries that the query leaves out."""
    scanned = after
    async with tail.reading():
        while True:
            last = await tail.beyond(scanned, KEEP_ALIVE_SECONDS)
            while scanned < last:
                kept = tail.after(scanned)
                if kept is None:
                    entries = await to_thread.run_sync(alerts.feed, scanned, query, scope, STREAM_LOT)
                    reached = entries[-1].position if entries else last
                    scanned = reached if len(entries) == STREAM_LOT else max(last, reached)
                else:
                    entries = [entry for entry in kept if finds(query, scope, entry.item)]
                    scanned = kept[-1].position if kept else last
                for entry in entries:
                    failpoint("deliver.before", f"alert.{entry.change}.v1")
                    yield ServerSentEvent(
                        id=str(entry.position), event=entry.change, data=msgspec.json.encode(_entry(entry)).decode()
                    )
                    failpoint("deliver.after", f"alert.{entry.change}.v1")


def _by_prefix(alerts: AlertReader, prefix: str, scope: Scope) -> dict[str, Any]:
    ids = alerts.by_prefix(prefix, scope, 2) if len(prefix) >= 4 else []
    if len(ids) > 1:
        raise Problem(409, "More than one alert", f"several alerts begin with {prefix!r}: give more of the id",
                      slug="ambiguous")  # fmt: skip
    item = alerts.alert(ids[0], scope) if ids else None
    if item is None:
        raise Problem(404, "No such alert", "there is no such alert, or it lies outside your scope", slug="not-found")
    return item


def _position(*candidates: str | None) -> int:
    for text in candidates:
        if text:
            if not text.isdecimal() or len(text) > 15:
                detail = "after is a position in the feed: a number"
                raise Problem(422, "The request is not valid", detail, slug="invalid")
            return int(text)
    return 0


def _entry(entry: FeedEntry, *, whole: bool = True) -> dict[str, Any]:
    item = entry.item if whole else {n: entry.item[n] for n in ("version", "state", "severity")}
    return {"position": entry.position, "change": entry.change, **item, "latency_ms": entry.latency_ms}


def _json(content: Any) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json")
