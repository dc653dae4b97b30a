"""/desk/rewards: rewards by state, one with its entries, and what is decided about it, as forms (row A4).

Everything is written by the same service as over the API. A form made from a state that is no longer true changes
nothing: the page then says how the reward stands now.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from services.complaints.rewards.domain.reward import TABLE, Refused, Status
from services.complaints.rewards.repository import Conflict
from services.complaints.rewards.service import DECISIONS, REASONED, RewardService
from services.complaints.web.desk.cases.views import ref_of
from services.complaints.web.desk.offices.offered import offered
from services.complaints.web.desk.pages import DeskPages
from services.shared.access import Principal, allows
from services.shared.auth import require
from services.shared.problems import Problem

ALL, MOST_LISTED = "all", 500
STATES: tuple[Status, ...] = tuple(TABLE)
# Others are told, or money is no longer owed: asked about once. An endorsement can still be declined.
ASKS = frozenset(DECISIONS) - {"endorse"}
Reader = Annotated[Principal, Depends(require("complaints.desk.rewards"))]
Actor = Annotated[Principal, Depends(require("complaints.desk.rewards.act"))]
Text = Annotated[str, Form()]


def routes(pages: DeskPages, rewards: RewardService, clock: Callable[[], datetime]) -> APIRouter:
    """The list, one reward, and its forms."""
    router = APIRouter(route_class=pages.route_class())
    reasons = rewards.policy.reasons

    def shown(request: Request, reward_id: str, principal: Principal, status: int = 200, **more: Any) -> Response:
        """One reward as it is now; `sent` is the form that was sent, with the `problem` that it met."""
        reward = rewards.read(reward_id)
        usual = {"sent": "", "reason": "", "wrong": "", "problem": "", "detail": "", "done": ""}
        return pages.render(
            request, "reward.html", status, reward=reward, ref=ref_of(reward.case_id), reasons=reasons,
            offered=offered(reward, principal, clock()), reasoned=REASONED, path=_path(pages, request, reward_id),
            error=bool(more.get("problem") or more.get("wrong")), **{**usual, **more},
        )  # fmt: skip

    @router.get("/desk/rewards", include_in_schema=False)
    def listed(request: Request, principal: Reader, state: str = "") -> Response:
        chosen = state if state in (*STATES, ALL) else _waiting_for(principal)
        found = rewards.listed(next((s for s in STATES if s == chosen), None), MOST_LISTED)
        return pages.render(
            request, "rewards.html", rewards=found, chosen=chosen, states=(*STATES, ALL), ref_of=ref_of,
            most=MOST_LISTED, path=_path(pages, request),
        )  # fmt: skip

    @router.get("/desk/rewards/{reward_id}", include_in_schema=False)
    def show(request: Request, reward_id: str, principal: Reader, done: str = "") -> Response:
        return shown(request, reward_id, principal, done=done if done in DECISIONS else "")

    @router.post("/desk/rewards/{reward_id}", include_in_schema=False)
    def act(
        request: Request, reward_id: str, principal: Actor, command: Text = "", version: Text = "",
        reason: Text = "", sure: Text = "",
    ) -> Response:  # fmt: skip
        reward, name = rewards.read(reward_id), next((c for c in DECISIONS if c == command), None)
        if name is None:
            raise Problem(404, "No such form", "there is no such form", slug="not-found")
        if not allows(f"complaints.rewards.{name}", principal):
            raise Problem(403, "Not your role", f"{name} is not for this account", slug="forbidden")
        sent: dict[str, Any] = {"sent": name, "reason": reason}
        if version != str(reward.version):
            return shown(request, reward_id, principal, 409, problem="stale", **sent)
        if name in REASONED and reason not in reasons:
            return shown(request, reward_id, principal, 422, wrong="rewards.wrong.reason", **sent)
        if name in ASKS and sure == "no":
            return shown(request, reward_id, principal, **sent)
        if name in ASKS and sure != "yes":
            return pages.render(
                request, "reward_confirm.html", reward=reward, ref=ref_of(reward.case_id), command=name,
                reason=reason, reasons=reasons, path=_path(pages, request, reward_id),
            )  # fmt: skip
        try:
            rewards.decide(name, reward_id, principal.subject, reason)
        except Conflict:
            return shown(request, reward_id, principal, 409, problem="stale", **sent)
        except Refused as refused:
            return shown(request, reward_id, principal, 409, problem=refused.slug, detail=refused.detail, **sent)
        return RedirectResponse(f"{_path(pages, request, reward_id)}?done={name}", 303)

    return router


def _waiting_for(principal: Principal) -> str:
    """The state in which rewards wait for this person."""
    return "proposed" if allows("complaints.rewards.endorse", principal) else "endorsed"


def _path(pages: DeskPages, request: Request, reward_id: str = "") -> str:
    return f"{pages.home(request)}/rewards" + (f"/{reward_id}" if reward_id else "")
