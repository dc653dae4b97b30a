"""Composition root of notifications: `serve` the board and the API, `consume` alerts.v1."""

import signal
import threading
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pymongo import MongoClient

from services.contracts.topics import ALERTS, FACTS, SOURCE_TOPICS
from services.notifications import telemetry
from services.notifications.mongo import MongoAlerts
from services.notifications.policies import load_directory
from services.notifications.service import Inbox
from services.shared.consuming import BatchReader, now_ms
from services.shared.logs import configure_logs
from services.shared.settings import Settings
from services.shared.worker_http import serve_probes

if TYPE_CHECKING:  # `consume` serves no HTTP but probes
    from fastapi import FastAPI

app = typer.Typer(
    callback=configure_logs, help="notifications: alerts.v1 into the board and the feeds", no_args_is_help=True
)


@cache
def _client(uri: str) -> MongoClient[dict[str, Any]]:
    return MongoClient(uri, serverSelectionTimeoutMS=5_000, appname="notifications")


def store(settings: Settings) -> MongoAlerts:
    """The alerts in the database that `settings` names, with its indexes."""
    alerts = MongoAlerts(_client(settings.mongo))
    alerts.ensure_indexes()
    return alerts


def create_app(settings: Settings | None = None) -> "FastAPI":
    """The HTTP application: /v1/…, /feed, the board at / and its assets."""
    from services.notifications.web.app import build

    settings = settings or Settings()
    return build(store(settings), load_directory(settings.policies), settings)


def run_inbox(settings: Settings, stop: threading.Event, instance: str = "0", port: int = 0) -> None:
    """Read alerts.v1 into the database until `stop` is set; with a `port`, answer probes and /metrics there."""
    alerts = store(settings)
    inbox = Inbox(alerts, load_directory(settings.policies), now_ms)
    reader = BatchReader(
        brokers=settings.brokers, name="notifications", topics=[ALERTS], instance=instance, handle=inbox.handle,
        on_dead_letter=lambda topic, reason: telemetry.DEAD_LETTERS.labels(topic, reason).inc(),
        on_retry=telemetry.BATCHES_RETRIED.inc,
    )  # fmt: skip
    if port:
        serve_probes(port, lambda: reader.ready)
    alerts.put_partitions(reader.partitions((*SOURCE_TOPICS, FACTS, ALERTS)))
    reader.run(stop)


@app.command()
def serve(host: str = "127.0.0.1", port: Annotated[int, typer.Option(help="HTTP port")] = 8000) -> None:
    """Serve the board and the API. Example: python -m services.notifications.main serve --port 8080"""
    import uvicorn

    uvicorn.run(  # no access log: addresses hold tickets
        create_app(), host=host, port=port, access_log=False, proxy_headers=True, timeout_graceful_shutdown=3
    )


@app.command()
def consume(
    port: Annotated[int, typer.Option(help="port of /metrics; 0 for none")] = 0,
    instance: Annotated[str, typer.Option(help="name of this copy; a restart under the same name takes over")] = "0",
) -> None:
    """Read alerts.v1 into the database. Example: python -m services.notifications.main consume --port 9105"""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    run_inbox(Settings(), stop, instance, port)


if __name__ == "__main__":
    app()
