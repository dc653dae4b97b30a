"""Composition root of the supervision workers: `python -m services.supervision.main cases|subjects --port N`."""

import socket
from typing import Any

import typer

from services.contracts.topics import ALERTS, DEAD_LETTERS, FACTS, SOURCE_TOPICS
from services.shared.logs import configure_logs
from services.shared.settings import Settings
from services.shared.worker_http import serve_probes
from services.supervision.domain.cases import CasesFold
from services.supervision.domain.policy import Policies, PolicyError
from services.supervision.domain.subjects import SubjectsFold
from services.supervision.policy_files import load_policies
from services.supervision.runtime.worker import Worker, run

app = typer.Typer(
    callback=configure_logs, help="Supervision workers. Example: python -m services.supervision.main cases --port 9111"
)
Port = typer.Option(9111, help="Port of /metrics and /health.")


def _policies(settings: Settings) -> Policies:
    try:
        return load_policies(settings.policies)
    except PolicyError as error:
        for problem in error.problems:
            typer.echo(problem, err=True)
        raise SystemExit(2) from None


def _worker(kind: str, settings: Settings, policies: Policies) -> Worker:
    count = settings.partitions
    common: dict[str, Any] = {
        "brokers": settings.brokers,
        "member": f"{kind}-{settings.member or socket.gethostname()}",
        "state_dir": settings.state_dir,
        "checkpoint_dir": settings.checkpoint_dir,
        "partitions": {FACTS: count, ALERTS: count, DEAD_LETTERS: 1},
        "batch": settings.batch,
        "checkpoint_seconds": settings.checkpoint_seconds,
        "watchdog_seconds": settings.watchdog_seconds,
        "dead_letter_limit": settings.dead_letter_limit,
    }
    if kind == "cases":
        fold = CasesFold(policies.cases, policies.calendar)
        return Worker(fold, SOURCE_TOPICS, upstream=frozenset(), forward=(FACTS, ALERTS), **common)
    sources = frozenset(f"{topic}-{number}" for topic in SOURCE_TOPICS for number in range(count))
    subjects = SubjectsFold(policies.subjects, policies.calendar)
    return Worker(subjects, (FACTS,), upstream=sources, forward=(ALERTS,), **common)


def _probe(worker: Worker, port: int) -> None:
    serve_probes(port, worker.ready)


def _start(kind: str, port: int) -> None:
    settings = Settings()
    policies = _policies(settings)
    run(lambda: _worker(kind, settings, policies), lambda worker: _probe(worker, port))


@app.command()
def cases(port: int = Port) -> None:
    """The cases fold: clocks of every case. Example: python -m services.supervision.main cases --port 9111"""
    _start("cases", port)


@app.command()
def subjects(port: int = Port) -> None:
    """The subjects fold: repeat offenders. Example: python -m services.supervision.main subjects --port 9102"""
    _start("subjects", port)


if __name__ == "__main__":
    app()
