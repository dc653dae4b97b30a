"""HTTP of complaints: what every source has, texts, and the inbox."""

import time

from fastapi import Depends, FastAPI, Response

from services.complaints.attachments.api import add_evidence_routes
from services.complaints.attachments.service import Attachments
from services.complaints.guessing import Guessing
from services.complaints.inbox import Inbox
from services.complaints.inbox_api import add_inbox_routes
from services.complaints.inbox_schemas import Appeal, Code, Message, Rating, message_bodies
from services.complaints.receipts import Receipts
from services.complaints.repository import ComplaintRepository
from services.complaints.schemas import command_bodies
from services.complaints.service import ComplaintService
from services.complaints.web.directory import load_directory
from services.complaints.web.site import PublicSite, add_pages
from services.contracts.codec import encode_json
from services.shared.access import Principal, load_groups, reach
from services.shared.auth import require
from services.shared.case_api import JSON
from services.shared.settings import Settings
from services.shared.source_app import source_app, utc_now


def build(
    settings: Settings, complaints: ComplaintRepository, receipts: Receipts, attachments: Attachments
) -> FastAPI:  # fmt: skip
    """The application on top of a repository."""
    service = ComplaintService(complaints, receipts, load_groups(settings.policies), utc_now)
    bodies = {**command_bodies(service.keep_text), **message_bodies(service.keep_text)}
    app = source_app("Complaints", settings, service, bodies, Code, Message, Rating, Appeal)

    for_text = Depends(require("complaints.text"))

    def text(case_id: str, principal: Principal = for_text) -> Response:
        found = service.text(case_id, reach("complaints.text", principal))
        return Response(encode_json({"text": found}), headers={"Cache-Control": "no-store"}, media_type=JSON)

    app.add_api_route("/v1/cases/{case_id}/text", text, methods=["GET"], name="complaints.text", tags=["complaints"])
    inbox, guessing = Inbox(service, attachments, bodies), Guessing(time.monotonic)
    add_evidence_routes(app, service, attachments)
    add_inbox_routes(app, service, inbox, attachments, guessing)
    add_pages(
        app, PublicSite(service, inbox, attachments, guessing, bodies, receipts, load_directory(settings.policies))
    )
    return app
