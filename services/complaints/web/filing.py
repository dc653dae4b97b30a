"""The pages from "what happened" to the receipt: one question a page, then all answers with evidence, then the code.

Files are chosen on the last page, which alone sends them: no page could hand them on to the next.
"""

import secrets
from collections.abc import Sequence

from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from services.complaints.attachments.service import Attachments
from services.complaints.domain.receipt_code import grouped
from services.complaints.inbox import Inbox
from services.complaints.inbox_session import begin
from services.complaints.web.commands import Commands
from services.complaints.web.directory import Directory
from services.complaints.web.evidence import FILES_AT_ONCE, add_to_filed, files_of, patient_form
from services.complaints.web.form import (
    OFFENCES,
    PAGES,
    UNKNOWN,
    Answers,
    Page,
    answers_of,
    before,
    carried,
    first_wrong,
    following,
    wrong,
)
from services.complaints.web.pages import Pages, check_own_page
from services.shared.access import ANONYMOUS
from services.shared.auth import require
from services.shared.problems import Problem

_MAX_FIELDS = 30
_CHANGE = "change-"


def routes(
    pages: Pages, commands: Commands, inbox: Inbox, attachments: Attachments, agencies: Directory, mail: str
) -> APIRouter:  # fmt: skip
    """The start page and the form. `mail` is the address for complaints by e-mail, empty where there is none."""
    router = APIRouter(route_class=pages.route_class(), dependencies=[Depends(require("complaints.pages"))])

    def question(
        request: Request, page: Page, answers: Answers, error: str | None = None, status: int = 422
    ) -> Response:  # fmt: skip
        return pages.render(
            request, f"form_{page}.html", status if error else 200, answers=answers, page=page, error=error or "",
            back=before(page), number=PAGES.index(page) + 1, of=len(PAGES), offences=OFFENCES, agencies=agencies,
            unknown=UNKNOWN, carried=carried(page), files_at_once=FILES_AT_ONCE,
        )  # fmt: skip

    @router.get("/", include_in_schema=False)
    def start(request: Request) -> Response:
        return pages.render(request, "start.html", mail=mail)

    @router.get("/file", include_in_schema=False)
    def begun(request: Request) -> Response:
        return question(request, PAGES[0], Answers(key=secrets.token_hex(16)))

    async def sent(request: Request, answers: Answers, files: Sequence[UploadFile]) -> Response:
        """File first, then keep the files: whatever is wrong with one, the complaint is there and has its code."""
        body, key = answers.body(pages.words(request).lang), answers.key or secrets.token_hex(16)
        try:
            answer = await run_in_threadpool(commands.file, ANONYMOUS, body, key)
        except Problem as problem:
            if problem.status != 503:
                raise
            return question(request, "identity", answers, "form.identity.unavailable", 503)
        evidence = await run_in_threadpool(add_to_filed, inbox, attachments, answer.case_id, files, key)
        receipt = pages.render(
            request, "receipt.html", code=grouped(answer.receipt_code or ""), evidence=evidence,
            files_at_once=FILES_AT_ONCE,
        )  # fmt: skip
        begin(request, receipt, answer.case_id)
        return receipt

    @router.post("/file", include_in_schema=False)
    async def answered(request: Request) -> Response:
        check_own_page(request)
        async with patient_form(request, _MAX_FIELDS) as form:
            answers, at, go = answers_of(dict(form)), str(form.get("at", "")), str(form.get("go", "next"))
            page: Page = next((p for p in PAGES if p == at), PAGES[0])
            if go.startswith(_CHANGE):
                wanted = go.removeprefix(_CHANGE)
                return question(request, next((p for p in PAGES if p == wanted), PAGES[0]), answers)
            if go in ("back", "stay"):
                return question(request, before(page) or PAGES[0] if go == "back" else page, answers)
            if page != "check":
                error = wrong(page, answers, agencies)
                return question(request, page if error else following(page, answers, agencies), answers, error)
            if missing := first_wrong(answers, agencies):
                return question(request, missing, answers, wrong(missing, answers, agencies))
            return await sent(request, answers, files_of(form))

    return router
