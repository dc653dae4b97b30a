"""HTTP of complaints: what every source has, receipts and texts."""

from fastapi import Depends, FastAPI, Response

from services.complaints.identities import IdentitySealing
from services.complaints.receipts import Receipts
from services.complaints.repository import ComplaintRepository
from services.complaints.schemas import command_bodies
from services.complaints.service import ComplaintService
from services.complaints.telemetry import RECEIPTS
from services.contracts.codec import encode_json
from services.shared.access import Principal, load_groups, reach
from services.shared.audit.trail import MemoryTrail, Trail
from services.shared.auth import require
from services.shared.case_api import JSON
from services.shared.commands import NotFound
from services.shared.problems import Problem
from services.shared.settings import Settings
from services.shared.source_app import source_app, utc_now


def build(
    settings: Settings, complaints: ComplaintRepository, receipts: Receipts, trail: Trail | None = None
) -> FastAPI:  # fmt: skip
    """The application on top of a repository. Who reads a text is on the audit trail first; without one, in memory."""
    recorded = trail or MemoryTrail(utc_now)
    service = ComplaintService(complaints, receipts, load_groups(settings.policies), utc_now)
    bodies = command_bodies(service.keep_text, IdentitySealing(receipts, settings.public_keys / "custodians.json"))
    app = source_app("Complaints", settings, service, bodies)

    for_receipt, for_text = Depends(require("complaints.receipt")), Depends(require("complaints.text"))

    def receipt(code: str, _: Principal = for_receipt) -> Response:
        try:
            found = service.receipt(code)
        except NotFound:
            RECEIPTS.labels("unknown").inc()
            detail = "no complaint has this receipt code: it is the 16 digits that you were given"
            raise Problem(404, "No such receipt", detail, slug="no-receipt") from None
        RECEIPTS.labels("found").inc()
        return Response(encode_json(found), headers={"Cache-Control": "no-store"}, media_type=JSON)

    def text(case_id: str, principal: Principal = for_text) -> Response:
        found = service.text(case_id, reach("complaints.text", principal))
        recorded.append(principal.subject, "complaint.text-read", case_id)
        return Response(encode_json({"text": found}), headers={"Cache-Control": "no-store"}, media_type=JSON)

    app.add_api_route("/v1/receipts/{code}", receipt, methods=["GET"], name="complaints.receipt", tags=["complaints"])
    app.add_api_route("/v1/cases/{case_id}/text", text, methods=["GET"], name="complaints.text", tags=["complaints"])
    return app
