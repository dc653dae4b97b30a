"""HTTP of the anonymous inbox: a session by receipt code, the thread, messages, evidence. Free of rules."""

from typing import Any

import msgspec
from fastapi import Depends, FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool

from services.complaints.attachments.api import receive, taking
from services.complaints.attachments.service import Attachments
from services.complaints.domain.deciding import PERSON
from services.complaints.inbox import Inbox
from services.complaints.inbox_schemas import Appeal, Code, Message, Rating, Said, Taken, Thread
from services.complaints.inbox_session import HANDLERS, begin, case_of, end, holder_of
from services.complaints.schemas import Identify
from services.complaints.service import ComplaintService
from services.shared.access import Principal, reach
from services.shared.audit.trail import Trail
from services.shared.auth import require
from services.shared.case_api import MAX_BODY, PRIVATE, idempotency_key, private, read_body
from services.shared.commands import Answer
from services.shared.describing import described
from services.shared.guessing import Guessing

INBOX = (Code, Message, Rating, Appeal, Identify, Taken, Thread, dict[str, list[Said]])
_TAGS: dict[str, Any] = {"tags": ["inbox"]}
_GONE: dict[int | str, dict[str, Any]] = {404: {}}


def add_inbox_routes(
    app: FastAPI, service: ComplaintService, inbox: Inbox, attachments: Attachments, guessing: Guessing, trail: Trail
) -> None:
    """Add /v1/inbox for holders of a receipt code, /v1/cases/{case_id}/messages for those who handle the case."""
    for error, handler in HANDLERS.items():
        app.add_exception_handler(error, handler)
    for_opening, for_messages = Depends(require("complaints.inbox.open")), Depends(require("complaints.messages.read"))
    for_reading, for_writing = (Depends(holder_of(f"complaints.inbox.{what}")) for what in ("read", "write"))

    async def open_session(request: Request, _: Principal = for_opening) -> Response:
        code = msgspec.json.decode(await read_body(request, MAX_BODY), type=Code).code
        case_id = await case_of(request, service, guessing, code)
        answer = private(await run_in_threadpool(inbox.thread, case_id), 201)
        begin(request, answer, case_id)
        return answer

    def read(holder: Principal = for_reading) -> Response:
        return private(inbox.thread(holder.subject))

    async def say(request: Request, holder: Principal = for_writing) -> Response:
        message = msgspec.json.decode(await read_body(request, MAX_BODY), type=Message)
        return private(await run_in_threadpool(inbox.say, holder.subject, message, idempotency_key(request)), 201)

    async def send(request: Request, holder: Principal = for_writing) -> Response:
        await run_in_threadpool(inbox.thread, holder.subject)
        taken = await receive(request, attachments, holder.subject, PERSON)
        return private(Taken(taken.ref, taken.size, taken.verdict, taken.cleaned), 201)

    async def rate(request: Request, holder: Principal = for_writing) -> Response:
        rating = msgspec.json.decode(await read_body(request, MAX_BODY), type=Rating)
        key = idempotency_key(request)
        return private(await run_in_threadpool(inbox.rate, holder.subject, rating.satisfaction, key), 201)

    async def appeal(request: Request, holder: Principal = for_writing) -> Response:
        appeal = msgspec.json.decode(await read_body(request, MAX_BODY), type=Appeal)
        return private(
            await run_in_threadpool(inbox.appeal, holder.subject, appeal.text, idempotency_key(request)), 201
        )

    async def identify(request: Request, holder: Principal = for_writing) -> Response:
        identity = msgspec.json.decode(await read_body(request, MAX_BODY), type=Identify).identity
        return private(await run_in_threadpool(inbox.identify, holder.subject, identity, idempotency_key(request)), 201)

    def close(request: Request, _: Principal = for_writing) -> Response:
        answer = Response(status_code=204, headers=PRIVATE)
        end(request, answer)
        return answer

    def messages(case_id: str, principal: Principal = for_messages) -> Response:
        _stored, history = service.read(case_id, reach("complaints.messages.read", principal))
        trail.append(principal.subject, "complaint.messages-read", case_id)
        return private({"messages": inbox.messages(history)})

    add = app.add_api_route
    add(
        "/v1/inbox/session", open_session, methods=["POST"], name="complaints.inbox.open", status_code=201,
        responses={404: {}, 429: {}}, openapi_extra=described(Code, answer=Thread, status=201), **_TAGS,
    )  # fmt: skip
    add("/v1/inbox/session", close, methods=["DELETE"], name="complaints.inbox.close", status_code=204, **_TAGS)
    add(
        "/v1/inbox", read, methods=["GET"], name="complaints.inbox.read", responses=_GONE,
        openapi_extra=described(answer=Thread), **_TAGS,
    )  # fmt: skip
    add(
        "/v1/inbox/messages", say, methods=["POST"], name="complaints.inbox.write", status_code=201,
        responses=_GONE, openapi_extra=described(Message, answer=Answer, status=201), **_TAGS,
    )  # fmt: skip
    add(
        "/v1/inbox/evidence", send, methods=["POST"], name="complaints.inbox.send", status_code=201,
        **taking(Taken), **_TAGS,
    )  # fmt: skip
    add(
        "/v1/inbox/rating", rate, methods=["POST"], name="complaints.inbox.rating", status_code=201,
        responses=_GONE, openapi_extra=described(Rating, answer=Answer, status=201), **_TAGS,
    )  # fmt: skip
    add(
        "/v1/inbox/appeal", appeal, methods=["POST"], name="complaints.inbox.appeal", status_code=201,
        responses=_GONE, openapi_extra=described(Appeal, answer=Answer, status=201), **_TAGS,
    )  # fmt: skip
    add(
        "/v1/cases/{case_id}/messages", messages, methods=["GET"], name="complaints.messages.read", tags=["complaints"],
        openapi_extra=described(answer=dict[str, list[Said]]),
    )  # fmt: skip
    add(
        "/v1/inbox/identity", identify, methods=["POST"], name="complaints.inbox.identity", status_code=201,
        responses=_GONE, openapi_extra=described(Identify, answer=Answer, status=201), **_TAGS,
    )  # fmt: skip
