"""/vault: openings asked for, decided and made, and the state of keys and retention (row A3).

An identity is in the clear in one answer alone, to the form that opened it: it is in no address, cookie, log or cache,
and loading the page again shows that it was opened, not what it was.
"""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from services.shared.access import Principal
from services.shared.auth import require
from services.shared.problems import Problem
from services.vault.counting import counted
from services.vault.domain.opening import MAX_TEXT, MIN_TEXT, Opening, Refused
from services.vault.service import LISTED, Conflict, NotFound, Shredded, VaultService
from services.vault.web.pages import COOKIE, VaultPages

ACTS = ("approve", "deny", "open")
VIEWS = ("waiting", "mine", "all")
MAX_CODE = 100
Reader = Annotated[Principal, Depends(require("vault.pages", COOKIE))]
Actor = Annotated[Principal, Depends(require("vault.pages.act", COOKIE))]
Text = Annotated[str, Form()]


def routes(pages: VaultPages, service: VaultService) -> APIRouter:
    """The list, the form that asks, one opening with its forms, and what is kept."""
    router = APIRouter(route_class=pages.route_class(), prefix=pages.base)
    reasons, denials = service.policy.reasons, service.policy.denials

    def path(request: Request, opening_id: str = "") -> str:
        return f"{pages.home(request)}/openings" + (f"/{opening_id}" if opening_id else "")

    def shown(request: Request, custodian: Principal, opening_id: str, status: int = 200, **more: Any) -> Response:
        opening = service.read(opening_id)
        usual = {"sent": "", "reason": "", "wrong": "", "problem": "", "detail": "", "done": ""}
        return pages.render(
            request, "opening.html", status, opening=opening, mine=opening.requested_by == custodian.subject,
            reasons=reasons, denials=denials, path=path(request, opening_id),
            error=bool(more.get("problem") or more.get("wrong")), **{**usual, **more},
        )  # fmt: skip

    def asking(request: Request, status: int = 200, wrong: str = "", field: str = "", **typed: str) -> Response:
        return pages.render(
            request, "ask.html", status, typed=typed, wrong=wrong, field=field, reasons=reasons, error=bool(wrong),
            policy=service.policy, least=MIN_TEXT, most=MAX_TEXT,
        )  # fmt: skip

    @router.get("", include_in_schema=False)
    def home(request: Request, _: Reader) -> Response:
        return RedirectResponse(path(request), 303)

    @router.get("/openings", include_in_schema=False)
    def listed(request: Request, custodian: Reader, view: str = "") -> Response:
        openings = service.openings()
        found = {
            "waiting": [o for o in openings if _waits_for(o, custodian)],
            "mine": [o for o in openings if o.requested_by == custodian.subject],
            "all": openings,
        }
        chosen = view if view in VIEWS else "waiting" if found["waiting"] else "all"
        return pages.render(
            request, "openings.html", openings=found[chosen], chosen=chosen, reasons=reasons, path=path(request),
            counts={name: len(those) for name, those in found.items()}, most=LISTED,
        )  # fmt: skip

    @router.get("/ask", include_in_schema=False)
    def ask(request: Request, _: Reader) -> Response:
        return asking(request, case_id="", reason="", text="")

    @router.post("/ask", include_in_schema=False)
    def asked(
        request: Request, custodian: Actor, case_id: Text = "", reason: Text = "", text: Text = ""
    ) -> Response:  # fmt: skip
        typed = {"case_id": case_id.strip(), "reason": reason, "text": text.replace("\r\n", "\n")}
        if not 0 < len(typed["case_id"]) <= MAX_CODE:
            return asking(request, 422, "ask.wrong.case", "case_id", **typed)
        try:
            with counted("requested"):
                opening = service.request(typed["case_id"], reason, typed["text"], custodian.subject)
        except Refused as refused:
            field = "reason" if refused.slug == "unlisted-reason" else "text"
            return asking(request, 422, f"ask.wrong.{field}", field, **typed)
        except NotFound:
            return asking(request, 404, "ask.wrong.nobody", "case_id", **typed)
        except Shredded:
            return asking(request, 410, "ask.wrong.shredded", "case_id", **typed)
        return RedirectResponse(f"{path(request, opening.opening_id)}?done=ask", 303)

    @router.get("/openings/{opening_id}", include_in_schema=False)
    def show(request: Request, opening_id: str, custodian: Reader, done: str = "") -> Response:
        return shown(request, custodian, opening_id, done=done if done in ("ask", *ACTS) else "")

    @router.post("/openings/{opening_id}", include_in_schema=False)
    def act(
        request: Request, opening_id: str, custodian: Actor, act: Text = "", reason: Text = "", sure: Text = ""
    ) -> Response:  # fmt: skip
        if act not in ACTS:
            raise Problem(404, "No such form", "there is no such form", slug="not-found")
        sent: dict[str, Any] = {"sent": act, "reason": reason}
        if act == "deny" and reason not in denials:
            return shown(request, custodian, opening_id, 422, wrong="deny.wrong.reason", **sent)
        if sure == "no":
            return shown(request, custodian, opening_id, **sent)
        if sure != "yes":
            return pages.render(
                request, "opening_confirm.html", opening=service.read(opening_id), act=act, reason=reason,
                reasons=reasons, denials=denials, path=path(request, opening_id),
            )  # fmt: skip
        try:
            return _done(request, opening_id, custodian, act, reason)
        except Refused as refused:
            return shown(request, custodian, opening_id, 409, problem=refused.slug, detail=refused.detail, **sent)
        except Conflict:
            return shown(request, custodian, opening_id, 409, problem="conflict", **sent)

    def _done(request: Request, opening_id: str, custodian: Principal, act: str, reason: str) -> Response:
        if act == "open":
            with counted("opened"):
                opened, identity = service.open(opening_id, custodian.subject)
            told = {name: value for name, value in msgspec.structs.asdict(identity).items() if value}
            return pages.render(
                request, "identity.html", opening=opened, identity=told, reasons=reasons,
                path=path(request, opening_id),
            )  # fmt: skip
        if act == "approve":
            with counted("approved"):
                service.approve(opening_id, custodian.subject)
        else:
            with counted("denied"):
                service.deny(opening_id, custodian.subject, reason)
        return RedirectResponse(f"{path(request, opening_id)}?done={act}", 303)

    @router.get("/keeping", include_in_schema=False)
    def keeping(request: Request, _: Reader) -> Response:
        return pages.render(request, "keeping.html", keys=service.keys(), due=service.due(), policy=service.policy)

    return router


def _waits_for(opening: Opening, custodian: Principal) -> bool:
    """Whether this custodian can do something about it now."""
    asker = opening.requested_by == custodian.subject
    return (opening.status == "approved" and asker) or (opening.status == "requested" and not asker)
