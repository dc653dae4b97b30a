"""Composition root of inspections: `serve` the API, `relay` events to inspections.v1."""

from fastapi import FastAPI

from services.inspections.api import build
from services.inspections.repository import mongo_inspections
from services.inspections.service import KIND
from services.shared.mongo import connect_store
from services.shared.relay import Relay
from services.shared.settings import Settings
from services.shared.source_app import source_cli, source_relay


def create_app(settings: Settings | None = None) -> FastAPI:
    """The HTTP application on the database that `settings` name."""
    settings = settings or Settings()
    connect_store(settings, KIND.service)
    return build(settings, mongo_inspections())


def create_relay(settings: Settings) -> Relay:
    """The relay between that database and Kafka."""
    connect_store(settings, KIND.service)
    return source_relay(settings, KIND, mongo_inspections())


cli = source_cli(KIND.service, create_app, create_relay)

if __name__ == "__main__":
    cli()
