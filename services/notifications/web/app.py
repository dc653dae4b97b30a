"""The FastAPI application of notifications: API, pages, assets, health and metrics put together."""

from datetime import tzinfo
from zoneinfo import ZoneInfo

from fastapi import FastAPI

from services.notifications import api
from services.notifications.domain.directory import Directory
from services.notifications.repository import AlertReader
from services.notifications.schemas import ANSWERS
from services.notifications.tail import FeedTail
from services.notifications.web import board
from services.notifications.web.pages import Pages
from services.shared.auth import install_auth
from services.shared.describing import describe_answers
from services.shared.problems import install_problem_handlers
from services.shared.settings import Settings
from services.shared.source_app import add_operations
from services.shared.web import session


def build(
    alerts: AlertReader, directory: Directory, settings: Settings, zone: tzinfo = ZoneInfo("Asia/Shanghai")
) -> FastAPI:
    """The application on any store of alerts. `zone` is the time zone that pages show instants in."""
    app = FastAPI(title="Duban notifications", version="1", docs_url=None, redoc_url=None)
    install_auth(app, settings.signing_key_file)
    install_problem_handlers(app)
    tail, pages = FeedTail(alerts), Pages(directory, zone, settings)
    add_operations(app, alerts.last_position)
    for router in (
        api.routes(alerts, tail, settings.partitions),
        session.routes(pages, settings),
        board.routes(pages, alerts, directory, tail, settings.partitions),
    ):
        app.router.routes.extend(router.routes)  # in the app itself, where table and document look for them
    pages.add_assets(app)
    describe_answers(app, ANSWERS)
    return app
