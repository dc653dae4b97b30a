"""Problem details (RFC 9457) for everything that can go wrong over HTTP. Free of any service's rules."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pymongo.errors import PyMongoError
from starlette.exceptions import HTTPException

MEDIA_TYPE = "application/problem+json"
_log = structlog.get_logger()


class Problem(Exception):
    """An answer that is a problem. `slug` names the kind ("illegal-transition"), `extra` holds further members."""

    def __init__(
        self, status: int, title: str, detail: str, *, slug: str | None = None,
        headers: Mapping[str, str] | None = None, **extra: Any,
    ) -> None:  # fmt: skip
        super().__init__(detail)
        self.status, self.title, self.detail = status, title, detail
        self.slug, self.headers, self.extra = slug, dict(headers or {}), extra

    def response(self) -> Response:
        """The application/problem+json response of this problem."""
        kind = f"urn:duban:problem:{self.slug}" if self.slug else "about:blank"
        body = {"type": kind, "title": self.title, "status": self.status, "detail": self.detail, **self.extra}
        return Response(msgspec.json.encode(body), self.status, self.headers, MEDIA_TYPE)


def problem(status: int, title: str, detail: str, *, slug: str | None = None, **extra: Any) -> Response:
    """A problem details response with `type`, `title`, `status`, `detail` and the members in `extra`."""
    return Problem(status, title, detail, slug=slug, **extra).response()


def install_problem_handlers(app: FastAPI) -> None:
    """Let every error of `app`, foreseen or not, be answered as problem details."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _request)
    app.add_exception_handler(msgspec.ValidationError, _invalid)
    app.add_exception_handler(msgspec.DecodeError, _malformed)
    app.add_exception_handler(PyMongoError, _store)
    app.add_exception_handler(Exception, _unforeseen)


async def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return error.response()


async def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    title = HTTPStatus(error.status_code).phrase
    return Problem(error.status_code, title, str(error.detail), headers=error.headers).response()


async def _request(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [{"where": ".".join(map(str, e["loc"])), "detail": e["msg"]} for e in error.errors()]
    detail = "; ".join(f"{e['where']}: {e['detail']}" for e in errors)
    return problem(422, "The request is not valid", detail, slug="invalid", errors=errors)


async def _invalid(_: Request, error: Exception) -> Response:
    return problem(422, "The request is not valid", str(error), slug="invalid")


async def _malformed(_: Request, error: Exception) -> Response:
    return problem(400, "The body is not JSON", str(error), slug="malformed")


async def _store(request: Request, error: Exception) -> Response:
    """The database did not answer. Repeating with the same Idempotency-Key is safe, and the answer says so."""
    _log.error("store_unavailable", path=request.scope.get("route") and request.scope["route"].path, error=str(error))
    return Problem(
        503, "The database does not answer", "Nothing is lost: repeat the request with the same Idempotency-Key.",
        slug="store-unavailable", headers={"Retry-After": "2"},
    ).response()  # fmt: skip


async def _unforeseen(request: Request, error: Exception) -> Response:
    _log.exception("unforeseen_error", method=request.method, exc_info=error)
    return problem(500, "Internal error", "The error is on our side and has been logged.", slug="internal")
