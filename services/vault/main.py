"""Composition root of the vault: `serve` answers HTTP, seals the audit trail and keeps house, in one process.

The process that holds the custodians' private key is this one alone; no other program imports this package's keyring.
"""

import threading
from datetime import timedelta
from typing import Annotated

import typer
import uvicorn
import yaml
from fastapi import FastAPI

from services.contracts.topics import AUDIT_HEADS
from services.shared.audit.heads import Sealer, load_signing_key
from services.shared.audit.trail import MongoTrail
from services.shared.logs import configure_logs
from services.shared.mongo import connect_store
from services.shared.relay import KafkaLog
from services.shared.settings import Settings
from services.shared.source_app import utc_now
from services.vault.api import build
from services.vault.domain.policy import VaultPolicy, read_policy
from services.vault.housekeeping import House
from services.vault.keyring import Keyring
from services.vault.repository import MongoVault
from services.vault.service import VAULT, VaultService
from services.vault.sessions import Sessions

AUDIT_KEY_FILE = "audit.key"
cli = typer.Typer(callback=configure_logs, no_args_is_help=True, add_completion=False, help="The identity vault.")


def load_policy(settings: Settings) -> VaultPolicy:
    """policies/vault.yaml. Raises OSError or ValueError."""
    return read_policy(yaml.safe_load((settings.policies / "vault.yaml").read_text("utf-8")))


def create_service(settings: Settings) -> VaultService:
    """The vault on the databases and keys that `settings` name. Raises OSError or ValueError."""
    own = settings.model_copy(update={"mongo": settings.vault_mongo or settings.mongo})
    connect_store(own, VAULT)
    connect_store(settings, "audit")
    keyring = Keyring(settings.vault_keys, settings.public_keys)
    return VaultService(MongoVault(), keyring, MongoTrail(utc_now), load_policy(settings), utc_now)


def create_app(settings: Settings, service: VaultService) -> FastAPI:
    """The HTTP application."""
    return build(settings, service, Sessions(settings.vault_keys, service.trail, utc_now))


def create_sealer(settings: Settings) -> Sealer:
    """What signs and publishes heads of the audit trail."""
    connect_store(settings, "audit")
    log = KafkaLog(settings.brokers, AUDIT_HEADS)
    return Sealer(
        MongoTrail(utc_now), load_signing_key(settings.vault_keys / AUDIT_KEY_FILE), settings.audit_heads_file,
        lambda value: log.append([(0, b"audit", value)], lambda: None), utc_now,
        timedelta(seconds=settings.audit_head_seconds),
    )  # fmt: skip


@cli.command()
def serve(host: str = "127.0.0.1", port: Annotated[int, typer.Option(help="HTTP port")] = 8000) -> None:
    """Serve the vault. Example: python -m services.vault.main serve --port 9106"""
    settings = Settings()
    try:
        service = create_service(settings)
        app, sealer = create_app(settings, service), create_sealer(settings)
    except (OSError, ValueError) as error:
        typer.echo(f"{error}: `duban up` or deploy.setup makes keys and accounts", err=True)
        raise typer.Exit(2) from None
    stop = threading.Event()
    threads = [
        threading.Thread(target=sealer.run, args=(stop,), name="audit-sealer"),
        threading.Thread(target=House(service).keep, args=(stop,), name="housekeeping"),
    ]
    for thread in threads:
        thread.start()
    try:
        # No access log: addresses hold references and case ids.
        uvicorn.run(app, host=host, port=port, access_log=False, log_level="warning")
    finally:
        stop.set()


if __name__ == "__main__":
    cli()
