"""Composition root of complaints: `serve` the API; `relay` events, and beside it what services left to do: identities
for the vault, rewards to propose, answers to merged complaints, due times after a change of policy; take `mail` in."""

import time

import typer
from fastapi import FastAPI

from services.complaints.api import build
from services.complaints.attachments.repository import MongoEvidence
from services.complaints.attachments.scanning import scanner
from services.complaints.attachments.service import Attachments
from services.complaints.attachments.store import Store
from services.complaints.current_due import current_due
from services.complaints.identities import Forwarder, IdentitySealing, put_to_vault
from services.complaints.inbox import Inbox
from services.complaints.mail.mailbox import Mailbox
from services.complaints.mail.poller import MailPoller
from services.complaints.mail.post import Post
from services.complaints.mail.receipt import Receipts as MailReceipts
from services.complaints.mail.servers import imap_of, smtp_of
from services.complaints.mail.taking import Taking
from services.complaints.mongo import MongoComplaints
from services.complaints.offices import Stores, load_schedule
from services.complaints.open311 import keys
from services.complaints.open311.keys import keys_file
from services.complaints.policies import load_handling
from services.complaints.receipts import Receipts, secret_key
from services.complaints.recomputing import Recomputer
from services.complaints.rewards.proposing import Proposer
from services.complaints.rewards.repository import MongoRewards
from services.complaints.rewards.vouchers import Vouchers
from services.complaints.schemas import command_bodies
from services.complaints.service import KIND, ComplaintService
from services.complaints.supervisors.repository import MongoSupervisors
from services.complaints.surveys.repository import MongoSurveys
from services.complaints.telling import Teller
from services.shared.access import load_groups
from services.shared.audit.trail import MongoTrail
from services.shared.clock import utc_now
from services.shared.mongo import connect_store
from services.shared.relay import Relay, serve_relay
from services.shared.settings import Settings
from services.shared.source_app import source_cli, source_relay


def create_app(settings: Settings | None = None) -> FastAPI:
    """The HTTP application on the database that `settings` name."""
    settings = settings or Settings()
    connect_store(settings, KIND.service)
    connect_store(settings, "audit")
    attachments, trail = _attachments(settings), MongoTrail(utc_now)
    return build(settings, MongoComplaints(), _receipts(settings), attachments, trail, _stores(settings))


def create_relay(settings: Settings) -> Relay:
    """The relay between that database and Kafka."""
    connect_store(settings, KIND.service)
    return source_relay(settings, KIND, MongoComplaints())


def create_forwarder(settings: Settings) -> Forwarder:
    """What hands sealed identities to the vault, beside the relay."""
    connect_store(settings, KIND.service)
    return Forwarder(MongoComplaints(), put_to_vault(settings))


def create_proposer(settings: Settings) -> Proposer:
    """What proposes rewards, beside the relay."""
    connect_store(settings, KIND.service)
    connect_store(settings, "audit")
    schedule = load_schedule(settings.policies)
    return Proposer(MongoComplaints(), MongoRewards(), MongoTrail(utc_now), schedule, utc_now)


def create_teller(settings: Settings) -> Teller:
    """What gives merged complaints the answers that a crash kept from them, beside the relay."""
    connect_store(settings, KIND.service)
    return Teller(MongoComplaints(), _service(settings))


def create_recomputer(settings: Settings) -> Recomputer:
    """What computes due times anew after a change of policy or calendar, beside the relay."""
    connect_store(settings, KIND.service)
    complaints = MongoComplaints()
    return Recomputer(complaints, current_due(settings.policies, complaints.kept_decrees, time.monotonic))


def create_mail(settings: Settings) -> MailPoller:
    """What takes mails in and answers them. Raises ValueError for settings that do not say where from."""
    imap, smtp = imap_of(settings), smtp_of(settings)
    connect_store(settings, KIND.service)
    service, attachments = _service(settings), _attachments(settings)
    sealing = IdentitySealing(_receipts(settings), settings.public_keys / "custodians.json")
    bodies = command_bodies(service.keep_text, sealing)
    taking = Taking(service, bodies[KIND.life.opening], Inbox(service, attachments, bodies), attachments)
    return MailPoller(
        lambda: Mailbox(imap), Post(smtp, settings.mail_envelope_sender),
        MailReceipts(settings.mail_sender, settings.public_url), taking, utc_now, own=settings.mail_sender,
        filed=settings.mail_filed, poll_seconds=settings.mail_poll_seconds,
    )  # fmt: skip


def _service(settings: Settings) -> ComplaintService:
    """The rules and records of the API, for what acts beside it."""
    complaints, receipts = MongoComplaints(), _receipts(settings)
    groups, handling = load_groups(settings.policies), load_handling(settings.policies)
    due = current_due(settings.policies, complaints.kept_decrees, time.monotonic)
    return ComplaintService(complaints, receipts, groups, utc_now, handling, due=due)


def _receipts(settings: Settings) -> Receipts:
    return Receipts.from_file(settings.signing_key_file.with_name("receipts.key"))


def _attachments(settings: Settings) -> Attachments:
    key = secret_key(settings.signing_key_file.with_name("attachments.key"))
    store, scan = Store.of(settings.attachments, settings.data), scanner(settings.attachment_scanner)
    return Attachments(MongoEvidence(), store, key, scan, utc_now)


def _stores(settings: Settings) -> Stores:
    vouchers = Vouchers.from_file(settings.signing_key_file.with_name("vouchers.key"))
    return Stores(MongoRewards(), vouchers, MongoSupervisors(), MongoSurveys())


cli = source_cli(
    KIND.service, create_app, create_relay, create_forwarder, create_proposer, create_teller, create_recomputer
)


@cli.command(help="Take e-mail in and send receipts. Example: python -m services.complaints.main mail --port 9107")
def mail(port: int = 9107, host: str = "127.0.0.1") -> None:
    try:
        poller = create_mail(Settings())
    except ValueError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    serve_relay([poller], host=host, port=port)


@cli.command(help="Give an application a key for Open311. Example: … main open311-key city-app; --take-back ends it")
def open311_key(name: str, take_back: bool = False) -> None:
    file = keys_file(Settings().signing_key_file)
    if take_back:
        if not keys.take_back(file, name):
            typer.echo(f"{name} has no key", err=True)
            raise typer.Exit(2)
        return
    try:
        typer.echo(keys.give(file, name))
    except ValueError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None


if __name__ == "__main__":
    cli()
