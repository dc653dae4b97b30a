"""/desk: on to the first page that the reader's role has."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from services.complaints.web.desk.pages import DeskPages
from services.shared.auth import Principal, require


def routes(pages: DeskPages) -> APIRouter:
    """The desk's own address."""
    router = APIRouter(route_class=pages.route_class())

    @router.get("/desk", include_in_schema=False)
    def home(request: Request, principal: Annotated[Principal, Depends(require("complaints.desk"))]) -> Response:
        own = [href for place, href, _ in pages.places(request, principal) if place.own]
        return RedirectResponse(own[0], 303)

    return router
