"""HTTP of approvals: what every source has, and the catalogue."""

import msgspec
from fastapi import Depends, FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool

from services.approvals.domain.item import Item
from services.approvals.repository import ApprovalRepository
from services.approvals.schemas import BODIES, PublishedItem, published
from services.approvals.service import ApprovalService, VersionTaken
from services.contracts.codec import encode_json
from services.shared.access import Principal, load_groups
from services.shared.auth import require
from services.shared.case_api import MAX_BODY, expected_version, read_body
from services.shared.clock import utc_now
from services.shared.describing import JSON, described
from services.shared.problems import Problem
from services.shared.settings import Settings
from services.shared.source_app import source_app


def build(settings: Settings, approvals: ApprovalRepository) -> FastAPI:
    """The application on top of a repository."""
    service = ApprovalService(approvals, load_groups(settings.policies), utc_now)
    app = source_app("Approvals", settings, service, BODIES, Item, PublishedItem)
    for_reading, for_writing = Depends(require("approvals.items.read")), Depends(require("approvals.items.write"))

    def read(code: str, _: Principal = for_reading) -> Response:
        found = service.item(code)
        return Response(encode_json(published(found)), headers={"ETag": f'"{found.revision}"'}, media_type=JSON)

    def publish(code: str, raw: bytes, revision: int | None) -> Response:
        item = msgspec.json.decode(raw, type=Item)
        try:
            after, changed = service.publish(code, item, revision)
        except VersionTaken as error:
            raise Problem(409, "Version published before", str(error), slug="version-taken") from None
        status = 201 if changed and after.revision == 1 else 200
        return Response(encode_json(published(after)), status, {"ETag": f'"{after.revision}"'}, JSON)

    async def write(request: Request, code: str, _: Principal = for_writing) -> Response:
        return await run_in_threadpool(publish, code, await read_body(request, MAX_BODY), expected_version(request))

    app.add_api_route(
        "/v1/items/{code}", read, methods=["GET"], name="approvals.items.read", tags=["catalogue"],
        openapi_extra=described(answer=PublishedItem),
    )  # fmt: skip
    app.add_api_route(
        "/v1/items/{code}", write, methods=["PUT"], name="approvals.items.write", tags=["catalogue"],
        responses={201: {}, 412: {}}, openapi_extra=described(Item, answer=PublishedItem),
    )  # fmt: skip
    return app
