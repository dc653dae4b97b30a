"""What every page needs: language, words, templates, and problems shown to people instead of to programs."""

from collections.abc import Callable, Coroutine
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec
import structlog
from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pymongo.errors import PyMongoError

from services.contracts.envelope import LIVE
from services.notifications import telemetry
from services.notifications.domain.directory import Directory
from services.notifications.web.words import LANGUAGES, Words
from services.shared.access import ANONYMOUS, Principal
from services.shared.auth import authenticate
from services.shared.problems import Problem
from services.shared.web.answers import SECURITY
from services.shared.web.assets import BOARD, digest

LANGUAGE_COOKIE = "duban_language"
WEB = Path(__file__).parent
log = structlog.get_logger()


class Pages:
    """Renders templates in the reader's language."""

    def __init__(self, directory: Directory, zone: tzinfo) -> None:
        self._directory = directory
        self._words = {lang: Words(lang, zone) for lang in LANGUAGES}
        self._environment = Environment(
            loader=FileSystemLoader(WEB / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
            lstrip_blocks=True,
        )  # fmt: skip
        assets = [p for folder in (BOARD.vendor, WEB / "scripts") for p in folder.glob("*.*") if p.is_file()]
        self._assets = digest(assets)[:12]
        if not (BOARD.vendor / "board.css").exists():
            log.warning("assets.missing", hint="run python -m services.shared.web.assets")

    def words(self, request: Request) -> Words:
        return self._words.get(request.cookies.get(LANGUAGE_COOKIE, ""), self._words["zh"])

    def render(self, request: Request, template: str, status: int = 200, **context: Any) -> HTMLResponse:
        """The page `template` as an answer to `request`."""
        words = self.words(request)
        root = request.scope.get("root_path", "")
        telemetry.PAGES.labels(template.removesuffix(".html")).inc()
        page = self._environment.get_template(template).render(
            _=words, root=root, version=self._assets, who=self._who(request, words), live=LIVE,
            here=f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path, **context,
        )  # fmt: skip
        return HTMLResponse(page, status, SECURITY)

    def _who(self, request: Request, words: Words) -> str:
        """The account and whose alerts it sees, "" for somebody unknown."""
        principal = _whoever(request)
        if principal is ANONYMOUS:
            return ""
        names = [
            self._directory.agency(principal.agency, words.lang),
            self._directory.group(principal.group, words.lang),
        ]
        return " · ".join([principal.subject, *filter(None, names)])

    def route_class(pages) -> type[APIRoute]:  # noqa: N805 - `self` below is the route
        """A route whose problems become pages: a sign-in page for who is not known, else what to do now."""

        class PageRoute(APIRoute):
            def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
                answer = super().get_route_handler()

                async def handler(request: Request) -> Response:
                    try:
                        return await answer(request)
                    except Problem as problem:
                        if problem.status == 401 and request.method == "GET":
                            root = request.scope.get("root_path", "")
                            here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
                            return RedirectResponse(f"{root}/sign-in?next={quote(here)}", 303)
                        kind = {403: "forbidden", 404: "missing"}.get(problem.status, "invalid")
                        return pages.render(request, "error.html", problem.status, kind=kind)
                    except (ValueError, msgspec.ValidationError) as error:
                        log.info("page.refused", path=request.url.path, error=str(error)[:200])
                        return pages.render(request, "error.html", 422, kind="invalid")
                    except PyMongoError as error:
                        log.error("page.store_unavailable", error=str(error)[:300])
                        return pages.render(request, "error.html", 503, kind="unavailable")

                return handler

        return PageRoute


def safe_path(path: str | None, root: str = "") -> str:
    """`path` when it is one of our own, else the board: a sign-in link leads nowhere else."""
    home = f"{root}/"
    if not path or not path.startswith("/") or path.startswith(("//", "/\\")):
        return home
    parts = urlsplit(path)
    return path if not parts.netloc and not parts.scheme and "\n" not in path and "\r" not in path else home


def back_path(request: Request, root: str) -> str:
    """The board as the reader left it, when that is where the request comes from."""
    parts = urlsplit(request.headers.get("referer", ""))
    if parts.netloc == request.headers.get("host") and parts.path == f"{root}/":
        return f"{parts.path}?{parts.query}" if parts.query else parts.path
    return f"{root}/"


def _whoever(request: Request) -> Principal:
    try:
        return authenticate(request)
    except Exception:  # a page must render for a bad token and for a missing key alike
        return ANONYMOUS


def now_of(timeline: str, as_of: datetime | None, wall: datetime) -> datetime:
    """What "now" is on a timeline: the wall clock on the live one, the watermark on a replayed one."""
    return wall if timeline == LIVE or as_of is None else as_of
