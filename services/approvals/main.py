"""Composition root of approvals: `serve` the API, `relay` events to approvals.v1."""

from fastapi import FastAPI

from services.approvals.api import build
from services.approvals.repository import MongoApprovals
from services.approvals.service import KIND
from services.shared.mongo import connect_store
from services.shared.relay import Relay
from services.shared.settings import Settings
from services.shared.source_app import source_cli, source_relay


def create_app(settings: Settings | None = None) -> FastAPI:
    """The HTTP application on the database that `settings` name."""
    settings = settings or Settings()
    connect_store(settings, KIND.service)
    return build(settings, MongoApprovals())


def create_relay(settings: Settings) -> Relay:
    """The relay between that database and Kafka."""
    connect_store(settings, KIND.service)
    return source_relay(settings, KIND, MongoApprovals())


cli = source_cli(KIND.service, create_app, create_relay)

if __name__ == "__main__":
    cli()
