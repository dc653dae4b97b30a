"""What every public page needs: language, words, templates, and problems shown to people instead of to programs.

The language stands in the address (?lang=en), not in a cookie: the inbox's session is the only cookie there is.
"""

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pymongo.errors import PyMongoError

from services.complaints.inbox_session import SESSION_SECONDS
from services.shared.auth import from_own_page
from services.shared.problems import Problem
from services.shared.web.answers import SECURITY
from services.shared.web.assets import PUBLIC, digest
from services.shared.web.words import LANGUAGES, Words

WEB = Path(__file__).parent
LOCALE = WEB / "locale"
_log = structlog.get_logger()
_KINDS = {403: "forbidden", 404: "missing", 413: "too_large"}


class Pages:
    """Renders templates in the reader's language."""

    def __init__(self) -> None:
        self._words = {lang: Words(LOCALE, lang) for lang in LANGUAGES}
        self._environment = Environment(
            loader=FileSystemLoader(WEB / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
            lstrip_blocks=True,
        )  # fmt: skip
        assets = [p for folder in (PUBLIC.vendor, WEB / "scripts") for p in folder.glob("*.*") if p.is_file()]
        self._version = digest(assets)[:12]

    def words(self, request: Request) -> Words:
        return self._words.get(request.query_params.get("lang", ""), self._words["zh"])

    def render(self, request: Request, template: str, status: int = 200, **context: Any) -> HTMLResponse:
        """The page `template` as an answer to `request`."""
        words = self.words(request)
        page = self._environment.get_template(template).render(
            _=words, root=_root(request), lang="?lang=en" if words.lang == "en" else "", version=self._version,
            other=_other(request, words.lang), now=datetime.now(UTC), minutes=SESSION_SECONDS // 60, **context,
        )  # fmt: skip
        return HTMLResponse(page, status, SECURITY)

    def to(self, request: Request, path: str, **more: str) -> RedirectResponse:
        """On to the page at `path`, in the same language."""
        query = {**({"lang": "en"} if self.words(request).lang == "en" else {}), **more}
        address = _root(request) + path + ("?" if query else "") + "&".join(f"{k}={v}" for k, v in query.items())
        return RedirectResponse(address, 303, {"Cache-Control": "private, no-store"})

    def route_class(pages) -> type[APIRoute]:  # noqa: N805 - `self` below is the route
        """A route whose problems become pages that say what to do now; no form of another site is taken."""

        class PageRoute(APIRoute):
            def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
                answer = super().get_route_handler()

                async def handler(request: Request) -> Response:
                    try:
                        return await answer(request)
                    except Problem as problem:
                        if problem.status == 401:
                            return pages.render(request, "open.html", 401, error="", typed="", ended=True)
                        kind = _KINDS.get(problem.status, "invalid")
                        return pages.render(request, "error.html", problem.status, kind=kind)
                    except PyMongoError as error:
                        _log.error("page.store_unavailable", error=type(error).__name__)
                        return pages.render(request, "error.html", 503, kind="unavailable")

                return handler

        return PageRoute


def check_own_page(request: Request) -> None:
    """Raises a 400 problem for a form that another site made somebody send."""
    if not from_own_page(request):
        raise Problem(400, "A form of another site", "this form was not sent from a page of ours", slug="foreign-form")


def _root(request: Request) -> str:
    return str(request.scope.get("root_path", ""))


def _other(request: Request, lang: str) -> str:
    """This page in the other language; a page that answers a form is reached again by its own address."""
    return request.url.path + ("" if lang == "en" else "?lang=en")
