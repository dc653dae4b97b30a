"""A session of the inbox: a receipt code for a cookie that ends by itself. Used by the API and by the pages alike.

The code comes in a body, never in an address. The cookie is the only one that the public pages set; it names the case,
is out of any script's reach, and is sent to this host alone.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool

from services.complaints.service import ComplaintService
from services.complaints.telemetry import RECEIPTS
from services.shared.access import Principal
from services.shared.auth import mint, require, signing_key
from services.shared.guessing import Guessing
from services.shared.problems import Problem

INBOX_COOKIE = "duban_inbox"
SESSION_SECONDS = 30 * 60


class NoSuchCode(Exception):
    """No complaint has this code: unknown, mistyped and malformed codes are not told apart."""


class TooManyGuesses(Exception):
    """`seconds` until the next attempt."""

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds


async def case_of(request: Request, service: ComplaintService, guessing: Guessing, code: str) -> str:
    """The case id that `code` opens. Raises NoSuchCode or TooManyGuesses."""
    address = request.client.host if request.client else ""
    if seconds := guessing.attempt(address):
        RECEIPTS.labels("limited").inc()
        raise TooManyGuesses(seconds)
    case_id = await run_in_threadpool(service.holding, code)
    if case_id is None:
        RECEIPTS.labels("unknown").inc()
        raise NoSuchCode
    guessing.was_right(address)
    RECEIPTS.labels("found").inc()
    return case_id


def begin(request: Request, answer: Response, case_id: str) -> None:
    """Give `answer` the cookie of a session of `case_id`."""
    token = mint(Principal(case_id, frozenset({"holder"})), SESSION_SECONDS, signing_key(request), use="inbox")
    answer.set_cookie(
        INBOX_COOKIE, token, max_age=SESSION_SECONDS, path=_path(request), httponly=True, samesite="strict",
        secure=request.url.scheme == "https",
    )  # fmt: skip


def end(request: Request, answer: Response) -> None:
    """Take the cookie away."""
    answer.delete_cookie(INBOX_COOKIE, path=_path(request), httponly=True, samesite="strict")


def holder_of(endpoint: str) -> Callable[[Request], Awaitable[Principal]]:
    """A dependency as auth.require that takes the inbox's cookie; the principal's subject is the case id."""
    return require(endpoint, INBOX_COOKIE, "inbox")


def no_such_code() -> Problem:
    """The one answer to every code that is none."""
    detail = "no complaint has this receipt code: it is the 18 digits that you were given when you filed it"
    return Problem(404, "No such receipt", detail, slug="no-receipt")


def too_many(error: TooManyGuesses) -> Problem:
    """The answer to whoever has tried too many codes."""
    detail = f"too many codes were tried that do not exist: come again in {error.seconds} s"
    return Problem(
        429, "Too many attempts", detail, slug="too-many-guesses", headers={"Retry-After": str(error.seconds)}
    )


def _path(request: Request) -> str:
    return f"{request.scope.get('root_path', '')}/"


async def _no_such_code(_: Request, __: Any) -> Response:
    return no_such_code().response()


async def _too_many(_: Request, error: Any) -> Response:
    return too_many(error).response()


HANDLERS: dict[type[Exception], Any] = {NoSuchCode: _no_such_code, TooManyGuesses: _too_many}
