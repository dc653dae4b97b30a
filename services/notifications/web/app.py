"""The FastAPI application of notifications: API, pages, assets, health and metrics put together."""

from datetime import tzinfo
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from services.notifications import api
from services.notifications.domain.directory import Directory
from services.notifications.repository import AlertReader
from services.notifications.tail import FeedTail
from services.notifications.web import board
from services.notifications.web.pages import Pages
from services.shared.auth import install_auth, require
from services.shared.problems import install_problem_handlers
from services.shared.settings import Settings
from services.shared.web import session


def build(
    alerts: AlertReader, directory: Directory, settings: Settings, zone: tzinfo = ZoneInfo("Asia/Shanghai")
) -> FastAPI:
    """The application on any store of alerts. `zone` is the time zone that pages show instants in."""
    app = FastAPI(title="Duban notifications", version="1", docs_url=None, redoc_url=None)
    install_auth(app, settings.signing_key_file)
    install_problem_handlers(app)
    tail, pages = FeedTail(alerts), Pages(directory, zone, settings)
    app.include_router(_probes(alerts))
    app.include_router(api.routes(alerts, tail, settings.partitions))
    app.include_router(session.routes(pages, settings))
    app.include_router(board.routes(pages, alerts, directory, tail, settings.partitions))
    pages.add_assets(app)
    return app


def _probes(alerts: AlertReader) -> APIRouter:
    router = APIRouter()

    @router.get("/health/live", dependencies=[Depends(require("health"))])
    def live() -> dict[str, str]:
        return {"status": "live"}

    @router.get("/health/ready", dependencies=[Depends(require("health"))])
    def ready() -> dict[str, str]:
        alerts.last_position()
        return {"status": "ready"}

    @router.get("/metrics", dependencies=[Depends(require("metrics"))])
    def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return router
