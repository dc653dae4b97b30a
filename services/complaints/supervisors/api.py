"""HTTP of the register of supervisors, and of a supervisor's own reports. Free of rules."""

from typing import Any

import msgspec
from fastapi import Depends, FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool

from services.complaints.supervisors.domain.supervisor import Refused, Supervisor, Term
from services.complaints.supervisors.repository import Conflict
from services.complaints.supervisors.schemas import Appointment, Ending
from services.complaints.supervisors.service import Report, Supervisors
from services.shared.access import Principal
from services.shared.auth import require
from services.shared.case_api import MAX_BODY, private, read_body
from services.shared.describing import described
from services.shared.problems import Problem

BODIES = (Appointment, Ending, Supervisor, dict[str, list[Supervisor]], dict[str, list[Report]])
_TAGS: dict[str, Any] = {"tags": ["supervisors"]}


def add_supervisor_routes(app: FastAPI, supervisors: Supervisors) -> None:
    """Add /v1/supervisors."""
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(Conflict, _conflict)
    for_list, for_appoint, for_end, for_reports = (
        Depends(require(f"complaints.supervisors.{what}")) for what in ("list", "appoint", "end", "reports")
    )

    def listed(_: Principal = for_list) -> Response:
        return private({"items": supervisors.listed()})

    async def appoint(request: Request, code: str, principal: Principal = for_appoint) -> Response:
        wanted = msgspec.json.decode(await read_body(request, MAX_BODY), type=Appointment)
        fields = {"code": code, "body": wanted.body, "group": wanted.group}
        supervisor = msgspec.convert(fields, Supervisor)
        term = msgspec.convert({"from_on": wanted.from_on, "to_on": wanted.to_on}, Term)
        return private(await run_in_threadpool(supervisors.appoint, supervisor, term, principal.subject))

    async def end(request: Request, code: str, principal: Principal = for_end) -> Response:
        ending = msgspec.json.decode(await read_body(request, MAX_BODY), type=Ending)
        return private(await run_in_threadpool(supervisors.end, code, ending.last_on, principal.subject))

    def reports(principal: Principal = for_reports) -> Response:
        return private({"items": supervisors.reports(principal.subject)})

    add = app.add_api_route
    add(
        "/v1/supervisors", listed, methods=["GET"], name="complaints.supervisors.list",
        openapi_extra=described(answer=dict[str, list[Supervisor]]), **_TAGS,
    )  # fmt: skip
    add(
        "/v1/supervisors/reports", reports, methods=["GET"], name="complaints.supervisors.reports",
        openapi_extra=described(answer=dict[str, list[Report]]), **_TAGS,
    )  # fmt: skip
    add(
        "/v1/supervisors/{code}/terms", appoint, methods=["POST"], name="complaints.supervisors.appoint",
        openapi_extra=described(Appointment, answer=Supervisor), **_TAGS,
    )  # fmt: skip
    add(
        "/v1/supervisors/{code}/end", end, methods=["POST"], name="complaints.supervisors.end",
        openapi_extra=described(Ending, answer=Supervisor), **_TAGS,
    )  # fmt: skip


async def _refused(_: Request, error: Any) -> Response:
    status = 403 if error.slug == "not-yours" else 409
    return Problem(status, "The register does not allow it", error.detail, slug=error.slug).response()


async def _conflict(_: Request, __: Any) -> Response:
    detail = "another act was first: read the register again, and repeat what still makes sense"
    return Problem(409, "Another act was first", detail, slug="conflict").response()
