"""/desk/reports: a supervisor's own reports with their answers, and the form of a new one (row A5).

A report is filed as over the API: in the supervisor's own name, and only while their term of office runs.
"""

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool

from services.complaints.domain.receipt_code import grouped
from services.complaints.supervisors.service import Supervisors
from services.complaints.web.commands import Commands
from services.complaints.web.desk.cases.views import ref_of
from services.complaints.web.desk.intake import OFFENCES, OWN, Sheet, Wrong
from services.complaints.web.desk.pages import DeskPages
from services.complaints.web.evidence import FIELDS_BYTES
from services.contracts.lifecycle import Refused
from services.shared.access import Principal
from services.shared.auth import require
from services.shared.problems import Problem
from services.shared.web.words import CITY_ZONE

_SAID = {"wrong.personal": "reports.wrong.personal"}  # the form has no sealed fields to refer to
Monitor = Annotated[Principal, Depends(require("complaints.desk.reports"))]
Reporter = Annotated[Principal, Depends(require("complaints.desk.reports.act"))]


def routes(
    pages: DeskPages, commands: Commands, supervisors: Supervisors, clock: Callable[[], datetime]
) -> APIRouter:  # fmt: skip
    """The list, the form, and the receipt that answers it."""
    router = APIRouter(route_class=pages.route_class())

    def form(
        request: Request, monitor: Principal, sheet: Sheet, wrong: Mapping[str, str], status: int = 200,
        detail: str = "",
    ) -> Response:  # fmt: skip
        said = Wrong({name: _SAID.get(key, key) for name, key in wrong.items()})
        return pages.render(
            request, "report_new.html", status, sheet=sheet, wrong=said, detail=detail, error=status >= 400,
            term=supervisors.term_of(monitor.subject), offences=OFFENCES, path=_path(pages, request),
        )  # fmt: skip

    def filed(request: Request, monitor: Principal, sheet: Sheet) -> Response:
        if wrong := sheet.mistakes(clock().astimezone(CITY_ZONE).date()):
            return form(request, monitor, sheet, wrong, 422)
        try:
            answer = commands.file(monitor, sheet.body(), sheet["key"])
        except Refused as refused:
            return form(request, monitor, sheet, {}, 409, "" if refused.slug == "no-active-term" else refused.detail)
        except Problem as problem:
            if problem.status != 422:
                raise
            return form(request, monitor, sheet, {"text": "wrong.other"}, 422, problem.detail)
        return pages.render(
            request, "report_receipt.html", code=grouped(answer.receipt_code or ""), ref=ref_of(answer.case_id),
            sheet=sheet, path=_path(pages, request),
        )  # fmt: skip

    @router.get("/desk/reports", include_in_schema=False)
    def reports(request: Request, monitor: Monitor) -> Response:
        found = supervisors.reports(monitor.subject)
        return pages.render(
            request, "reports.html", reports=found, ref_of=ref_of, term=supervisors.term_of(monitor.subject),
            path=_path(pages, request),
        )  # fmt: skip

    @router.get("/desk/reports/_new", include_in_schema=False)
    def new(request: Request, monitor: Reporter) -> Response:
        return form(request, monitor, _sheet({"key": secrets.token_hex(16)}, monitor, pages), {})

    @router.post("/desk/reports/_new", include_in_schema=False)
    async def report(request: Request, monitor: Reporter) -> Response:
        async with request.form(max_files=0, max_fields=20, max_part_size=FIELDS_BYTES) as given:
            sheet = _sheet(dict(given), monitor, pages)
        return await run_in_threadpool(filed, request, monitor, sheet)

    return router


def _sheet(given: Mapping[str, Any], monitor: Principal, pages: DeskPages) -> Sheet:
    """What was typed, as a report of the account that signed in: no field says whose it is."""
    own = {name: value for name, value in given.items() if name in OWN}
    return Sheet({**own, "channel": "supervisor", "supervisor": monitor.subject}, pages.registry)


def _path(pages: DeskPages, request: Request) -> str:
    return f"{pages.home(request)}/reports"
