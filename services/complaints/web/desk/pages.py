"""What every page of the desk needs beside the frame: its places, its words, what agencies are called."""

from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from services.complaints.web.desk.registry import Registry
from services.complaints.web.pages import LOCALE as PUBLIC_LOCALE
from services.contracts.instants import from_micros
from services.shared.access import Principal
from services.shared.settings import Settings
from services.shared.source_app import utc_now
from services.shared.web.assets import DESK
from services.shared.web.pages import Place, StaffPages
from services.shared.web.words import LANGUAGES, Words

LOCALE = DESK.web / "locale"
CASES_LOCALE, OFFICES_LOCALE = DESK.web / "cases" / "locale", DESK.web / "offices" / "locale"
PLACES = (
    Place("intake", "i", "complaints.desk.intake", "/desk/intake"),
    Place("work", "w", "complaints.desk.work", "/desk/work", timed=True),
    Place("rewards", "r", "complaints.desk.rewards", "/desk/rewards"),
    Place("cashier", "c", "complaints.desk.cashier", "/desk/cashier"),
    Place("supervisors", "s", "complaints.desk.supervisors", "/desk/supervisors"),
    Place("reports", "o", "complaints.desk.reports", "/desk/reports"),
    Place("surveys", "q", "complaints.desk.surveys", "/desk/surveys"),
)


class DeskPages(StaffPages):
    """The desk's pages; offences, statuses and ratings are called what the public pages call them."""

    def __init__(self, registry: Registry, settings: Settings) -> None:
        words = {lang: Words(LOCALE, lang, more=(CASES_LOCALE, OFFICES_LOCALE, PUBLIC_LOCALE)) for lang in LANGUAGES}
        board = Place("board", "b", "board.read", settings.board_url, own=False, timed=True)
        super().__init__(DESK, words, (*PLACES, board), base="/desk", frame="desk_base.html")
        self.registry = registry
        self._environment.filters["instant"] = from_micros

    def render(self, request: Request, template: str, status: int = 200, **context: Any) -> HTMLResponse:
        return super().render(request, template, status, registry=self.registry, **{"now": utc_now(), **context})

    def duties(self, principal: Principal, lang: str) -> list[str]:
        names = self.registry.agency(principal.agency, lang), self.registry.group(principal.group, lang)
        return [name for name in names if name]
