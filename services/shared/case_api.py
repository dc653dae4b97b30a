"""The HTTP routes that the four sources have alike: commands, cases, imports, ticks. Free of any service's rules."""

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from fastapi import Depends, FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool

from services.contracts.clock import CalendarDecreedV1
from services.contracts.codec import encode_json
from services.contracts.envelope import LIVE
from services.contracts.identifiers import name_of, new_id
from services.contracts.instants import Instant, from_micros, to_micros
from services.contracts.lifecycle import Refused
from services.shared import access, commands
from services.shared.access import Principal
from services.shared.audit.trail import TrailBusy
from services.shared.auth import require
from services.shared.bodies import Body
from services.shared.commands import Answer, CaseService, Order
from services.shared.describing import JSON, described
from services.shared.importing import Imported, Importer, Line
from services.shared.problems import Problem
from services.shared.source_telemetry import COMMAND_SECONDS, COMMANDS, IMPORTED

PRIVATE = {"Cache-Control": "private, no-store"}
MAX_BODY = 64 * 1024
MAX_IMPORT = 16 * 1024 * 1024
MAX_LINES = 2000
MAX_VERSION_DIGITS = 9


class ImportRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Up to 2,000 commands of an imported log, each case's in order."""

    timeline: str
    commands: list[Line]


class TickRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Every event of `timeline` before `as_of` has been sent."""

    timeline: str
    as_of: Instant


_import_decoder = msgspec.json.Decoder(ImportRequest)
_tick_decoder = msgspec.json.Decoder(TickRequest)


def add_case_routes(app: FastAPI, service: CaseService[Any], bodies: Mapping[str, Body[Any]]) -> None:
    """Add /v1/cases with a route for each command, and POST /v1/imports, /v1/ticks and /v1/decrees."""
    life, name = service.kind.life, service.kind.service
    for command, body in bodies.items():
        path = "/v1/cases" if command == life.opening else f"/v1/cases/{{case_id}}/{command}"
        app.add_api_route(
            path, _command(service, command, body), methods=["POST"], name=f"{name}.{command}",
            status_code=201 if command == life.opening else 200, summary=access.TABLE[f"{name}.{command}"].about,
            tags=[name],
            openapi_extra=described(
                body.schema, command=True, answer=Answer, status=201 if command == life.opening else 200
            ),
        )  # fmt: skip
    _add_read(app, service)
    _add_imports(app, service)


def _command(service: CaseService[Any], command: str, body: Body[Any]) -> Any:
    name, opening = service.kind.service, command == service.kind.life.opening
    endpoint = f"{name}.{command}"
    needed = Depends(require(endpoint))

    def execute(request: Request, principal: Principal, raw: bytes) -> Response:
        begun, outcome = time.perf_counter(), "error"
        try:
            order = order_of(request, principal, endpoint, command, body, raw)
            answer, repeated = service.execute(order)
            outcome = "repeated" if repeated else "done"
            return answered(request, answer, name, status=201 if opening else 200, repeated=repeated)
        except commands.Conflict:
            outcome = "conflict"
            raise
        except (Refused, Problem, msgspec.DecodeError, commands.NotFound, commands.KeyReused, commands.OutsideScope):
            outcome = "refused"
            raise
        finally:
            COMMANDS.labels(name, command, outcome).inc()
            COMMAND_SECONDS.labels(name).observe(time.perf_counter() - begun)

    async def on_opening(request: Request, principal: Principal = needed) -> Response:
        return await run_in_threadpool(execute, request, principal, await read_body(request, MAX_BODY))

    async def on_case(request: Request, case_id: str, principal: Principal = needed) -> Response:
        return await run_in_threadpool(execute, request, principal, await read_body(request, MAX_BODY))

    return on_opening if opening else on_case


def order_of(request: Request, principal: Principal, endpoint: str, command: str, body: Body[Any], raw: bytes) -> Order:
    """The order in a request: its headers, its case and its data."""
    timeline, occurred_at = timeline_of(request, principal, endpoint)
    key, version = idempotency_key(request), expected_version(request)
    data, beside = body.take(raw, name_of("request", principal.subject, key) if key else new_id())
    return Order(
        name=command, data=data, actor=principal, reach=access.reach(endpoint, principal),
        case_id=request.path_params.get("case_id"), timeline=timeline, occurred_at=occurred_at, key=key,
        expected_version=version, beside=beside,
    )  # fmt: skip


def timeline_of(request: Request, principal: Principal, endpoint: str) -> tuple[str, datetime | None]:
    """The timeline and instant of a command: now and live, but for an importer, who has to name another one."""
    timeline = request.headers.get("duban-timeline", LIVE)
    at = request.headers.get("duban-occurred-at")
    roles = access.TABLE[endpoint].roles & principal.roles
    if timeline == LIVE and at is None:
        if roles == {"importer"}:
            detail = "an importer acts on other timelines only: send Duban-Timeline and Duban-Occurred-At"
            raise Problem(403, "Not on the live timeline", detail, slug="forbidden", endpoint=endpoint)
        return LIVE, None
    if "importer" not in roles:
        detail = "Duban-Timeline and Duban-Occurred-At are for the role importer"
        raise Problem(403, "Not your role", detail, slug="forbidden", endpoint=endpoint)
    if timeline == LIVE or at is None:
        detail = "Duban-Timeline other than live and Duban-Occurred-At (RFC 3339) belong together"
        raise Problem(422, "The request is not valid", detail, slug="invalid")
    return timeline, msgspec.convert(at, Instant)


def idempotency_key(request: Request) -> str | None:
    """The Idempotency-Key, if any. Raises a 422 problem for one that is empty or too long."""
    key = request.headers.get("idempotency-key")
    if key is not None and not 1 <= len(key) <= 200:
        raise Problem(422, "The request is not valid", "Idempotency-Key: 1 to 200 characters", slug="invalid")
    return key


def expected_version(request: Request) -> int | None:
    """The version that If-Match names, if any."""
    tag = request.headers.get("if-match")
    if tag is None or tag == "*":
        return None
    version = tag.strip('"')
    if not version.isdecimal() or len(version) > MAX_VERSION_DIGITS:
        detail = f'If-Match: a version such as "3" was expected, not {tag[:40]}'
        raise Problem(422, "The request is not valid", detail, slug="invalid")
    return int(version)


def answered(request: Request, answer: Answer, service: str, *, status: int, repeated: bool) -> Response:
    """The response to a command, with the version as its entity tag."""
    headers = {"ETag": f'"{answer.version}"'}
    if status == 201:
        headers["Location"] = request.url_for(f"{service}.read", case_id=answer.case_id).path
    if repeated:
        headers["Idempotency-Replayed"] = "true"
    return Response(encode_json(answer), status, headers, JSON)


def _add_read(app: FastAPI, service: CaseService[Any]) -> None:
    name = service.kind.service
    needed = Depends(require(f"{name}.read"))

    def read(case_id: str, principal: Principal = needed) -> Response:
        stored, history = service.read(case_id, access.reach(f"{name}.read", principal))
        body = msgspec.to_builtins(stored.case) | {
            "version": stored.version,
            "last_at": from_micros(stored.case.last_at),
            "allowed": service.kind.life.allowed(stored.case.status),
            "history": [
                {
                    "sequence": e.sequence, "id": e.id, "type": e.type, "time": from_micros(e.at), "by": e.by,
                    "data": msgspec.Raw(e.data),
                }
                for e in history
            ],
        }  # fmt: skip
        return Response(encode_json(body), headers={"ETag": f'"{stored.version}"'}, media_type=JSON)

    app.add_api_route(
        "/v1/cases/{case_id}", read, methods=["GET"], name=f"{name}.read", tags=[name],
        openapi_extra=described(answer=case_read(service)),
    )  # fmt: skip


class Happened(msgspec.Struct):
    """One event of a case; `by` is an opaque account."""

    sequence: int
    id: str
    type: str
    time: datetime
    by: str
    data: dict[str, Any]


def case_read(service: CaseService[Any]) -> type[msgspec.Struct]:
    """The type of what reading a case of `service` answers: its state, what may come next, and its events."""
    of_case = service.kind.case_type
    more = [("version", int), ("last_at", datetime), ("allowed", list[str]), ("history", list[Happened])]
    return msgspec.defstruct(f"{of_case.__name__}Read", more, bases=(of_case,), frozen=True, kw_only=True)


def _add_imports(app: FastAPI, service: CaseService[Any]) -> None:
    name, importer, decree_body = service.kind.service, Importer(service), Body(CalendarDecreedV1)
    for_import, for_tick = Depends(require(f"{name}.import")), Depends(require(f"{name}.tick"))
    for_decree = Depends(require(f"{name}.decree"))

    def apply(raw: bytes, by: str) -> Response:
        wanted = _import_decoder.decode(raw)
        _other_than_live(wanted.timeline)
        if len(wanted.commands) > MAX_LINES:
            detail = f"{len(wanted.commands)} commands: send at most {MAX_LINES} at once"
            raise Problem(413, "Too many commands", detail, slug="too-large")
        imported = importer.apply(wanted.timeline, wanted.commands, by)
        IMPORTED.labels(name, "applied").inc(imported.applied)
        IMPORTED.labels(name, "repeated").inc(imported.repeated)
        IMPORTED.labels(name, "refused").inc(len(imported.refused))
        return Response(encode_json(imported), media_type=JSON)

    def request_tick(raw: bytes) -> Response:
        wanted = _tick_decoder.decode(raw)
        _other_than_live(wanted.timeline)
        service.cases.broadcast(wanted.timeline, to_micros(wanted.as_of))
        return Response(encode_json({"timeline": wanted.timeline, "as_of": wanted.as_of}), 202, media_type=JSON)

    def request_decree(raw: bytes) -> Response:
        decree = decree_body.read(raw, "")
        service.cases.broadcast(LIVE, to_micros(service.clock()), encode_json(decree))
        return Response(encode_json(decree), 202, media_type=JSON)

    async def decrees(request: Request, _: Principal = for_decree) -> Response:
        return await run_in_threadpool(request_decree, await read_body(request, MAX_BODY))

    async def imports(request: Request, principal: Principal = for_import) -> Response:
        return await run_in_threadpool(apply, await read_body(request, MAX_IMPORT), principal.subject)

    async def ticks(request: Request, _: Principal = for_tick) -> Response:
        return await run_in_threadpool(request_tick, await read_body(request, MAX_BODY))

    app.add_api_route(
        "/v1/imports", imports, methods=["POST"], name=f"{name}.import", tags=[name],
        openapi_extra=described(ImportRequest, answer=Imported),
    )  # fmt: skip
    app.add_api_route(
        "/v1/decrees", decrees, methods=["POST"], name=f"{name}.decree", tags=[name], status_code=202,
        openapi_extra=described(decree_body.schema, answer=decree_body.schema, status=202),
    )  # fmt: skip
    app.add_api_route(
        "/v1/ticks", ticks, methods=["POST"], name=f"{name}.tick", tags=[name], status_code=202,
        openapi_extra=described(TickRequest, answer=TickRequest, status=202),
    )  # fmt: skip


def _other_than_live(timeline: str) -> None:
    if timeline == LIVE or not 1 <= len(timeline) <= 100:
        detail = "timeline: the name of an imported log or a generated city, never live, at most 100 characters"
        raise Problem(422, "The request is not valid", detail, slug="invalid")


def private(body: Any, status: int = 200) -> Response:
    """`body` as JSON that no cache keeps."""
    return Response(encode_json(body), status, PRIVATE, JSON)


async def read_body(request: Request, most: int) -> bytes:
    """The body, at most `most` bytes of it read. Raises a 413 problem for a longer one."""
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most:
            raise Problem(413, "The body is too large", f"at most {most} bytes are read here", slug="too-large")
        chunks.append(chunk)
    return b"".join(chunks)


def described_types(service: CaseService[Any], bodies: Mapping[str, Body[Any]]) -> list[Any]:
    """What the descriptions of these routes refer to."""
    decree = Body(CalendarDecreedV1).schema
    return [*(body.schema for body in bodies.values()), decree, ImportRequest, TickRequest, Answer, Imported,
            case_read(service)]  # fmt: skip


def install_command_problems(app: FastAPI) -> None:
    """Let what a command may raise be answered as problem details."""
    for error, handler in _HANDLERS.items():
        app.add_exception_handler(error, handler)


async def _refused(_: Request, error: Any) -> Response:
    status, title = (
        (422, "The command is not valid") if error.slug == "invalid" else (409, "The case does not allow it")
    )
    return Problem(
        status, title, error.detail, slug=error.slug, case_status=error.status, allowed=list(error.allowed)
    ).response()


async def _conflict(_: Request, error: Any) -> Response:
    stale = isinstance(error, commands.Stale)
    return Problem(
        412 if stale else 409, "Another command was first", str(error), slug="stale-version" if stale else "conflict",
        case_status=error.status, version=error.version, allowed=list(error.allowed),
    ).response()  # fmt: skip


async def _not_found(_: Request, error: Any) -> Response:
    return Problem(404, "No such case", "there is no case with this id here", slug="not-found").response()


async def _outside(_: Request, error: Any) -> Response:
    return Problem(
        403, "Outside your scope", "this case belongs to another agency or group", slug="outside-scope"
    ).response()


async def _trail_busy(_: Request, __: Any) -> Response:
    return Problem(
        503, "The audit trail is busy", "nothing was done: repeat it", slug="trail-busy", headers={"Retry-After": "2"}
    ).response()


async def _key_reused(_: Request, error: Any) -> Response:
    detail = "this Idempotency-Key came with another request before: use a new key for a new request"
    return Problem(422, "Idempotency-Key used before", detail, slug="key-reused").response()


_HANDLERS: dict[type[Exception], Any] = {
    Refused: _refused, commands.Conflict: _conflict, commands.NotFound: _not_found,
    commands.OutsideScope: _outside, commands.KeyReused: _key_reused, TrailBusy: _trail_busy,
}  # fmt: skip
