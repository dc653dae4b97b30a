"""HTTP of surveys: the office starts them and gives out links, results are read after the end. Free of rules."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
from fastapi import Depends, FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool

from services.complaints.surveys.domain.campaign import Refused
from services.complaints.surveys.schemas import Links, Listed, NewCampaign, campaign_of, listed
from services.complaints.surveys.service import Surveys
from services.shared.access import Principal
from services.shared.auth import require
from services.shared.case_api import MAX_BODY, private, read_body
from services.shared.describing import described
from services.shared.problems import Problem

BODIES = (NewCampaign, Links, Listed, dict[str, list[Listed]])
_TAGS: dict[str, Any] = {"tags": ["surveys"]}


def add_survey_routes(app: FastAPI, surveys: Surveys, clock: Callable[[], datetime]) -> None:
    """Add /v1/surveys."""
    app.add_exception_handler(Refused, _refused)
    for_start, for_links, for_list, for_results = (
        Depends(require(f"complaints.surveys.{what}")) for what in ("start", "links", "list", "results")
    )

    async def start(request: Request, principal: Principal = for_start) -> Response:
        wanted = msgspec.json.decode(await read_body(request, MAX_BODY), type=NewCampaign)
        campaign = await run_in_threadpool(surveys.start, campaign_of(wanted), principal.subject)
        return private(listed(campaign, clock()), 201)

    async def links(request: Request, campaign_id: str, principal: Principal = for_links) -> Response:
        wanted = msgspec.json.decode(await read_body(request, MAX_BODY), type=Links)
        tokens = await run_in_threadpool(
            surveys.issue, campaign_id, wanted.agency, wanted.count, principal.subject
        )  # fmt: skip
        root = str(request.scope.get("root_path", ""))
        return private({"agency": wanted.agency, "links": [f"{root}/survey/{token}" for token in tokens]}, 201)

    def all_of_them(_: Principal = for_list) -> Response:
        return private({"items": [listed(campaign, clock()) for campaign in surveys.listed()]})

    def results(campaign_id: str, _: Principal = for_results) -> Response:
        return private({"campaign_id": campaign_id, "items": surveys.results(campaign_id)})

    add = app.add_api_route
    add(
        "/v1/surveys", all_of_them, methods=["GET"], name="complaints.surveys.list",
        openapi_extra=described(answer=dict[str, list[Listed]]), **_TAGS,
    )  # fmt: skip
    add(
        "/v1/surveys", start, methods=["POST"], name="complaints.surveys.start", status_code=201,
        openapi_extra=described(NewCampaign, answer=Listed, status=201), **_TAGS,
    )  # fmt: skip
    add(
        "/v1/surveys/{campaign_id}/links", links, methods=["POST"], name="complaints.surveys.links", status_code=201,
        openapi_extra=described(Links), **_TAGS,
    )  # fmt: skip
    add(
        "/v1/surveys/{campaign_id}/results", results, methods=["GET"], name="complaints.surveys.results",
        responses={409: {}}, **_TAGS,
    )  # fmt: skip


async def _refused(_: Request, error: Any) -> Response:
    status, title = (422, "The request is not valid") if error.slug == "invalid" else (409, "Not allowed now")
    return Problem(status, title, error.detail, slug=error.slug).response()
