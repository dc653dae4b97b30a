"""The custodians' pages put together: sign-in, openings, and their assets."""

from fastapi import FastAPI

from services.vault.service import VaultService
from services.vault.sessions import Sessions
from services.vault.web import opening_pages, session_pages
from services.vault.web.pages import VaultPages


def add_pages(app: FastAPI, service: VaultService, sessions: Sessions) -> None:
    """Add /vault and what lies below it."""
    pages = VaultPages()
    for router in (session_pages.routes(pages, sessions), opening_pages.routes(pages, service)):
        app.router.routes.extend(router.routes)
    pages.add_assets(app)
