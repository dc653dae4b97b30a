"""/desk/surveys: surveys among enterprises, their links as CSV once, their results after the end (row A6).

Nothing says who answered or what one enterprise said: results are those of the service, with its minimum group.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse

from services.complaints.surveys.domain.campaign import LEVELS, MAX_LINKS, Campaign, Refused
from services.complaints.surveys.service import Surveys
from services.complaints.web.desk.offices.survey_form import ROWS, Sheet
from services.complaints.web.desk.offices.survey_links import MAX_LIST, BadList, listed, plain, rows_of
from services.complaints.web.desk.pages import DeskPages
from services.complaints.web.evidence import files_of, limited
from services.shared.access import Principal, allows
from services.shared.auth import require

_FORM_BYTES = 64 * 1024
Reader = Annotated[Principal, Depends(require("complaints.desk.surveys"))]
Keeper = Annotated[Principal, Depends(require("complaints.desk.surveys.act"))]
Text = Annotated[str, Form()]


def routes(pages: DeskPages, surveys: Surveys, clock: Callable[[], datetime]) -> APIRouter:
    """The list, the form of a new one, one survey with its links or results."""
    router = APIRouter(route_class=pages.route_class())
    known = [unit.agency.code for unit in pages.registry.units if unit.section is None]

    def form(request: Request, sheet: Sheet, status: int = 200, **more: Any) -> Response:
        usual: dict[str, Any] = {"wrong": {}, "problem": ""}
        return pages.render(
            request, "survey_new.html", status, sheet=sheet, rows=ROWS, agencies=known, path=_path(pages, request),
            error=bool(more), **{**usual, **more},
        )  # fmt: skip

    def shown(request: Request, principal: Principal, found: Campaign, status: int = 200, **more: Any) -> Response:
        phase = found.phase(clock())
        usual: dict[str, Any] = {"problem": "", "done": "", "typed": {"agency": "", "count": "", "heading": ""}}
        return pages.render(
            request, "survey_one.html", status, campaign=found, phase=phase, levels=LEVELS, most=MAX_LINKS,
            results=surveys.results(found.campaign_id) if phase == "closed" else [], least=surveys.policy.minimum_group,
            issues=phase != "closed" and allows("complaints.surveys.links", principal),
            path=_path(pages, request, found.campaign_id), error=bool(more.get("problem")), **{**usual, **more},
        )  # fmt: skip

    @router.get("/desk/surveys", include_in_schema=False)
    def all_surveys(request: Request, principal: Reader) -> Response:
        found = [(campaign, campaign.phase(clock())) for campaign in surveys.listed()]
        starts = allows("complaints.surveys.start", principal)
        return pages.render(request, "surveys.html", listed=found, starts=starts, path=_path(pages, request))

    @router.get("/desk/surveys/_new", include_in_schema=False)
    def new(request: Request, _: Keeper) -> Response:
        return form(request, Sheet({}, known))

    @router.post("/desk/surveys/_new", include_in_schema=False)
    async def start(request: Request, principal: Keeper) -> Response:
        async with request.form(max_files=0, max_fields=400, max_part_size=_FORM_BYTES) as given:
            typed = {name: str(value) for name, value in given.items()}
            sheet = Sheet(typed, [str(code) for code in given.getlist("agencies")])
        if wrong := sheet.mistakes(known):
            return form(request, sheet, 422, wrong=wrong)
        if typed.get("sure") == "no":
            return form(request, sheet)
        if typed.get("sure") != "yes":
            return pages.render(
                request, "survey_confirm.html", sheet=sheet, campaign=sheet.campaign(), path=_path(pages, request)
            )  # fmt: skip
        try:
            campaign = await run_in_threadpool(surveys.start, sheet.campaign(), principal.subject)
        except Refused as refused:
            return form(request, sheet, 409, problem=refused.slug)
        return RedirectResponse(f"{_path(pages, request, campaign.campaign_id)}?done=start", 303)

    @router.get("/desk/surveys/{campaign_id}", include_in_schema=False)
    def show(request: Request, campaign_id: str, principal: Reader, done: str = "") -> Response:
        return shown(request, principal, surveys.campaign(campaign_id), done=done if done == "start" else "")

    @router.post("/desk/surveys/{campaign_id}", include_in_schema=False)
    async def links(request: Request, campaign_id: str, principal: Keeper) -> Response:
        async with limited(request, MAX_LIST + _FORM_BYTES).form(max_files=1, max_fields=5) as given:
            typed = {name: str(given.get(name, "")).strip() for name in ("agency", "count", "heading")}
            sent = [await file.read() for file in files_of(given, "list")]
        return await run_in_threadpool(issued, request, principal, surveys.campaign(campaign_id), typed, sent)

    def issued(
        request: Request, principal: Principal, campaign: Campaign, typed: dict[str, str], sent: list[bytes]
    ) -> Response:  # fmt: skip
        """As many links as are asked for, or one for each line of the list that was sent."""
        agency, address = typed["agency"], str(request.base_url).rstrip("/")
        try:
            rows = rows_of(sent[0]) if sent else []
        except BadList:
            return shown(request, principal, campaign, 422, problem="list", typed=typed)
        count = str(len(rows) - bool(typed["heading"])) if sent else typed["count"]
        if agency not in campaign.agencies or not count.isdecimal() or not 1 <= int(count) <= MAX_LINKS:
            problem = "list" if sent and agency in campaign.agencies else "links"
            return shown(request, principal, campaign, 422, problem=problem, typed=typed)
        try:
            tokens = surveys.issue(campaign.campaign_id, agency, int(count), principal.subject)
        except Refused as refused:
            return shown(request, principal, campaign, 409, problem=refused.slug, typed=typed)
        made = [f"{address}/survey/{token}" for token in tokens]
        table = listed(rows, bool(typed["heading"]), made) if sent else plain(agency, made)
        name = f"survey-{campaign.campaign_id}-{agency}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
        return Response(table, 200, headers, "text/csv")

    return router


def _path(pages: DeskPages, request: Request, campaign_id: str = "") -> str:
    return f"{pages.home(request)}/surveys" + (f"/{campaign_id}" if campaign_id else "")
