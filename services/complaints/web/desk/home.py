"""/desk: on to the first page that the reader's role has, or to the one that shows the timeline of the address."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from services.complaints.web.desk.pages import DeskPages
from services.contracts.envelope import LIVE
from services.shared.auth import Principal, require
from services.shared.web.pages import timeline_of


def routes(pages: DeskPages) -> APIRouter:
    """The desk's own address."""
    router = APIRouter(route_class=pages.route_class())

    @router.get("/desk", include_in_schema=False)
    def home(request: Request, principal: Annotated[Principal, Depends(require("complaints.desk"))]) -> Response:
        timeline = timeline_of(request)
        own = [(place, href) for place, href, _ in pages.places(request, principal, timeline) if place.own]
        timed = [href for place, href in own if place.timed and timeline != LIVE]
        return RedirectResponse((timed or [href for _, href in own])[0], 303)

    return router
