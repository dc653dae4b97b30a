"""The application and the command line that the four sources have alike. Free of any service's rules."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import typer
import uvicorn
from fastapi import Depends, FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from services.shared.auth import install_auth, load_key, require
from services.shared.bodies import Body
from services.shared.case_api import add_case_routes, described_types, install_command_problems
from services.shared.cases import MongoCases
from services.shared.clock import utc_now
from services.shared.commands import CaseService, Kind
from services.shared.describing import describe_answers
from services.shared.logs import configure_logs
from services.shared.problems import Problem, install_problem_handlers
from services.shared.relay import KafkaLog, Relay, Runner, serve_relay
from services.shared.settings import Settings


def source_app(
    title: str, settings: Settings, service: CaseService[Any], bodies: Mapping[str, Body[Any]],
    *more: Any,
) -> FastAPI:  # fmt: skip
    """An application with the routes that every source has. `more` are the bodies and answers of its other routes."""
    app = FastAPI(title=title, docs_url=None, redoc_url=None)
    install_problem_handlers(app)
    install_command_problems(app)
    install_auth(app, settings.signing_key_file)
    add_case_routes(app, service, bodies)
    add_operations(app, service.cases.check)
    describe_answers(app, [*described_types(service, bodies), *more])
    return app


def add_operations(app: FastAPI, ready: Callable[[], object], figures: Callable[[], bytes] = generate_latest) -> None:
    """Liveness, readiness (`ready` raises when the store does not answer) and metrics, which are `figures`."""
    needs_health, needs_metrics = Depends(require("health")), Depends(require("metrics"))

    def live(_: Any = needs_health) -> dict[str, str]:
        return {"status": "live"}

    def is_ready(_: Any = needs_health) -> dict[str, str]:
        try:
            ready()
        except Exception as error:
            raise Problem(503, "Not ready", f"the store does not answer: {error}", slug="not-ready") from None
        return {"status": "ready"}

    def metrics(_: Any = needs_metrics) -> Response:
        return Response(figures(), media_type=CONTENT_TYPE_LATEST)

    app.add_api_route("/health/live", live, methods=["GET"], include_in_schema=False)
    app.add_api_route("/health/ready", is_ready, methods=["GET"], include_in_schema=False)
    app.add_api_route("/metrics", metrics, methods=["GET"], include_in_schema=False)


def source_relay(settings: Settings, kind: Kind[Any], cases: MongoCases[Any]) -> Relay:
    """The relay between the cases of a service and its topic."""
    return Relay(
        kind.service, kind.topic, cases.outbox, KafkaLog(settings.brokers, kind.topic), utc_now,
        grace=timedelta(seconds=settings.grace_seconds), tick_every=timedelta(seconds=settings.tick_seconds),
    )  # fmt: skip


def source_cli(
    name: str, create_app: Callable[[Settings], FastAPI], *create_runners: Callable[[Settings], Runner]
) -> typer.Typer:
    """`serve` and `relay` of one service: the relay and what runs beside it. Settings come from the environment."""
    cli = typer.Typer(callback=configure_logs, no_args_is_help=True, add_completion=False, help=f"The {name} service.")

    @cli.command(help=f"Serve the HTTP API. Example: python -m services.{name}.main serve --port 8000")
    def serve(host: str = "127.0.0.1", port: int = 8000) -> None:
        settings = Settings()
        try:
            load_key(settings.signing_key_file)
        except (OSError, ValueError) as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(2) from None
        # No access log: it would tie network addresses to complaints.
        uvicorn.run(create_app(settings), host=host, port=port, access_log=False, log_level="warning")

    @cli.command(help=f"Publish events and ticks. Example: python -m services.{name}.main relay --port 9100")
    def relay(port: int = 9100, host: str = "127.0.0.1") -> None:
        serve_relay([create(Settings()) for create in create_runners], host=host, port=port)

    return cli
