"""/desk/work: complaints by time left, for whoever has to act (rows B1, B2), and the same list as a table."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse

from services.complaints.due import NO_DUE
from services.complaints.service import ComplaintService
from services.complaints.web.desk.cases.address import PAGE, Address, address_of, cursor_of
from services.complaints.web.desk.cases.views import Views
from services.complaints.web.desk.pages import DeskPages
from services.complaints.work import OPEN, STATUSES
from services.contracts.envelope import LIVE
from services.contracts.instants import from_micros
from services.shared.access import Principal, Reach, reach
from services.shared.auth import require
from services.shared.web import tables
from services.shared.web.pages import root_of
from services.shared.web.timelines import timeline_kind

ENDPOINT = "complaints.desk.work"
CSV_AT_ONCE, CSV_MOST = 500, 20_000
CSV_COLUMNS = (
    "case_id", "channel", "offence", "about", "agency", "status", "severity", "due_clock", "due_at", "due_owner",
    "paused", "provisional", "next_step",
)  # fmt: skip
Reader = Annotated[Principal, Depends(require(ENDPOINT))]


def routes(pages: DeskPages, service: ComplaintService) -> APIRouter:
    """The work list, and the same list as CSV."""
    router = APIRouter(route_class=pages.route_class())

    @router.get("/desk/work", include_in_schema=False)
    def show(request: Request, principal: Reader) -> Response:
        address, scope = address_of(dict(request.query_params)), reach(ENDPOINT, principal)
        now, timelines = service.now(address.timeline), service.timelines()
        views = Views(pages.words(request), pages.registry, service.due() if service.due else None, now)
        found = service.work(address.query(principal, now), scope)
        home = f"{root_of(request)}/desk/work"
        last = found[PAGE - 1] if len(found) > PAGE else None
        onward = address.link(home, after=cursor_of(last.due.due_at, last.case.case_id)) if last else None
        return pages.render(
            request, "work.html", rows=[views.row(listed) for listed in found[:PAGE]], address=address, next=onward,
            first=address.link(home) if address.after else None,
            tabs=_tabs(service, address, principal, scope, now, home),
            options=_options(views, scope, principal), csv=address.link(f"{root_of(request)}/desk/work.csv"),
            narrowed=address.narrows(), path=home, everything=Address(timeline=address.timeline).link(home), now=now,
            timeline=address.timeline, kind=timeline_kind(address.timeline), live=LIVE,
            timelines=list(dict.fromkeys((*timelines, address.timeline))),
        )  # fmt: skip

    @router.get("/desk/work.csv", include_in_schema=False)
    def table(request: Request, principal: Reader) -> Response:
        address, scope = address_of(dict(request.query_params)), reach(ENDPOINT, principal)
        lines = _csv(service, address, principal, scope, service.now(address.timeline))
        headers = {"Content-Disposition": 'attachment; filename="work.csv"', "Cache-Control": "private, no-store"}
        return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)

    return router


def _tabs(
    service: ComplaintService, address: Address, principal: Principal, scope: Reach, now: datetime, home: str
) -> list[dict[str, Any]]:  # fmt: skip
    """The usual views with how many complaints each has."""
    usual = Address(timeline=address.timeline)
    views = {"open": usual} | {
        name: msgspec.structs.replace(usual, **{name: "1"}) for name in ("mine", "overdue", "paused")
    }  # fmt: skip
    counts = service.work_counts([view.query(principal, now) for view in views.values()], scope)
    return [
        {
            "name": name, "key": str(number), "href": view.link(home), "on": view.link(home) == address.link(home),
            "count": count,
        }
        for number, ((name, view), count) in enumerate(zip(views.items(), counts, strict=True), 1)
    ]  # fmt: skip


def _options(views: Views, scope: Reach, principal: Principal) -> dict[str, list[tuple[str, str]]]:
    """What each filter offers: agencies only to those who see more than one."""
    words, registry = views.words, views.registry
    seen = [
        (unit.agency.code, registry.agency(unit.agency.code, words.lang))
        for unit in registry.units
        if unit.section is None and (scope.city or unit.agency.group in scope.groups)
    ]
    return {
        "status": [("open", words("work.open")), *((s, words(f"desk.status.{s}")) for s in STATUSES if s in OPEN),
                   ("closed", words("desk.status.closed")), ("all", words("work.all"))],
        "clock": [(name, views.clock(name)) for name in (views.due.specs if views.due else ())],
        "agency": seen,
    }  # fmt: skip


def _csv(
    service: ComplaintService, address: Address, principal: Principal, scope: Reach, now: datetime
) -> Iterator[str]:  # fmt: skip
    """Every page of the list, codes as the API has them."""
    query = msgspec.structs.replace(address.query(principal, now, CSV_AT_ONCE), after=None)
    yield tables.MARK + tables.line(CSV_COLUMNS)
    sent = 0
    while sent < CSV_MOST and (found := service.work(query, scope)):
        for case, due in found:
            known = {**msgspec.structs.asdict(case), **msgspec.structs.asdict(due)}
            known["due_at"] = from_micros(due.due_at).isoformat() if due.due_at < NO_DUE else None
            yield tables.line(known[name] for name in CSV_COLUMNS)
        sent += len(found)
        last = found[-1]
        query = msgspec.structs.replace(query, after=(last.due.due_at, last.case.case_id))
