"""The desk put together: its pages, the sign-in in front of them, and their assets."""

from fastapi import FastAPI

from services.complaints.attachments.service import Attachments
from services.complaints.offices import Offices
from services.complaints.receipts import Receipts
from services.complaints.web.commands import Commands
from services.complaints.web.desk import home, intake_pages
from services.complaints.web.desk.cases import case_pages, work_pages
from services.complaints.web.desk.cases.case import CaseReader
from services.complaints.web.desk.offices import (
    cashier_pages,
    ledger_pages,
    report_pages,
    reward_pages,
    supervisor_pages,
    survey_pages,
)
from services.complaints.web.desk.pages import DeskPages
from services.complaints.web.desk.registry import load_registry
from services.shared.audit.trail import Trail
from services.shared.clock import utc_now
from services.shared.settings import Settings
from services.shared.web import session


def add_desk(
    app: FastAPI, settings: Settings, commands: Commands, receipts: Receipts, offices: Offices,
    attachments: Attachments, trail: Trail,
) -> None:  # fmt: skip
    """Add /desk and what lies below it."""
    pages = DeskPages(load_registry(settings.policies), settings)
    reader = CaseReader(commands.service, attachments, trail)
    for router in (
        session.routes(pages, settings),
        home.routes(pages),
        intake_pages.routes(pages, commands, receipts, offices.supervisors.listed, utc_now),
        work_pages.routes(pages, commands.service),
        case_pages.routes(pages, commands, reader, attachments),
        ledger_pages.routes(pages, offices.rewards),  # before the page of one reward, whose address has a variable end
        reward_pages.routes(pages, offices.rewards, utc_now),
        cashier_pages.routes(pages, offices.cashier),
        supervisor_pages.routes(pages, offices.supervisors, utc_now),
        report_pages.routes(pages, commands, offices.supervisors, utc_now),
        survey_pages.routes(pages, offices.surveys, utc_now),
    ):
        app.router.routes.extend(router.routes)
    pages.add_assets(app)
