"""HTTP of evidence for those who handle a case: list it, send it, download it. Free of rules."""

from collections.abc import Iterator
from typing import Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from services.complaints.attachments.kinds import NotTaken
from services.complaints.attachments.repository import Evidence
from services.complaints.attachments.scanning import ScannerFailed
from services.complaints.attachments.sealing import Broken
from services.complaints.attachments.service import (
    MAX_FILE,
    Attachments,
    Full,
    Infected,
    Missing,
    waiting_file,
)
from services.complaints.service import ComplaintService
from services.contracts.codec import encode_json
from services.shared.access import Principal, reach
from services.shared.audit.trail import Trail
from services.shared.auth import require
from services.shared.case_api import idempotency_key
from services.shared.describing import JSON, described
from services.shared.problems import Problem

_GIVEN_OUT = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-store",
}
EVIDENCE = (Evidence, dict[str, list[Evidence]])


def add_evidence_routes(app: FastAPI, service: ComplaintService, attachments: Attachments, trail: Trail) -> None:
    """Add /v1/cases/{case_id}/evidence and what lies below it."""
    for error, handler in _HANDLERS.items():
        app.add_exception_handler(error, handler)
    for_reading, for_sending = Depends(require("complaints.evidence.read")), Depends(require("complaints.evidence.add"))

    def listed(case_id: str, principal: Principal = for_reading) -> Response:
        service.read(case_id, reach("complaints.evidence.read", principal))
        return Response(encode_json({"evidence": attachments.of_case(case_id)}), media_type=JSON)

    async def send(request: Request, case_id: str, principal: Principal = for_sending) -> Response:
        await run_in_threadpool(service.read, case_id, reach("complaints.evidence.add", principal))
        taken = await receive(request, attachments, case_id, principal.subject)
        return Response(encode_json(taken), 201, media_type=JSON)

    def download(case_id: str, ref: str, principal: Principal = for_reading) -> Response:
        service.read(case_id, reach("complaints.evidence.read", principal))
        found = attachments.find(case_id, ref)
        trail.append(principal.subject, "complaint.evidence-read", case_id, ref)
        return given_out(attachments, found)

    path = "/v1/cases/{case_id}/evidence"
    app.add_api_route(
        path, listed, methods=["GET"], name="complaints.evidence.list", tags=["evidence"],
        openapi_extra=described(answer=dict[str, list[Evidence]]),
    )  # fmt: skip
    app.add_api_route(
        path, send, methods=["POST"], name="complaints.evidence.add", tags=["evidence"], status_code=201,
        **taking(Evidence),
    )  # fmt: skip
    app.add_api_route(
        f"{path}/{{ref}}", download, methods=["GET"], name="complaints.evidence.read", tags=["evidence"],
        response_class=Response, responses={200: {"content": {"*/*": {}}}},
    )  # fmt: skip


def taking(answer: Any) -> dict[str, Any]:
    """What a route that takes a file as its body is described with."""
    said = described(answer=answer, status=201)
    content = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    said["requestBody"] = {"required": True, "content": content}
    said["parameters"] = [
        {
            "name": "Idempotency-Key", "in": "header", "required": False, "schema": {"type": "string"},
            "description": "The same file sent again with the same key is kept once.",
        }
    ]  # fmt: skip
    return {"responses": {404: {}, 415: {}}, "openapi_extra": said}


async def receive(request: Request, attachments: Attachments, case_id: str, by: str) -> Evidence:
    """The body of `request`, kept as evidence. At no time more than a piece of it is in memory."""
    key = idempotency_key(request)
    with waiting_file() as file:
        size = 0
        async for piece in request.stream():
            size += len(piece)
            if size > MAX_FILE:
                raise Problem(413, "The file is too large", f"at most {MAX_FILE >> 20} MB a file", slug="too-large")
            file.write(piece)
        if not size:
            raise Problem(422, "The request is not valid", "the body is the file, and it is empty", slug="invalid")
        return await run_in_threadpool(attachments.take, case_id, by, file, key)


def given_out(attachments: Attachments, evidence: Evidence) -> Response:
    """The file as a download that no browser opens by itself. Its first piece is read before the answer begins."""
    pieces = attachments.content(evidence)
    try:
        first = next(pieces)
    except (FileNotFoundError, Broken):
        detail = "the file is not in the store as it was kept: tell the operators which complaint this is"
        raise Problem(500, "The file is damaged", detail, slug="evidence-damaged") from None

    def all_pieces() -> Iterator[bytes]:
        yield first
        yield from pieces

    name = f"{evidence.ref}.{evidence.suffix}"
    headers = _GIVEN_OUT | {
        "Content-Disposition": f'attachment; filename="{name}"', "Content-Length": str(evidence.size),
        "Duban-Malware-Verdict": evidence.verdict,
    }  # fmt: skip
    return StreamingResponse(all_pieces(), headers=headers, media_type=evidence.media_type)


async def _not_taken(_: Request, error: Exception) -> Response:
    return Problem(415, "This kind of file is not taken", str(error), slug="unsupported-type").response()


async def _infected(_: Request, __: Exception) -> Response:
    detail = "the malware scanner found something in this file: it was not kept"
    return Problem(422, "The file is infected", detail, slug="infected").response()


async def _full(_: Request, error: Exception) -> Response:
    return Problem(409, "No room for more evidence", str(error), slug="evidence-full").response()


async def _scanner(_: Request, error: Exception) -> Response:
    detail = "the malware scanner does not answer: nothing was kept, send the file again in a few minutes"
    return Problem(
        503, "The file cannot be checked now", detail, slug="scanner-failed", headers={"Retry-After": "60"}
    ).response()


async def _missing(_: Request, __: Exception) -> Response:
    return Problem(404, "No such evidence", "this complaint has no evidence of that name", slug="not-found").response()


_HANDLERS = {
    NotTaken: _not_taken, Infected: _infected, Full: _full, ScannerFailed: _scanner, Missing: _missing,
}  # fmt: skip
