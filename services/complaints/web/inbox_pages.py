"""The inbox as pages: a code for a session, how the complaint stands, messages both ways, evidence, rating, appeal."""

import secrets
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import FormData

from services.complaints.attachments.service import MAX_FILE, Attachments
from services.complaints.domain.deciding import PERSON
from services.complaints.inbox import Inbox
from services.complaints.inbox_schemas import MAX_MESSAGE, Message
from services.complaints.inbox_session import INBOX_COOKIE, NoSuchCode, TooManyGuesses, begin, case_of, end, holder_of
from services.complaints.receipts import Receipts
from services.complaints.rewards.service import RewardService
from services.complaints.service import ComplaintService
from services.complaints.web.evidence import FIELDS_BYTES, FILES_AT_ONCE, NotKept, files_of, keep, limited
from services.complaints.web.form import WHO
from services.complaints.web.pages import Pages, check_own_page
from services.contracts.identity import MAX_IDENTITY_FIELD, Identity
from services.contracts.lifecycle import Refused
from services.shared.access import Principal
from services.shared.auth import require
from services.shared.commands import Conflict, KeyReused
from services.shared.guessing import Guessing
from services.shared.problems import Problem

_FORM_BYTES = FILES_AT_ONCE * MAX_FILE + FIELDS_BYTES
_DONE = ("message", "rating", "appeal", "identity")
_RATINGS = {str(n): n for n in range(1, 6)}
Reading = Annotated[Principal, Depends(holder_of("complaints.inbox.read"))]
Writing = Annotated[Principal, Depends(holder_of("complaints.inbox.write"))]


class Unfit(Exception):
    """What was sent cannot be taken: the key of the sentence that says why, and the field to correct."""

    def __init__(self, key: str, field: str) -> None:
        super().__init__(key)
        self.key, self.field = key, field


def routes(
    pages: Pages, service: ComplaintService, inbox: Inbox, attachments: Attachments, guessing: Guessing,
    receipts: Receipts, rewards: RewardService,
) -> APIRouter:  # fmt: skip
    """Entering a code, and the inbox behind it."""
    router = APIRouter(route_class=pages.route_class())
    for_opening = [Depends(require("complaints.pages"))]

    def token(request: Request) -> str:
        return receipts.form_token(request.cookies.get(INBOX_COOKIE, ""))

    def shown(request: Request, case_id: str, status: int = 200, **context: Any) -> Response:
        usual = {"error": "", "field": "", "typed": "", "done": ""}
        return pages.render(
            request, "inbox.html", status, thread=inbox.thread(case_id), token=token(request),
            reward=rewards.offered(case_id),
            key=secrets.token_hex(16), files_at_once=FILES_AT_ONCE, **{**usual, **context},
        )  # fmt: skip

    async def taken(
        request: Request, holder: Principal, done: str, act: Callable[[FormData], Any], field: str
    ) -> Response:
        """The form that `act` understands; what it refuses is said above the page, with a link to the field."""
        async with limited(request, _FORM_BYTES).form(
            max_files=FILES_AT_ONCE, max_fields=20, max_part_size=FIELDS_BYTES
        ) as form:
            if not secrets.compare_digest(str(form.get("token", "")), token(request)):
                raise Problem(
                    400, "A form of another session", "this form belongs to another session", slug="foreign-form"
                )
            try:
                await run_in_threadpool(act, form)
            except Unfit as unfit:
                typed = str(form.get("appeal" if unfit.field == "appeal" else "text", ""))
                return shown(request, holder.subject, 422, error=unfit.key, field=unfit.field, typed=typed)
            except KeyReused:
                typed = str(form.get("text", ""))
                return shown(request, holder.subject, 409, error="inbox.sent_before", field=field, typed=typed)
            except (Refused, Conflict):
                return shown(request, holder.subject, 409, error="inbox.too_late", field=field)
        return pages.to(request, "/inbox", done=done)

    @router.get("/inbox/open", include_in_schema=False, dependencies=for_opening)
    def ask_code(request: Request) -> Response:
        return pages.render(request, "open.html", error="", typed="", ended=False)

    @router.post("/inbox/open", include_in_schema=False, dependencies=for_opening)
    async def open_inbox(request: Request) -> Response:
        check_own_page(request)
        async with request.form(max_files=0, max_fields=5) as form:
            code = str(form.get("code", ""))
        try:
            case_id = await case_of(request, service, guessing, code)
        except NoSuchCode:
            return pages.render(request, "open.html", 404, error="open.wrong", typed=code[:40], ended=False)
        except TooManyGuesses as many:
            answer = pages.render(request, "open.html", 429, error="open.too_many", typed=code[:40], ended=False)
            answer.headers["Retry-After"] = str(many.seconds)
            return answer
        onward = pages.to(request, "/inbox")
        begin(request, onward, case_id)
        return onward

    @router.get("/inbox", include_in_schema=False)
    def show(request: Request, holder: Reading, done: str = "") -> Response:
        return shown(request, holder.subject, done=done if done in _DONE else "")

    @router.post("/inbox/messages", include_in_schema=False)
    async def say(request: Request, holder: Writing) -> Response:
        return await taken(
            request, holder, "message", lambda form: _say(inbox, attachments, holder.subject, form), "text"
        )

    @router.post("/inbox/close", include_in_schema=False)
    def close(request: Request, _: Writing) -> Response:
        answer = pages.to(request, "/")
        end(request, answer)
        return answer

    @router.post("/inbox/rating", include_in_schema=False)
    async def rate(request: Request, holder: Writing) -> Response:
        return await taken(request, holder, "rating", lambda form: _rate(inbox, holder.subject, form), "rating-5")

    @router.post("/inbox/appeal", include_in_schema=False)
    async def appeal(request: Request, holder: Writing) -> Response:
        return await taken(request, holder, "appeal", lambda form: _appeal(inbox, holder.subject, form), "appeal")

    @router.post("/inbox/identity", include_in_schema=False)
    async def identify(request: Request, holder: Writing) -> Response:
        return await taken(request, holder, "identity", lambda form: _identify(inbox, holder.subject, form), "name")

    return router


def _say(inbox: Inbox, attachments: Attachments, case_id: str, form: FormData) -> None:
    text = _text(form)
    files = files_of(form)
    if not text and not files:
        raise Unfit("inbox.message_missing", "text")
    answers = str(form.get("answers", ""))
    refs: list[str] = []
    try:
        for file in files:
            refs.append(keep(attachments, case_id, PERSON, file))
        message = Message(text=text, evidence_refs=refs, answers=int(answers) if _is_number(answers) else None)
        inbox.say(case_id, message, _key(form))
    except Exception as error:
        attachments.drop(case_id, refs)  # Nothing was said with them: whoever sends again sends them all.
        if isinstance(error, NotKept):
            raise Unfit(f"inbox.{error.why}", "files") from None
        raise


def _rate(inbox: Inbox, case_id: str, form: FormData) -> None:
    satisfaction = _RATINGS.get(str(form.get("satisfaction", "")))
    if satisfaction is None:
        raise Unfit("inbox.rating_missing", "rating-5")
    inbox.rate(case_id, satisfaction, _key(form))


def _appeal(inbox: Inbox, case_id: str, form: FormData) -> None:
    text = _text(form, "appeal")
    if not text:
        raise Unfit("inbox.appeal_missing", "appeal")
    inbox.appeal(case_id, text, _key(form))


def _identify(inbox: Inbox, case_id: str, form: FormData) -> None:
    who = {name: text for name in WHO if (text := str(form.get(name, "")).strip())}
    if not who:
        raise Unfit("inbox.identity_missing", "name")
    if any(len(text) > MAX_IDENTITY_FIELD for text in who.values()):
        raise Unfit("form.identity.too_long", "name")
    try:
        inbox.identify(case_id, Identity(**who), _key(form))
    except Problem as problem:
        if problem.status != 503:
            raise
        raise Unfit("inbox.identity_unavailable", "name") from None


def _text(form: FormData, field: str = "text") -> str:
    text = str(form.get(field, "")).replace("\r\n", "\n").strip()
    if len(text) > MAX_MESSAGE:
        raise Unfit("inbox.message_too_long", field)
    return text


def _is_number(text: str) -> bool:
    return text.isdecimal() and len(text) < 10


def _key(form: FormData) -> str | None:
    return str(form.get("key", ""))[:64] or None
