"""The public pages put together with their assets."""

from typing import NamedTuple

from fastapi import FastAPI

from services.complaints.attachments.service import Attachments
from services.complaints.inbox import Inbox
from services.complaints.offices import Offices
from services.complaints.receipts import Receipts
from services.complaints.service import ComplaintService
from services.complaints.web import filing, inbox_pages, reward_pages, survey_pages
from services.complaints.web.commands import Commands
from services.complaints.web.directory import Directory
from services.complaints.web.pages import WEB, Pages
from services.shared.guessing import Guessing
from services.shared.web.answers import Assets
from services.shared.web.assets import PUBLIC


class PublicSite(NamedTuple):
    """What the pages work on."""

    service: ComplaintService
    commands: Commands
    inbox: Inbox
    attachments: Attachments
    guessing: Guessing
    receipts: Receipts
    agencies: Directory
    offices: Offices
    mail: str


def add_pages(app: FastAPI, site: PublicSite) -> None:
    """Add /, /file, /inbox, /survey and /assets."""
    pages = Pages()
    for router in (
        filing.routes(pages, site.commands, site.inbox, site.attachments, site.agencies, site.mail),
        inbox_pages.routes(
            pages, site.service, site.inbox, site.attachments, site.guessing, site.receipts, site.offices.rewards
        ),
        reward_pages.routes(pages, site.offices.rewards, site.receipts),
        survey_pages.routes(pages, site.offices.surveys, site.agencies),
    ):
        app.router.routes.extend(
            router.routes
        )  # Each route stands in the app itself, where the access table is checked.
    app.mount("/assets/vendor", Assets(directory=PUBLIC.vendor, check_dir=False), name="vendor")
    app.mount("/assets/scripts", Assets(directory=WEB / "scripts"), name="scripts")
