"""What every page of the custodians needs beside the frame: a session of the vault's own, its words, its errors."""

from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from services.shared.audit.trail import TrailBusy
from services.shared.clock import utc_now
from services.shared.web.assets import VAULT
from services.shared.web.pages import Place, StaffPages
from services.shared.web.words import LANGUAGES, Words
from services.vault.domain.opening import Refused
from services.vault.keyring import UnknownKey, Unreadable
from services.vault.service import Conflict, NotFound, Shredded

COOKIE = "duban_custodian"  # apart from the city's session: on one host, cookies are shared by all ports
LOCALE = VAULT.web / "locale"
PLACES = (
    Place("openings", "o", "vault.pages", "/vault/openings"),
    Place("ask", "a", "vault.pages", "/vault/ask"),
    Place("keeping", "e", "vault.pages", "/vault/keeping"),
)


class VaultPages(StaffPages):
    """The custodians' pages."""

    cookie = COOKIE
    errors = {
        **StaffPages.errors, NotFound: (404, "missing"), Conflict: (409, "moved_on"), Refused: (409, "moved_on"),
        Shredded: (410, "shredded"), Unreadable: (409, "unreadable"), UnknownKey: (409, "unreadable"),
        TrailBusy: (503, "unavailable"),
    }  # fmt: skip

    def __init__(self) -> None:
        words = {lang: Words(LOCALE, lang) for lang in LANGUAGES}
        super().__init__(VAULT, words, PLACES, base="/vault", frame="vault_base.html")

    def render(self, request: Request, template: str, status: int = 200, **context: Any) -> HTMLResponse:
        return super().render(request, template, status, now=utc_now(), **context)
