"""A survey as a page behind a one-time link (row A6). Works without script and sets no cookie."""

from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import FormData

from services.complaints.surveys.domain.campaign import MAX_WORDS, Answer, Campaign, Refused
from services.complaints.surveys.service import Surveys
from services.complaints.web.directory import Directory
from services.complaints.web.pages import Pages, check_own_page
from services.shared.auth import require
from services.shared.commands import NotFound

_LEVELS = {str(level): level for level in (5, 4, 3, 2, 1)}
_SAID = {"empty": "survey.empty", "too-long": "survey.too_long"}


def routes(pages: Pages, surveys: Surveys, agencies: Directory) -> APIRouter:
    """GET and POST /survey/{token}, and the page behind it."""
    needed = [Depends(require("complaints.surveys.answer"))]
    router = APIRouter(route_class=pages.route_class(), dependencies=needed)

    def asked(request: Request, token: str, form: FormData, error: str = "", status: int = 200) -> Response:
        campaign, agency = surveys.asked(token)
        names = agencies.get(agency, {"zh": agency, "en": agency})
        return pages.render(
            request, "survey.html", status, campaign=campaign, agency=names, given=form, error=error,
            field=f"{campaign.questions[0].code}-5" if error == "survey.empty" else _longest(campaign, form),
            most=MAX_WORDS, token=token,
        )  # fmt: skip

    def no_survey(request: Request, error: Exception) -> Response:
        kind, status = ("survey_closed", 410) if isinstance(error, Refused) else ("survey_used", 404)
        return pages.render(request, "error.html", status, kind=kind)

    @router.get("/survey/done", include_in_schema=False)
    def done(request: Request) -> Response:
        return pages.render(request, "survey_done.html")

    @router.get("/survey/{token}", include_in_schema=False)
    def show(request: Request, token: str) -> Response:
        try:
            return asked(request, token, FormData())
        except (NotFound, Refused) as error:
            return no_survey(request, error)

    @router.post("/survey/{token}", include_in_schema=False)
    async def answer(request: Request, token: str) -> Response:
        check_own_page(request)
        async with request.form(max_files=0, max_fields=50) as form:
            try:
                campaign, _ = await run_in_threadpool(surveys.asked, token)
                await run_in_threadpool(surveys.answer, token, _answer(campaign, form))
            except Refused as refused:
                if refused.slug in _SAID:
                    return asked(request, token, form, _SAID[refused.slug], 422)
                return no_survey(request, refused)
            except NotFound as error:
                return no_survey(request, error)
        return pages.to(request, "/survey/done")

    return router


def _answer(campaign: Campaign, form: FormData) -> Answer:
    given: dict[str, Any] = {q.code: str(form.get(q.code, "")).replace("\r\n", "\n") for q in campaign.questions}
    levels = {q.code: _LEVELS[given[q.code]] for q in campaign.of_kind("level") if given[q.code] in _LEVELS}
    return Answer(levels=levels, texts={q.code: given[q.code] for q in campaign.of_kind("text") if given[q.code]})


def _longest(campaign: Campaign, form: FormData) -> str:
    """The field with most words, where too many are."""
    texts = campaign.of_kind("text")
    return max(texts, key=lambda q: len(str(form.get(q.code, "")))).code if texts else ""
