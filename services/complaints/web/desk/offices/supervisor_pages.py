"""/desk/supervisors: the register of supervisors with its forms (row A5)."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Any, get_args

import msgspec
from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from services.complaints.supervisors.domain.supervisor import CITY_TIME, Body, Refused, Supervisor, Term, term_at
from services.complaints.supervisors.repository import Conflict
from services.complaints.supervisors.service import Supervisors
from services.complaints.web.desk.pages import DeskPages
from services.shared.access import Principal, allows
from services.shared.auth import require
from services.shared.commands import NotFound

BODIES: tuple[Body, ...] = get_args(Body)
APPOINT, END = "appoint", "end"
Reader = Annotated[Principal, Depends(require("complaints.desk.supervisors"))]
Keeper = Annotated[Principal, Depends(require("complaints.desk.supervisors.act"))]
Text = Annotated[str, Form()]


def routes(pages: DeskPages, supervisors: Supervisors, clock: Callable[[], datetime]) -> APIRouter:
    """The register and its forms."""
    router = APIRouter(route_class=pages.route_class())

    def shown(request: Request, principal: Principal, status: int = 200, **more: Any) -> Response:
        now = clock()
        listed = [(s, term_at(s, now)) for s in supervisors.listed()]
        usual: dict[str, Any] = {"sent": "", "typed": {}, "wrong": {}, "problem": "", "done": ""}
        return pages.render(
            request, "supervisors.html", status, listed=listed, bodies=BODIES, path=_path(pages, request),
            today=now.astimezone(CITY_TIME).date(), keeps=allows("complaints.supervisors.appoint", principal),
            error=bool(more.get("wrong") or more.get("problem")), **{**usual, **more},
        )  # fmt: skip

    @router.get("/desk/supervisors", include_in_schema=False)
    def register(request: Request, principal: Reader, done: str = "") -> Response:
        return shown(request, principal, done=done if done in (APPOINT, END) else "")

    @router.post("/desk/supervisors", include_in_schema=False)
    def act(
        request: Request, principal: Keeper, command: Text = "", code: Text = "", body: Text = "", group: Text = "",
        from_on: Text = "", to_on: Text = "", last_on: Text = "", sure: Text = "",
    ) -> Response:  # fmt: skip
        typed = {
            "code": code.strip(), "body": body, "group": group, "from_on": from_on, "to_on": to_on, "last_on": last_on,
        }  # fmt: skip
        if command not in (APPOINT, END):
            return shown(request, principal, 422, problem="invalid")
        sent: dict[str, Any] = {"sent": command, "typed": typed}
        if wrong := _mistakes(command, typed, pages):
            return shown(request, principal, 422, wrong=wrong, **sent)
        if sure == "no":
            return shown(request, principal, **sent)
        if sure != "yes":
            return pages.render(
                request, "supervisor_confirm.html", command=command, typed=typed, path=_path(pages, request)
            )  # fmt: skip
        try:
            if command == APPOINT:
                found = {"code": typed["code"], "body": body, "group": group or None}
                term = Term(from_on=date.fromisoformat(from_on), to_on=date.fromisoformat(to_on))
                supervisors.appoint(msgspec.convert(found, Supervisor), term, principal.subject)
            else:
                supervisors.end(typed["code"], date.fromisoformat(last_on), principal.subject)
        except (Refused, NotFound, Conflict) as error:
            slug = error.slug if isinstance(error, Refused) else "stale"
            return shown(request, principal, 409, problem=slug, **sent)
        return RedirectResponse(f"{_path(pages, request)}?done={command}", 303)

    return router


def _mistakes(command: str, typed: dict[str, str], pages: DeskPages) -> dict[str, str]:
    """Field -> the key of the sentence that says what is wrong with it."""
    found = {}
    try:
        msgspec.convert({"code": typed["code"], "body": BODIES[0]}, Supervisor)
    except msgspec.ValidationError:
        found["code"] = "supervisors.wrong.code"
    if command == APPOINT:
        if typed["body"] not in BODIES:
            found["body"] = "supervisors.wrong.body"
        if typed["group"] and typed["group"] not in pages.registry.groups:
            found["group"] = "supervisors.wrong.group"
    days = ("from_on", "to_on") if command == APPOINT else ("last_on",)
    found |= {name: "supervisors.wrong.day" for name in days if not _is_day(typed[name])}
    if command == APPOINT and not found.keys() & {"from_on", "to_on"} and typed["to_on"] < typed["from_on"]:
        found["to_on"] = "supervisors.wrong.order"
    return found


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _path(pages: DeskPages, request: Request) -> str:
    return f"{pages.home(request)}/supervisors"
