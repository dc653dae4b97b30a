"""What every page of the board needs beside the frame: names of agencies and groups, a count, the way back."""

from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse

from services.contracts.envelope import LIVE
from services.notifications import telemetry
from services.notifications.domain.directory import Directory
from services.notifications.web.words import LANGUAGES, Words
from services.shared.access import Principal
from services.shared.settings import Settings
from services.shared.web.assets import BOARD
from services.shared.web.pages import Place, StaffPages

WEB = Path(__file__).parent


class Pages(StaffPages):
    """The board's pages in the reader's language, instants in `zone`."""

    def __init__(self, directory: Directory, zone: tzinfo, settings: Settings) -> None:
        places = (
            Place("board", "b", "board.read", "/", timed=True),
            Place("desk", "d", "complaints.desk", settings.desk_url, own=False, timed=True),
        )
        super().__init__(BOARD, {lang: Words(lang, zone) for lang in LANGUAGES}, places)
        self._directory = directory

    def render(self, request: Request, template: str, status: int = 200, **context: Any) -> HTMLResponse:
        telemetry.PAGES.labels(template.removesuffix(".html")).inc()
        return super().render(request, template, status, live=LIVE, **context)

    def duties(self, principal: Principal, lang: str) -> list[str]:
        names = self._directory.agency(principal.agency, lang), self._directory.group(principal.group, lang)
        return [name for name in names if name]


def back_path(request: Request, root: str) -> str:
    """The board as the reader left it, when that is where the request comes from."""
    parts = urlsplit(request.headers.get("referer", ""))
    if parts.netloc == request.headers.get("host") and parts.path == f"{root}/":
        return f"{parts.path}?{parts.query}" if parts.query else parts.path
    return f"{root}/"


def now_of(timeline: str, as_of: datetime | None, wall: datetime) -> datetime:
    """What "now" is on a timeline: the wall clock on the live one, the watermark on a replayed one."""
    return wall if timeline == LIVE or as_of is None else as_of
