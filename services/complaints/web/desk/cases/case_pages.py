"""/desk/cases/{case_id}: one complaint with its life, and the commands that it allows, as forms (rows B1-B5).

Everything is written by the same commands as over the API, for the version of the case that the form was made from:
whoever acts on a page that is no longer true is shown what is true now, with what they typed.
"""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData, UploadFile

from services.complaints.attachments.service import Attachments
from services.complaints.web.commands import Commands
from services.complaints.web.desk.cases.address import Address
from services.complaints.web.desk.cases.case import CasePage, CaseReader
from services.complaints.web.desk.cases.forms import FIELDS, body_of, mistakes, typed_of
from services.complaints.web.desk.cases.offered import ASKS
from services.complaints.web.desk.cases.views import Views, ref_of
from services.complaints.web.desk.pages import DeskPages
from services.complaints.web.evidence import NotKept, keep
from services.contracts.envelope import LIVE
from services.contracts.lifecycle import Refused
from services.shared.access import Principal, reach
from services.shared.auth import require
from services.shared.commands import Conflict, KeyReused
from services.shared.problems import Problem
from services.shared.web.pages import root_of
from services.shared.web.timelines import timeline_kind

_FORM_BYTES = 256 * 1024
Reader = Annotated[Principal, Depends(require("complaints.desk.case"))]
Actor = Annotated[Principal, Depends(require("complaints.desk.act"))]
Adder = Annotated[Principal, Depends(require("complaints.evidence.add"))]


def routes(
    pages: DeskPages, commands: Commands, reader: CaseReader, attachments: Attachments
) -> APIRouter:  # fmt: skip
    """The page of a case, what is done there, and files for it."""
    router = APIRouter(route_class=pages.route_class())
    service = commands.service

    def read(request: Request, case_id: str, principal: Principal) -> CasePage:
        def views_of(now: datetime) -> Views:
            return Views(pages.words(request), pages.registry, service.due() if service.due else None, now)

        return reader.page(case_id, principal, views_of)

    def shown(
        request: Request, case_id: str, principal: Principal, status: int = 200, *, command: str = "",
        typed: Mapping[str, Sequence[str]] | None = None, **more: Any,
    ) -> Response:  # fmt: skip
        """The page as it is now; `command` is the form that was sent, with what was `typed` and is wrong with it."""
        page, work = read(request, case_id, principal), f"{pages.home(request)}/work"
        usual: dict[str, Any] = {"wrong": {}, "problem": "", "detail": "", "file_wrong": "", "done": None}
        return pages.render(
            request, "case.html", status, page=page, case=page.case, ref=ref_of(case_id), ref_of=ref_of,
            fields=FIELDS, asks=ASKS, sent=command, typed=typed or {}, key=secrets.token_hex(16),
            case_path=f"{pages.home(request)}/cases/{case_id}", api=f"{root_of(request)}/v1/cases/{case_id}",
            error=bool(more.get("wrong") or more.get("problem")), now=page.views.now, timeline=page.case.timeline,
            kind=timeline_kind(page.case.timeline), work=Address(timeline=page.case.timeline).link(work),
            **{**usual, **more},
        )  # fmt: skip

    def acted(request: Request, case_id: str, command: str, principal: Principal, form: FormData) -> Response:
        typed = typed_of(command, {name: [str(v) for v in form.getlist(name)] for name in form})
        version, key = str(form.get("version", "")), str(form.get("key", ""))[:64] or secrets.token_hex(16)
        sent: dict[str, Any] = {"command": command, "typed": typed}
        if form.get("go") == "edit":
            return shown(request, case_id, principal, **sent)
        if wrong := mistakes(command, typed, pages.registry):
            return shown(request, case_id, principal, 422, wrong=wrong, **sent)
        if not version.isdecimal():
            raise Problem(422, "The request is not valid", "the form says no version of the case", slug="invalid")
        stored, _ = service.read(case_id, reach("complaints.read", principal))
        stale = int(version) != stored.version
        if command in ASKS and form.get("sure") != "yes" and not stale:
            return pages.render(
                request, "case_confirm.html", case=stored.case, ref=ref_of(case_id), command=command, typed=typed,
                fields=FIELDS[command], case_version=version, key=key, ref_of=ref_of,
                case_path=f"{pages.home(request)}/cases/{case_id}",
            )  # fmt: skip
        try:
            body = body_of(command, typed, stored.case, principal, pages.registry)
            commands.do(principal, command, body, key, case_id, int(version))
        except Conflict:
            return shown(request, case_id, principal, 409, problem="stale", **sent)
        except Refused as refused:
            return shown(request, case_id, principal, 409, problem=refused.slug, detail=refused.detail, **sent)
        except KeyReused:
            return shown(request, case_id, principal, 409, problem="key_reused", **sent)
        except Problem as problem:
            if problem.status != 422:
                raise
            return shown(request, case_id, principal, 422, problem="invalid", detail=problem.detail, **sent)
        except msgspec.ValidationError as error:
            return shown(request, case_id, principal, 422, problem="invalid", detail=str(error), **sent)
        return RedirectResponse(f"{pages.home(request)}/cases/{case_id}?done={command}", 303)

    @router.get("/desk/cases/{case_id}", include_in_schema=False)
    def show(request: Request, case_id: str, principal: Reader, done: str = "") -> Response:
        return shown(request, case_id, principal, done=done if done in FIELDS or done == "file" else None)

    @router.post("/desk/cases/{case_id}/evidence", include_in_schema=False)
    async def add(request: Request, case_id: str, principal: Adder) -> Response:
        stored, _ = await run_in_threadpool(service.read, case_id, reach("complaints.evidence.add", principal))
        if stored.case.timeline != LIVE:
            raise service.kind.life.refusal(stored.case, "other-timeline", "nobody handles a case of a replay")
        async with request.form(max_files=1, max_fields=5, max_part_size=_FORM_BYTES) as form:
            file = form.get("file")
            wrong = await run_in_threadpool(_kept, attachments, case_id, principal.subject, file)
        if wrong:
            return await run_in_threadpool(shown, request, case_id, principal, 422, file_wrong=wrong)
        return RedirectResponse(f"{pages.home(request)}/cases/{case_id}?done=file#evidence", 303)

    @router.post("/desk/cases/{case_id}/{command}", include_in_schema=False)
    async def act(request: Request, case_id: str, command: str, principal: Actor) -> Response:
        if command not in FIELDS:
            raise Problem(404, "No such command", "there is no such form", slug="not-found")
        async with request.form(max_files=0, max_fields=80, max_part_size=_FORM_BYTES) as form:
            return await run_in_threadpool(acted, request, case_id, command, principal, form)

    return router


def _kept(attachments: Attachments, case_id: str, by: str, file: Any) -> str:
    """Keep what was sent; the key of the sentence that says why it was not, "" when it was."""
    if not isinstance(file, UploadFile) or not file.size:
        return "wrong.file"
    try:
        keep(attachments, case_id, by, file)
    except NotKept as not_kept:
        return f"inbox.{not_kept.why}"
    return ""
