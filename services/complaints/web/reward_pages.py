"""Claiming a reward in the inbox: a voucher, shown once (row A4)."""

import secrets

from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool

from services.complaints.inbox_session import INBOX_COOKIE, holder_of
from services.complaints.receipts import Receipts
from services.complaints.rewards.domain.reward import Refused
from services.complaints.rewards.repository import Conflict
from services.complaints.rewards.service import RewardService
from services.complaints.web.pages import Pages
from services.shared.access import Principal
from services.shared.problems import Problem

_holder = Depends(holder_of("complaints.inbox.write"))


def routes(pages: Pages, rewards: RewardService, receipts: Receipts) -> APIRouter:
    """POST /inbox/reward. The same form sent twice shows the same voucher."""
    router = APIRouter(route_class=pages.route_class())

    @router.post("/inbox/reward", include_in_schema=False)
    async def claim(request: Request, holder: Principal = _holder) -> Response:
        async with request.form(max_files=0, max_fields=5) as form:
            token, key = str(form.get("token", "")), str(form.get("key", ""))[:64] or None
        own = receipts.form_token(request.cookies.get(INBOX_COOKIE, ""))
        if not secrets.compare_digest(token, own):
            raise Problem(400, "A form of another session", "this form belongs to another session", slug="foreign-form")
        try:
            reward, voucher = await run_in_threadpool(rewards.claim, holder.subject, key)
        except (Refused, Conflict):
            return pages.to(request, "/inbox")  # The inbox says how the reward stands now.
        return pages.render(request, "voucher.html", reward=reward, voucher=voucher)

    return router
