"""/vault/sign-in: custodians sign in at the vault itself, for the minutes that its token holds."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from services.shared.auth import require
from services.shared.web.pages import safe_path
from services.shared.web.session import add_language
from services.vault.sessions import TOKEN_SECONDS, Sessions, TooManyGuesses, WrongPassword
from services.vault.web.pages import COOKIE, VaultPages

Text = Annotated[str, Form()]


def routes(pages: VaultPages, sessions: Sessions) -> APIRouter:
    """Signing in and out, and the language."""
    router = APIRouter(route_class=pages.route_class(), prefix=pages.base)
    guard = [Depends(require("vault.sign-in"))]

    def form(request: Request, target: str, status: int = 200, name: str = "", error: str = "") -> Response:
        return pages.render(request, "sign_in.html", status, name=name, target=target, error=error)

    @router.get("/sign-in", dependencies=guard, include_in_schema=False)
    def show(request: Request, next: str = "") -> Response:
        return form(request, safe_path(next, pages.home(request)))

    @router.post("/sign-in", dependencies=guard, include_in_schema=False)
    def sign_in(request: Request, name: Text = "", password: Text = "", target: Text = "") -> Response:
        name, target = name.strip()[:100], safe_path(target, pages.home(request))
        if not name or not password:
            return form(request, target, 422, name, "sign_in.password_missing" if name else "sign_in.name_missing")
        try:
            token = sessions.sign_in(name, password[:200])
        except WrongPassword:
            return form(request, target, 401, name, "sign_in.wrong")
        except TooManyGuesses:
            return form(request, target, 429, name, "sign_in.too_many")
        answer = RedirectResponse(target, 303)
        answer.set_cookie(
            COOKIE, token, max_age=TOKEN_SECONDS, path=pages.home(request), httponly=True, samesite="strict",
            secure=request.url.scheme == "https",
        )  # fmt: skip
        return answer

    @router.post("/sign-out", dependencies=guard, include_in_schema=False)
    def sign_out(request: Request) -> Response:
        answer = RedirectResponse(f"{pages.home(request)}/sign-in", 303)
        answer.delete_cookie(COOKIE, path=pages.home(request), httponly=True, samesite="strict")
        return answer

    add_language(router, pages)
    return router
