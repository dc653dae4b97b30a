"""HTTP of rewards: the office and leaders decide, the person claims in the inbox, the cashier pays. Free of rules."""

from collections.abc import Callable
from typing import Any

import msgspec
from fastapi import Depends, FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool

from services.complaints.inbox_session import holder_of
from services.complaints.rewards.cashier import Cashier
from services.complaints.rewards.domain.reward import Refused, Status
from services.complaints.rewards.repository import Conflict
from services.complaints.rewards.schemas import Offered, Paid, Reason, Redemption, Shown, offered, paid, shown
from services.complaints.rewards.service import DECISIONS, REASONED, Decision, RewardService
from services.shared.access import Principal
from services.shared.auth import require
from services.shared.case_api import MAX_BODY, idempotency_key, private, read_body
from services.shared.commands import NotFound
from services.shared.describing import described
from services.shared.problems import Problem

BODIES = (Reason, Redemption, dict[str, list[Shown]], Shown, Offered, Paid)
MOST_LISTED = 500
_REWARDS: dict[str, Any] = {"tags": ["rewards"]}


def add_reward_routes(app: FastAPI, rewards: RewardService, cashier: Cashier) -> None:
    """Add /v1/rewards, and /v1/inbox/reward for holders of a receipt code."""
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(Conflict, _conflict)
    _add_decisions(app, rewards)
    _add_payment(app, rewards, cashier)
    for_list, for_read = Depends(require("complaints.rewards.list")), Depends(require("complaints.rewards.read"))
    for_ledger = Depends(require("complaints.rewards.ledger"))

    def listed(status: Status | None = None, _: Principal = for_list) -> Response:
        return private({"items": [shown(reward) for reward in rewards.listed(status, MOST_LISTED)]})

    def read(reward_id: str, _: Principal = for_read) -> Response:
        return private(shown(rewards.read(reward_id)))

    def ledger(_: Principal = for_ledger) -> Response:
        return private(rewards.ledger())

    add = app.add_api_route
    add(
        "/v1/rewards", listed, methods=["GET"], name="complaints.rewards.list",
        openapi_extra=described(answer=dict[str, list[Shown]]), **_REWARDS,
    )  # fmt: skip
    add("/v1/rewards/ledger", ledger, methods=["GET"], name="complaints.rewards.ledger", **_REWARDS)
    add(
        "/v1/rewards/{reward_id}", read, methods=["GET"], name="complaints.rewards.read",
        openapi_extra=described(answer=Shown), **_REWARDS,
    )  # fmt: skip


def _add_decisions(app: FastAPI, rewards: RewardService) -> None:
    def decision(name: Decision) -> Callable[..., Any]:
        needed = Depends(require(f"complaints.rewards.{name}"))

        async def decide(request: Request, reward_id: str, principal: Principal = needed) -> Response:
            raw = await read_body(request, MAX_BODY)
            reason = msgspec.json.decode(raw, type=Reason).reason if name in REASONED else ""
            found = await run_in_threadpool(rewards.decide, name, reward_id, principal.subject, reason)
            return private(shown(found))

        return decide

    for name in DECISIONS:
        app.add_api_route(
            f"/v1/rewards/{{reward_id}}/{name}", decision(name), methods=["POST"], name=f"complaints.rewards.{name}",
            openapi_extra=described(Reason if name in REASONED else None, answer=Shown), **_REWARDS,
        )  # fmt: skip


def _add_payment(app: FastAPI, rewards: RewardService, cashier: Cashier) -> None:
    for_cashier = Depends(require("complaints.rewards.redeem"))
    for_reading = Depends(holder_of("complaints.inbox.read"))
    for_claiming = Depends(holder_of("complaints.inbox.write"))

    async def redeem(request: Request, principal: Principal = for_cashier) -> Response:
        wanted = msgspec.json.decode(await read_body(request, MAX_BODY), type=Redemption)
        try:
            entry = await run_in_threadpool(cashier.pay, wanted.voucher, wanted.amount_fen, principal.subject)
        except NotFound:
            detail = "there is no voucher like this for this amount: compare both with the person's own"
            raise Problem(404, "No such voucher", detail, slug="no-voucher") from None
        return private(paid(entry))

    def offer(holder: Principal = for_reading) -> Response:
        reward = rewards.offered(holder.subject)
        if reward is None:
            raise Problem(404, "No reward", "no reward has been granted for this complaint", slug="no-reward")
        return private(offered(reward))

    async def claim(request: Request, holder: Principal = for_claiming) -> Response:
        reward, voucher = await run_in_threadpool(rewards.claim, holder.subject, idempotency_key(request))
        return private(offered(reward, voucher), 201)

    add = app.add_api_route
    add(
        "/v1/rewards/redeem", redeem, methods=["POST"], name="complaints.rewards.redeem",
        responses={404: {}, 429: {}}, openapi_extra=described(Redemption, answer=Paid), **_REWARDS,
    )  # fmt: skip
    add(
        "/v1/inbox/reward", offer, methods=["GET"], name="complaints.inbox.reward", tags=["inbox"],
        responses={404: {}}, openapi_extra=described(answer=Offered),
    )  # fmt: skip
    add(
        "/v1/inbox/reward", claim, methods=["POST"], name="complaints.inbox.claim", status_code=201, tags=["inbox"],
        responses={404: {}}, openapi_extra=described(answer=Offered, status=201),
    )  # fmt: skip


async def _refused(_: Request, error: Any) -> Response:
    status, title = (422, "The command is not valid") if error.slug == "unlisted-reason" else (409, "Not allowed now")
    return Problem(status, title, error.detail, slug=error.slug).response()


async def _conflict(_: Request, __: Any) -> Response:
    detail = "another act was first: read the reward again, and repeat what still makes sense"
    return Problem(409, "Another act was first", detail, slug="conflict").response()
