"""Composition root of metrics: `serve` the key figures, `consume` the source topics and alerts.v1."""

import signal
import threading
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pymongo import MongoClient

from services.contracts.topics import ALERTS, SOURCE_TOPICS
from services.metrics import telemetry
from services.metrics.mongo import MongoRecords
from services.metrics.repository import Counts
from services.metrics.service import Tally
from services.shared.consuming import BatchReader
from services.shared.logs import configure_logs
from services.shared.settings import Settings
from services.shared.worker_http import serve_probes

if TYPE_CHECKING:  # `consume` serves no HTTP but probes
    from fastapi import FastAPI

app = typer.Typer(callback=configure_logs, help="metrics: key figures from events and alerts", no_args_is_help=True)


@cache
def _client(uri: str) -> MongoClient[dict[str, Any]]:
    return MongoClient(uri, serverSelectionTimeoutMS=5_000, appname="metrics")


def build(settings: Settings, counts: Callable[[], Counts], ping: Callable[[], object]) -> "FastAPI":
    """The application on any store: `counts` gives the records' totals, `ping` raises when it does not answer."""
    from fastapi import FastAPI
    from prometheus_client import REGISTRY, CollectorRegistry, generate_latest

    from services.metrics.api import Computed, KpisOf, routes
    from services.shared.access import load_groups
    from services.shared.auth import install_auth
    from services.shared.describing import describe_answers
    from services.shared.problems import install_problem_handlers
    from services.shared.source_app import add_operations

    application = FastAPI(title="Duban metrics", version="1", docs_url=None, redoc_url=None)
    install_auth(application, settings.signing_key_file)
    install_problem_handlers(application)
    computed = Computed(counts)
    figures = CollectorRegistry()
    figures.register(telemetry.Figures(computed.counts, computed.kpis))
    application.router.routes.extend(routes(computed, load_groups(settings.policies)).routes)
    add_operations(application, ping, lambda: generate_latest(REGISTRY) + generate_latest(figures))
    describe_answers(application, [KpisOf])
    return application


def create_app(settings: Settings | None = None) -> "FastAPI":
    """The HTTP application: /v1/kpis, /metrics, health."""
    settings = settings or Settings()
    client = _client(settings.mongo)
    return build(settings, MongoRecords(client).counts, lambda: client.admin.command("ping"))


def run_tally(settings: Settings, stop: threading.Event, instance: str = "0", port: int = 0) -> None:
    """Read events into the database until `stop` is set; with a `port`, answer probes and /metrics there."""
    tally = Tally(MongoRecords(_client(settings.mongo)))
    reader = BatchReader(
        brokers=settings.brokers, name="metrics", topics=[*SOURCE_TOPICS, ALERTS], instance=instance,
        handle=tally.handle, on_dead_letter=lambda topic, reason: telemetry.DEAD_LETTERS.labels(topic, reason).inc(),
        on_retry=telemetry.BATCHES_RETRIED.inc,
    )  # fmt: skip
    if port:
        serve_probes(port, lambda: reader.ready)
    reader.run(stop)


@app.command()
def serve(host: str = "127.0.0.1", port: Annotated[int, typer.Option(help="HTTP port")] = 8000) -> None:
    """Serve the key figures. Example: python -m services.metrics.main serve --port 8001"""
    import uvicorn

    uvicorn.run(create_app(), host=host, port=port, access_log=False)


@app.command()
def consume(
    port: Annotated[int, typer.Option(help="port of /metrics and health; 0 for none")] = 0,
    instance: Annotated[str, typer.Option(help="name of this copy; a restart under the same name takes over")] = "0",
) -> None:
    """Read events into the key figures. Example: python -m services.metrics.main consume --port 9104"""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    run_tally(Settings(), stop, instance, port)


if __name__ == "__main__":
    app()
