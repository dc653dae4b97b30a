"""HTTP of complaints: what every source has, texts, and the inbox."""

import time

import msgspec
from fastapi import Depends, FastAPI, Request, Response

from services.complaints.attachments.api import EVIDENCE, add_evidence_routes
from services.complaints.attachments.service import Attachments
from services.complaints.current_due import current_due
from services.complaints.identities import IdentitySealing
from services.complaints.inbox import Inbox
from services.complaints.inbox_api import INBOX, add_inbox_routes
from services.complaints.offices import Offices, Stores
from services.complaints.offices_api import BODIES, add_office_routes
from services.complaints.open311.api import add_open311_routes
from services.complaints.open311.keys import Keys, keys_file
from services.complaints.open311.policy import load_open311
from services.complaints.open311.reports import FILINGS_IN_ALL, FILINGS_PER_APPLICATION, Reports
from services.complaints.policies import load_handling
from services.complaints.receipts import Receipts
from services.complaints.repository import ComplaintRepository
from services.complaints.schemas import Words, command_bodies
from services.complaints.service import ComplaintService, NotForReader, NotYourChannel
from services.complaints.web.commands import Commands
from services.complaints.web.desk.site import add_desk
from services.complaints.web.directory import load_directory
from services.complaints.web.site import PublicSite, add_pages
from services.contracts.codec import encode_json
from services.contracts.instants import from_micros
from services.shared.access import Principal, load_groups, reach
from services.shared.audit.trail import MemoryTrail, Trail
from services.shared.auth import require
from services.shared.clock import utc_now
from services.shared.describing import JSON, described
from services.shared.guessing import Guessing
from services.shared.problems import Problem
from services.shared.settings import Settings
from services.shared.source_app import source_app


def build(
    settings: Settings, complaints: ComplaintRepository, receipts: Receipts, attachments: Attachments,
    trail: Trail | None = None, stores: Stores | None = None,
) -> FastAPI:  # fmt: skip
    """The application on top of a repository. Who reads a text is on the audit trail first; without one, in memory."""
    recorded = trail or MemoryTrail(utc_now)
    groups, handling = load_groups(settings.policies), load_handling(settings.policies)
    offices = Offices.of(settings.policies, complaints, recorded, stores or Stores.in_memory(), utc_now)
    due = current_due(settings.policies, complaints.kept_decrees, time.monotonic)
    service = ComplaintService(complaints, receipts, groups, utc_now, handling, offices.supervisors.admit, due)
    bodies = command_bodies(service.keep_text, IdentitySealing(receipts, settings.public_keys / "custodians.json"))
    app = source_app("Complaints", settings, service, bodies, *EVIDENCE, *INBOX, Words, *BODIES)

    app.add_exception_handler(NotYourChannel, _not_your_channel)
    app.add_exception_handler(NotForReader, _not_for_reader)
    for_text = Depends(require("complaints.text"))
    for_similar, for_note = Depends(require("complaints.similar")), Depends(require("complaints.note"))

    def text(case_id: str, principal: Principal = for_text) -> Response:
        found = service.text(case_id, reach("complaints.text", principal))
        recorded.append(principal.subject, "complaint.text-read", case_id)
        return Response(encode_json({"text": found}), headers={"Cache-Control": "no-store"}, media_type=JSON)

    def similar(case_id: str, _: Principal = for_similar) -> Response:
        found = [msgspec.structs.asdict(s) | {"filed_at": from_micros(s.filed_at)} for s in service.similar(case_id)]
        return Response(encode_json({"items": found}), media_type=JSON)

    def note(case_id: str, text_ref: str, principal: Principal = for_note) -> Response:
        found = service.note(case_id, text_ref, reach("complaints.note", principal), principal)
        recorded.append(principal.subject, "complaint.text-read", case_id)
        return Response(encode_json({"text": found}), headers={"Cache-Control": "no-store"}, media_type=JSON)

    app.add_api_route(
        "/v1/cases/{case_id}/text", text, methods=["GET"], name="complaints.text", tags=["complaints"],
        openapi_extra=described(answer=Words),
    )  # fmt: skip
    app.add_api_route(
        "/v1/cases/{case_id}/similar", similar, methods=["GET"], name="complaints.similar", tags=["complaints"]
    )
    app.add_api_route(
        "/v1/cases/{case_id}/texts/{text_ref}", note, methods=["GET"], name="complaints.note", tags=["complaints"],
        openapi_extra=described(answer=Words),
    )  # fmt: skip
    inbox, guessing = Inbox(service, attachments, bodies), Guessing(time.monotonic)
    add_evidence_routes(app, service, attachments, recorded)
    add_inbox_routes(app, service, inbox, attachments, guessing, recorded)
    add_office_routes(app, offices, utc_now)
    directory, doing = load_directory(settings.policies), Commands(service, bodies)
    site = PublicSite(
        service, doing, inbox, attachments, guessing, receipts, directory, offices, settings.mail_sender
    )  # fmt: skip
    add_pages(app, site)
    add_desk(app, settings, doing, receipts, offices, attachments, recorded)
    open311, keys = load_open311(settings.policies), Keys(keys_file(settings.signing_key_file))
    limits = Guessing(time.monotonic, FILINGS_PER_APPLICATION, FILINGS_IN_ALL), Guessing(time.monotonic)
    reports = Reports(service, complaints, bodies[service.kind.life.opening], open311, keys, *limits)
    add_open311_routes(app, reports, open311, utc_now)
    return app


async def _not_your_channel(_: Request, error: Exception) -> Response:
    return Problem(403, "Not your channel", str(error), slug="not-your-channel").response()


async def _not_for_reader(_: Request, error: Exception) -> Response:
    detail = f"this text is for the roles of {error}"
    return Problem(403, "Not your role", detail, slug="forbidden", endpoint=str(error)).response()
