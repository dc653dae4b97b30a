"""HTTP of Open311 GeoReport v2, as its specification has it: /open311/v2/…, JSON and XML, errors of its own form.

A client speaks that protocol and no other, so its errors are no problem details. The specification describes these
endpoints; they are not in the OpenAPI description.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, cast
from urllib.parse import parse_qsl

import msgspec
import structlog
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pymongo.errors import PyMongoError

from services.complaints.open311.formats import FORMATS, MEDIA_TYPES, Format, errors, written
from services.complaints.open311.mapping import Wrong, definition, listed
from services.complaints.open311.policy import Policy
from services.complaints.open311.reports import Reports, TooMany
from services.contracts.lifecycle import Refused
from services.shared.access import Principal
from services.shared.auth import require
from services.shared.case_api import MAX_BODY, read_body
from services.shared.commands import Conflict, KeyReused
from services.shared.problems import Problem

BASE = "/open311/v2"
_FORM = "application/x-www-form-urlencoded"
_MAX_FIELDS = 200
_NO_STORE = {"Cache-Control": "no-store"}
_log = structlog.get_logger()


class Open311Route(APIRoute):
    """A route whose errors are written as the specification has them, in the format of its path."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        handle = super().get_route_handler()
        form = cast(Format, self.path.rsplit(".", 1)[1])

        async def handled(request: Request) -> Response:
            try:
                return await handle(request)
            except _EXPECTED as error:
                status, description, headers = _told(error)
                return _answer("errors", errors(status, description), form, status, headers)

        return handled


def add_open311_routes(app: FastAPI, reports: Reports, policy: Policy, clock: Callable[[], datetime]) -> None:
    """Add GeoReport v2 under /open311/v2 and its service discovery under /open311."""
    router = APIRouter(route_class=Open311Route)
    for form in FORMATS:
        _add(router, form, reports, policy, clock)
    app.router.routes.extend(router.routes)  # each stands in the app itself, where the access table is checked


def _add(router: APIRouter, form: Format, reports: Reports, policy: Policy, clock: Callable[[], datetime]) -> None:
    for_read, for_file = Depends(require("complaints.open311.read")), Depends(require("complaints.open311.file"))

    def services(request: Request, _: Principal = for_read) -> Response:
        _check_jurisdiction(policy, request.query_params.get("jurisdiction_id"))
        return _answer("services", listed(policy, _language(request)), form)

    def service(request: Request, code: str, _: Principal = for_read) -> Response:
        _check_jurisdiction(policy, request.query_params.get("jurisdiction_id"))
        found = policy.service(code)
        if found is None:
            raise Wrong(404, f"service_code {code[:40]} was not found")
        return _answer("service_definition", definition(policy, found, _language(request)), form)

    async def file(request: Request, _: Principal = for_file) -> Response:
        fields = dict(request.query_params) | _form(request, await read_body(request, MAX_BODY))
        _check_jurisdiction(policy, fields.get("jurisdiction_id"))
        key = request.headers.get("idempotency-key")
        if key is not None and not 1 <= len(key) <= 200:
            raise Wrong(400, "Idempotency-Key: 1 to 200 characters")
        address = request.client.host if request.client else ""
        filed = await run_in_threadpool(reports.file, fields, address, key, _language(request))
        return _answer("service_requests", filed, form, 201, _NO_STORE)

    def requests(request: Request, _: Principal = for_read) -> Response:
        _check_jurisdiction(policy, request.query_params.get("jurisdiction_id"))
        return _answer("service_requests", reports.find(request.query_params, clock(), _language(request)), form)

    def one(request: Request, case_id: str, _: Principal = for_read) -> Response:
        _check_jurisdiction(policy, request.query_params.get("jurisdiction_id"))
        return _answer("service_requests", [reports.one(case_id, _language(request))], form)

    def token(request: Request, code: str, _: Principal = for_read) -> Response:
        _check_jurisdiction(policy, request.query_params.get("jurisdiction_id"))
        found = reports.one(code, _language(request))["service_request_id"]
        return _answer("service_requests", [{"service_request_id": found, "token": code}], form)

    def discovery(request: Request, _: Principal = for_read) -> Response:
        endpoint = {
            "specification": "http://wiki.open311.org/GeoReport_v2", "changeset": policy.version,
            "url": f"{str(request.base_url).rstrip('/')}{BASE}", "type": "production",
            "formats": ["text/xml", "application/json"],
        }  # fmt: skip
        contact = policy.contact.get(_language(request), "")
        found = {"changeset": policy.version, "contact": contact, "key_service": contact, "endpoints": [endpoint]}
        return _answer("discovery", found, form)

    paths: dict[str, Callable[..., Any]] = {
        f"{BASE}/services": services, f"{BASE}/services/{{code}}": service, f"{BASE}/requests": requests,
        f"{BASE}/requests/{{case_id}}": one, f"{BASE}/tokens/{{code}}": token, "/open311/discovery": discovery,
    }  # fmt: skip
    for path, endpoint in paths.items():
        router.add_api_route(f"{path}.{form}", endpoint, methods=["GET"], include_in_schema=False)
    router.add_api_route(f"{BASE}/requests.{form}", file, methods=["POST"], include_in_schema=False)


def _answer(root: str, answer: Any, form: Format, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(written(root, answer, form), status, {"Content-Type": MEDIA_TYPES[form], **(headers or {})})


def _check_jurisdiction(policy: Policy, given: str | None) -> None:
    """It may be left out: there is one."""
    if given and given != policy.jurisdiction:
        raise Wrong(404, f"jurisdiction_id {given[:40]} was not found")


def _form(request: Request, raw: bytes) -> dict[str, str]:
    sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if raw and sent != _FORM:
        raise Wrong(400, f"Content-Type: {_FORM} was expected")
    try:
        return dict(parse_qsl(raw.decode("ascii"), keep_blank_values=True, max_num_fields=_MAX_FIELDS, errors="strict"))
    except ValueError:
        raise Wrong(400, "the body is no form in UTF-8") from None


def _language(request: Request) -> str:
    return "en" if request.headers.get("accept-language", "").strip().lower().startswith("en") else "zh"


_EXPECTED = (
    Wrong, TooMany, Problem, RequestValidationError, msgspec.ValidationError, Refused, Conflict, KeyReused,
    PyMongoError,
)  # fmt: skip


def _told(error: Exception) -> tuple[int, str, dict[str, str]]:
    """HTTP status, description and headers of an error."""
    match error:
        case Wrong():
            return error.status, str(error), {}
        case TooMany():
            return 429, str(error), {"Retry-After": str(error.seconds)}
        case Problem():
            return 400 if error.status == 422 else error.status, str(error), error.headers
        case PyMongoError():
            _log.error("store_unavailable", error=type(error).__name__)
            return 503, "The database does not answer. Nothing was taken: send it again.", {"Retry-After": "2"}
        case KeyReused():
            return 400, "this Idempotency-Key came with another request before", {}
        case Conflict():
            return 409, "the same request is being taken this moment: send it again", {}
        case _:
            return 400, str(error), {}
