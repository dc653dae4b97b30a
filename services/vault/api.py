"""HTTP of the vault: intakes hand over, custodians sign in, ask, decide and open, the office looks on."""

from collections.abc import Callable
from typing import Any

import msgspec
import structlog
from fastapi import Depends, FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool

from services.contracts.codec import encode_json
from services.contracts.identity import KeptIdentity
from services.shared import access
from services.shared.access import Principal
from services.shared.audit.trail import TrailBusy
from services.shared.auth import install_auth, require
from services.shared.case_api import MAX_BODY, read_body
from services.shared.describing import JSON, describe_answers, described
from services.shared.problems import Problem, install_problem_handlers
from services.shared.settings import Settings
from services.shared.source_app import add_operations
from services.shared.users import AccountsUnusable
from services.vault import schemas
from services.vault.counting import counted
from services.vault.domain.opening import Opening, Refused
from services.vault.keyring import UnknownKey, Unreadable
from services.vault.service import Conflict, Due, NotFound, Shredded, VaultService
from services.vault.sessions import SIGNING_FILE, TOKEN_SECONDS, Sessions, TooManyGuesses, WrongPassword
from services.vault.telemetry import KEPT
from services.vault.web.site import add_pages

BODIES = (
    schemas.SignIn, KeptIdentity, schemas.RequestOpening, schemas.DenyOpening, schemas.ShredDue, schemas.Kept,
    schemas.Session, Opening, schemas.Openings, schemas.OpenedIdentity, Due, schemas.Shreds, schemas.Rotated,
)  # fmt: skip
log = structlog.get_logger()
Act = Callable[[Request, Principal, bytes], Any]


def build(settings: Settings, service: VaultService, sessions: Sessions) -> FastAPI:
    """The application on top of a service."""
    app = FastAPI(title="Vault", docs_url=None, redoc_url=None)
    install_problem_handlers(app)
    for error in _PROBLEMS:
        app.add_exception_handler(error, _problem)
    install_auth(app, settings.signing_key_file, {"custodian": settings.vault_keys / SIGNING_FILE})
    _add_intake(app, service)
    _add_openings(app, service, sessions)
    _add_keeping(app, service)
    add_pages(app, service, sessions)
    add_operations(app, service.vault.check)
    describe_answers(app, BODIES)
    return app


def _route(
    app: FastAPI, method: str, path: str, endpoint: str, act: Act, answer: Any, body: Any = None, status: int = 200,
    problems: tuple[int, ...] = (),
) -> None:  # fmt: skip
    """A route held to `endpoint`'s entry: `act` gets the request, who asks, and the body's bytes. `problems` are
    statuses beside those that every route of its kind may answer."""
    needed = Depends(require(endpoint))

    async def handle(request: Request, principal: Principal = needed) -> Response:
        raw = await read_body(request, MAX_BODY)
        found = await run_in_threadpool(act, request, principal, raw)
        return Response(encode_json(found), status, {"Cache-Control": "no-store"}, JSON)

    app.add_api_route(
        path, handle, methods=[method], name=endpoint, tags=["vault"], status_code=status,
        summary=access.TABLE[endpoint].about, responses={problem: {} for problem in problems},
        openapi_extra=described(body, answer=answer, status=status),
    )  # fmt: skip


def _add_intake(app: FastAPI, service: VaultService) -> None:
    def keep(request: Request, _: Principal, raw: bytes) -> schemas.Kept:
        kept = msgspec.json.decode(raw, type=KeptIdentity)
        if kept.sealed.identity_ref != request.path_params["identity_ref"]:
            raise Problem(422, "The request is not valid", "identity_ref: path and body differ", slug="invalid")
        try:
            new = service.keep(kept)
        except (UnknownKey, Unreadable):
            KEPT.labels("refused").inc()
            raise
        KEPT.labels("kept" if new else "repeated").inc()
        return schemas.Kept(kept.sealed.identity_ref, not new)

    _route(app, "PUT", "/v1/identities/{identity_ref}", "vault.keep", keep, schemas.Kept, KeptIdentity)


def _add_openings(app: FastAPI, service: VaultService, sessions: Sessions) -> None:
    def sign_in(_: Request, __: Principal, raw: bytes) -> schemas.Session:
        wanted = msgspec.json.decode(raw, type=schemas.SignIn)
        return schemas.Session(sessions.sign_in(wanted.name, wanted.password), TOKEN_SECONDS)

    def request_opening(_: Request, custodian: Principal, raw: bytes) -> Any:
        wanted = msgspec.json.decode(raw, type=schemas.RequestOpening)
        with counted("requested"):
            return service.request(wanted.case_id, wanted.reason, wanted.text, custodian.subject)

    def approve(request: Request, custodian: Principal, _: bytes) -> Any:
        with counted("approved"):
            return service.approve(request.path_params["opening_id"], custodian.subject)

    def deny(request: Request, custodian: Principal, raw: bytes) -> Any:
        reason = msgspec.json.decode(raw, type=schemas.DenyOpening).reason
        with counted("denied"):
            return service.deny(request.path_params["opening_id"], custodian.subject, reason)

    def open_identity(request: Request, custodian: Principal, _: bytes) -> Any:
        with counted("opened"):
            opened, identity = service.open(request.path_params["opening_id"], custodian.subject)
        return schemas.OpenedIdentity(opened.case_id, opened.opening_id, opened.opened_at, identity)

    def openings(_: Request, __: Principal, ___: bytes) -> schemas.Openings:
        return schemas.Openings(service.openings())

    one = "/v1/openings/{opening_id}"
    _route(app, "POST", "/v1/sessions", "vault.sign-in", sign_in, schemas.Session, schemas.SignIn, problems=(429,))
    _route(
        app, "POST", "/v1/openings", "vault.request", request_opening, Opening, schemas.RequestOpening, 201, (404, 410)
    )
    _route(app, "GET", "/v1/openings", "vault.openings", openings, schemas.Openings)
    _route(app, "POST", f"{one}/approve", "vault.approve", approve, Opening)
    _route(app, "POST", f"{one}/deny", "vault.deny", deny, Opening, schemas.DenyOpening)
    _route(app, "POST", f"{one}/open", "vault.open", open_identity, schemas.OpenedIdentity, problems=(410,))


def _add_keeping(app: FastAPI, service: VaultService) -> None:
    def due(_: Request, __: Principal, ___: bytes) -> Due:
        return service.due()

    def shred(_: Request, principal: Principal, raw: bytes) -> schemas.Shreds:
        limit = msgspec.json.decode(raw or b"{}", type=schemas.ShredDue).limit
        return schemas.Shreds(service.shred(limit, principal.subject), service.due().due)

    def rotate(_: Request, custodian: Principal, __: bytes) -> schemas.Rotated:
        return schemas.Rotated(service.rotate(custodian.subject))

    _route(app, "GET", "/v1/retention", "vault.retention", due, Due)
    _route(app, "POST", "/v1/shreds", "vault.shred", shred, schemas.Shreds, schemas.ShredDue)
    _route(app, "POST", "/v1/keys", "vault.rotate", rotate, schemas.Rotated, status=201)


def _accounts_unusable(error: AccountsUnusable) -> Problem:
    log.error("accounts.unusable", error=str(error))
    detail = "the file of accounts is faulty: the operators find the fault in the log"
    return Problem(503, "Nobody can sign in now", detail, slug="accounts-unusable")


_PROBLEMS: dict[type[Exception], Callable[[Any], Problem]] = {
    Refused: lambda e: Problem(
        422 if e.slug in ("unlisted-reason", "no-text") else 409, "The opening does not allow it", e.detail, slug=e.slug
    ),
    NotFound: lambda _: Problem(404, "Not found", "no such opening, or no identity with this case", slug="not-found"),
    Conflict: lambda _: Problem(409, "Another custodian was first", "look at the opening again", slug="conflict"),
    Shredded: lambda _: Problem(410, "Shredded", "the data key was destroyed: nobody can read it", slug="shredded"),
    UnknownKey: lambda _: Problem(409, "Unknown key", "sealed to a key that is not in the ring", slug="unknown-key"),
    Unreadable: lambda _: Problem(409, "Unreadable", "damaged, or not what an intake sealed", slug="unreadable"),
    WrongPassword: lambda _: Problem(401, "Who are you?", "name or password is wrong", slug="unauthenticated"),
    TooManyGuesses: lambda _: Problem(
        429, "Too many guesses", "wait 15 minutes", slug="too-many", headers={"Retry-After": "900"}
    ),
    AccountsUnusable: _accounts_unusable,
    TrailBusy: lambda _: Problem(
        503, "The audit trail is busy", "nothing was done: repeat it", slug="trail-busy", headers={"Retry-After": "2"}
    ),
}  # fmt: skip


async def _problem(_: Request, error: Exception) -> Response:
    return _PROBLEMS[type(error)](error).response()
