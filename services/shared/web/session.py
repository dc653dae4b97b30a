"""Signing in and out, sign-in links, and the language cookie: one session for all pages of people with an account.

Guessing of passwords is limited by network address and by account: 20 at once and one every 10 s, a right one costs
nothing (services.shared.guessing).
"""

import time
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from services.shared import users
from services.shared.auth import SESSION_COOKIE, Principal, Unauthenticated, mint, require, signing_key, verify
from services.shared.guessing import Guessing
from services.shared.settings import Settings
from services.shared.web.pages import LANGUAGE_COOKIE, StaffPages, safe_path
from services.shared.web.words import LANGUAGES

SESSION_SECONDS = 12 * 3600
YEAR_SECONDS = 365 * 24 * 3600


def routes(pages: StaffPages, settings: Settings) -> APIRouter:
    """The pages for who is not known yet."""
    router = APIRouter(route_class=pages.route_class(), prefix=pages.base)
    guard, guessing = [Depends(require("sign-in"))], Guessing(time.monotonic)

    @router.get("/sign-in", dependencies=guard, include_in_schema=False)
    def form(request: Request, ticket: str = "", next: str = "") -> Response:
        target = safe_path(next, pages.home(request))
        if not ticket:
            return pages.render(request, "sign_in.html", name="", target=target, error="")
        try:
            principal = verify(ticket, signing_key(request), use="ticket")
        except Unauthenticated:
            return pages.render(request, "sign_in.html", 401, name="", target=target, error="sign_in.ticket_expired")
        return _signed_in(request, principal, target)

    @router.post("/sign-in", dependencies=guard, include_in_schema=False)
    def sign_in(
        request: Request,
        name: Annotated[str, Form()] = "",
        password: Annotated[str, Form()] = "",
        target: Annotated[str, Form()] = "",
    ) -> Response:
        target = safe_path(target, pages.home(request))
        if not name.strip() or not password:
            error = "sign_in.name_missing" if not name.strip() else "sign_in.password_missing"
            return pages.render(request, "sign_in.html", 422, name=name, target=target, error=error)
        sources = (request.client.host if request.client else "", f"account {name.strip()[:100]}")
        # An address that has guessed too often takes nothing from the account it guesses at.
        if seconds := next((wait for source in sources if (wait := guessing.attempt(source))), 0):
            answer = pages.render(request, "sign_in.html", 429, name=name, target=target, error="sign_in.too_many")
            answer.headers["Retry-After"] = str(seconds)
            return answer
        principal = users.authenticate(settings.users_file, name.strip(), password)
        if principal is None:
            return pages.render(request, "sign_in.html", 401, name=name, target=target, error="sign_in.wrong")
        for source in sources:
            guessing.was_right(source)
        return _signed_in(request, principal, target)

    @router.post("/sign-out", dependencies=guard, include_in_schema=False)
    def sign_out(request: Request) -> Response:
        answer = RedirectResponse(f"{pages.home(request).rstrip('/')}/sign-in", 303)
        answer.delete_cookie(SESSION_COOKIE)
        return answer

    add_language(router, pages)
    return router


def add_language(router: APIRouter, pages: StaffPages) -> None:
    """The language of the pages, kept in a cookie."""

    @router.post("/language", dependencies=[Depends(require("preferences"))], include_in_schema=False)
    def language(
        request: Request, lang: Annotated[str, Form()] = "zh", target: Annotated[str, Form()] = ""
    ) -> Response:
        answer = RedirectResponse(safe_path(target, pages.home(request)), 303)
        chosen = lang if lang in LANGUAGES else "zh"
        answer.set_cookie(LANGUAGE_COOKIE, chosen, max_age=YEAR_SECONDS, samesite="lax", httponly=True)
        return answer


def _signed_in(request: Request, principal: Principal, target: str) -> Response:
    answer = RedirectResponse(target, 303)
    token = mint(principal, SESSION_SECONDS, signing_key(request))
    answer.set_cookie(
        SESSION_COOKIE, token, max_age=SESSION_SECONDS, httponly=True, samesite="lax",
        secure=request.url.scheme == "https",
    )  # fmt: skip
    return answer
