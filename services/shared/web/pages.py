"""What the pages for people with an account share, board and desk alike: language, words, templates, who is signed in,
where else they may go, and problems shown to people instead of to programs."""

from collections.abc import Callable, Coroutine, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import msgspec
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pymongo.errors import PyMongoError

from services.contracts.envelope import LIVE
from services.contracts.lifecycle import Refused
from services.shared import access
from services.shared.access import ANONYMOUS, Principal
from services.shared.auth import SESSION_COOKIE, authenticate
from services.shared.commands import Conflict, KeyReused, NotFound, OutsideScope
from services.shared.problems import Problem
from services.shared.users import AccountsUnusable
from services.shared.web.answers import SECURITY, Assets
from services.shared.web.assets import Site, digest
from services.shared.web.words import Words

LANGUAGE_COOKIE = "duban_language"
SHARED = Path(__file__).parent
_KINDS = {403: "forbidden", 404: "missing"}
_ERRORS: Mapping[type[Exception], tuple[int, str]] = {
    AccountsUnusable: (503, "accounts"), NotFound: (404, "missing"), OutsideScope: (403, "forbidden"),
    Conflict: (409, "moved_on"), Refused: (409, "moved_on"),
    KeyReused: (422, "invalid"), ValueError: (422, "invalid"),
    msgspec.MsgspecError: (422, "invalid"),
}  # fmt: skip
log = structlog.get_logger()


class Place(NamedTuple):
    """Somewhere the navigation leads to; `g` and then `key` goes there too. It is shown to roles of `endpoint`.

    `path` lies below the service's root; when not `own`, it is the address of another service's page. A `timed` one
    shows one timeline: whoever looks at another than the live one goes on with it there.
    """

    name: str
    key: str
    endpoint: str
    path: str
    own: bool = True
    timed: bool = False


class StaffPages:
    """Renders templates in the reader's language, the site's own before the shared ones.

    `base` is the path that the site's pages begin with, below the service's root; `frame` the template of the site that
    shared pages are set in. `cookie` holds the session; `errors` are those that become pages, status and kind.
    """

    cookie = SESSION_COOKIE
    errors: Mapping[type[Exception], tuple[int, str]] = _ERRORS

    def __init__(
        self, site: Site, words: Mapping[str, Words], places: Iterable[Place], base: str = "", frame: str = "base.html"
    ) -> None:
        self._site, self._words, self._places, self._base, self._frame = site, words, tuple(places), base, frame
        self._environment = Environment(
            loader=FileSystemLoader([site.web / "templates", SHARED / "templates"]), autoescape=True,
            undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        )  # fmt: skip
        folders = (site.vendor, site.web / "scripts", SHARED / "scripts")
        self._version = digest(p for folder in folders for p in folder.glob("*.*") if p.is_file())[:12]
        if not (site.vendor / f"{site.sheet}.css").exists():
            log.warning("assets.missing", hint="run python -m services.shared.web.assets")

    @property
    def base(self) -> str:
        return self._base

    def add_assets(self, app: FastAPI) -> None:
        """Serve what the pages load, below /assets."""
        folders = {"vendor": self._site.vendor, "scripts": self._site.web / "scripts", "shared": SHARED / "scripts"}
        for name, folder in folders.items():
            mounted = Assets(directory=folder, check_dir=False)
            app.mount(f"/assets{self._base}/{name}", mounted, name=f"{self._site.sheet}-{name}")

    def words(self, request: Request) -> Words:
        return self._words.get(request.cookies.get(LANGUAGE_COOKIE, ""), self._words["zh"])

    def home(self, request: Request) -> str:
        """The path of the site's first page."""
        return root_of(request) + (self._base or "/")

    def render(self, request: Request, template: str, status: int = 200, **context: Any) -> HTMLResponse:
        """The page `template` as an answer to `request`, about the timeline in `context`, else that of the address."""
        timeline = context.get("timeline") or timeline_of(request)
        words, root, principal = self.words(request), root_of(request), whoever(request, self.cookie)
        page = self._environment.get_template(template).render(
            _=words, root=root, base=root + self._base, home=self.home(request), frame=self._frame,
            assets=f"{root}/assets{self._base}", style=f"{self._site.sheet}.css", version=self._version,
            here=here(request), who=self._who(principal, words), places=self.places(request, principal, timeline),
            **context,
        )  # fmt: skip
        return HTMLResponse(page, status, SECURITY)

    def places(self, request: Request, principal: Principal, timeline: str) -> list[tuple[Place, str, bool]]:
        """Where `principal`, who looks at `timeline`, may go: the place, its address, and whether they are there."""
        root = root_of(request)
        allowed = [place for place in self._places if access.allows(place.endpoint, principal)]
        found = [(place, (root if place.own else "") + place.path) for place in allowed]
        more = f"?{urlencode({'timeline': timeline})}" if timeline != LIVE else ""
        return [
            (place, href + more * place.timed, place.own and _within(request.url.path, href, root))
            for place, href in found
        ]

    def duties(self, principal: Principal, lang: str) -> list[str]:
        """What the agency and the group of `principal` are called."""
        return [code for code in (principal.agency, principal.group) if code]

    def _who(self, principal: Principal, words: Words) -> str:
        """The account and whose records it sees, "" for somebody unknown."""
        return "" if principal is ANONYMOUS else " · ".join([principal.subject, *self.duties(principal, words.lang)])

    def ask_who(self, request: Request) -> Response:
        """The page for somebody unknown: sign in and come back here, or send once more what was sent."""
        if request.method in ("GET", "HEAD"):
            return self.render(request, "sign_in.html", 401, name="", target=here(request), error="")
        return self.render(request, "error.html", 401, kind="signed_out")

    def route_class(pages) -> type[APIRoute]:  # noqa: N805 - `self` below is the route
        """A route whose problems become pages: a sign-in page for who is not known, else what to do now."""

        class PageRoute(APIRoute):
            def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
                answer = super().get_route_handler()

                async def handler(request: Request) -> Response:
                    try:
                        return await answer(request)
                    except Problem as problem:
                        if problem.status == 401:
                            return pages.ask_who(request)
                        kind = _KINDS.get(problem.status, "invalid")
                        return pages.render(request, "error.html", problem.status, kind=kind)
                    except tuple(pages.errors) as error:
                        status, kind = next(pages.errors[known] for known in pages.errors if isinstance(error, known))
                        if isinstance(error, AccountsUnusable):
                            log.error("accounts.unusable", error=str(error))
                        log.info("page.refused", path=request.scope["route"].path, error=type(error).__name__)
                        return pages.render(request, "error.html", status, kind=kind)
                    except PyMongoError as error:
                        log.error("page.store_unavailable", error=type(error).__name__)
                        return pages.render(request, "error.html", 503, kind="unavailable")

                return handler

        return PageRoute


def root_of(request: Request) -> str:
    """The path under which the service is mounted."""
    return str(request.scope.get("root_path", ""))


def timeline_of(request: Request) -> str:
    """The timeline that an address asks for; live without one."""
    return request.query_params.get("timeline", "").strip() or LIVE


def here(request: Request) -> str:
    """The path and query of `request`."""
    return f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path


def whoever(request: Request, cookie: str = SESSION_COOKIE) -> Principal:
    """Who is signed in, for pages that everybody may see."""
    try:
        return authenticate(request, cookie)
    except Exception:  # a page must render for a bad token and for a missing key alike
        return ANONYMOUS


def safe_path(path: str | None, home: str = "/") -> str:
    """`path` when it is one of our own, else `home`: a sign-in link leads nowhere else."""
    if not path or not path.startswith("/") or path.startswith(("//", "/\\")):
        return home
    parts = urlsplit(path)
    return path if not parts.netloc and not parts.scheme and "\n" not in path and "\r" not in path else home


def _within(path: str, href: str, root: str) -> bool:
    return path == href or (href != f"{root}/" and path.startswith(f"{href}/"))
