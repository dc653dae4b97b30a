"""A survey and a reward in a real browser, in both languages and both sizes, the survey without script."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from deploy.embedded.stack import Stack
from services.complaints.rewards.domain.reward import reward_id
from tests.e2e.test_public import Desk, desk, looked_at, visit  # noqa: F401 - fixtures
from tests.support.processes_of_sources import bearer, running
from tests.support.screens import SCREENS
from tests.support.stack import eventually

pytestmark = [pytest.mark.stack, pytest.mark.browser]
SAYS = {
    "zh": {
        "send": "提交", "empty": "请至少回答一题", "done": "谢谢，已收到", "used": "这个链接不能用",
        "open": "打开收件箱", "worth": "奖励 2,000 元", "claim": "领取兑付码", "paid": "已兑付",
    },
    "en": {
        "send": "Send", "empty": "Answer at least one question", "done": "Thank you, it was received",
        "used": "This link cannot be used", "open": "Open the inbox", "worth": "2,000 yuan",
        "claim": "Get the voucher", "paid": "has been paid out",
    },
}  # fmt: skip


def post(stack: Stack, url: str, role: str, body: dict[str, Any], agency: str | None = None) -> Any:
    answer = httpx.post(url, json=body, headers=bearer(stack, role, agency), timeout=60)
    assert answer.is_success, answer.text
    return answer.json()


@pytest.fixture(scope="module")
def links(infra: Stack, desk: Desk) -> list[str]:  # noqa: F811
    now = datetime.now(UTC)
    body = {
        "campaign_id": "in-a-browser", "agencies": ["tax"],
        "title": {"zh": "涉企服务评议", "en": "Service to enterprises"},
        "questions": [
            {"code": "speed", "kind": "level", "words": {"zh": "办事速度", "en": "How fast things are done"}},
            {"code": "fees", "kind": "level", "words": {"zh": "收费是否规范", "en": "How proper the fees are"}},
            {"code": "more", "kind": "text", "words": {"zh": "还想说什么", "en": "Anything else"}},
        ],
        "opens_at": now.isoformat(), "closes_at": (now + timedelta(hours=1)).isoformat(),
    }  # fmt: skip
    post(infra, f"{desk.url}/v1/surveys", "office", body)
    found = post(infra, f"{desk.url}/v1/surveys/in-a-browser/links", "office", {"agency": "tax", "count": len(SCREENS)})
    return list(found["links"])


@pytest.mark.parametrize(("lang", "size"), SCREENS)
def test_a_survey_is_answered_once_without_script(
    visit: Callable[..., Page], desk: Desk, links: list[str], lang: str, size: str  # noqa: F811
) -> None:  # fmt: skip
    says = SAYS[lang]
    address = desk.url + links.pop() + ("" if lang == "zh" else "?lang=en")
    visit(size).goto(address)  # A link that was only looked at stays good.
    page = visit(size, java_script_enabled=False)
    page.goto(address)
    page.get_by_role("button", name=says["send"], exact=True).click()
    expect(page.locator(".govuk-error-summary")).to_contain_text(says["empty"])
    page.locator("#speed-4").check()
    page.locator("#more").fill("窗口\n太少")
    page.get_by_role("button", name=says["send"], exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(says["done"])
    page.goto(address)
    expect(page.get_by_role("heading", level=1)).to_have_text(says["used"])


@pytest.mark.parametrize(("lang", "size"), SCREENS)
def test_the_survey_looks_as_it_should(
    visit: Callable[..., Page], infra: Stack, desk: Desk, links: list[str], lang: str, size: str  # noqa: F811
) -> None:  # fmt: skip
    found = post(infra, f"{desk.url}/v1/surveys/in-a-browser/links", "office", {"agency": "tax", "count": 1})
    page = visit(size)
    page.goto(desk.url + found["links"][0] + ("" if lang == "zh" else "?lang=en"))
    looked_at(page, f"survey-{lang}-{size}")
    page.get_by_role("button", name=SAYS[lang]["send"], exact=True).click()
    looked_at(page, f"survey-error-{lang}-{size}")


@pytest.fixture(scope="module")
def rewarded(infra: Stack, desk: Desk) -> Callable[[], str]:  # noqa: F811
    """`rewarded()`: the receipt code of a new complaint with a granted reward."""

    def made() -> str:
        body = {"channel": "website", "agency": "tax", "offence": "arbitrary_charge", "text": "多收了钱"}
        case = httpx.post(f"{desk.url}/v1/cases", json=body, timeout=60).json()
        path = f"{desk.url}/v1/cases/{case['case_id']}"
        found = {"agency": "tax", "finding": "verified", "offence": "arbitrary_charge", "evidence_refs": ["e-1"]}
        post(infra, f"{path}/accept", "clerk", {})
        post(infra, f"{path}/dispatch", "clerk", {"agency": "tax"})
        post(infra, f"{path}/conclude", "agency", found, "tax")
        post(infra, f"{path}/sign-off", "head", {"agency": "tax"}, "tax")
        post(infra, f"{path}/reply", "agency", {"agency": "tax", "text": "已经退还"}, "tax")
        reward = f"{desk.url}/v1/rewards/{reward_id(case['case_id'])}"
        eventually(lambda: httpx.get(reward, headers=bearer(infra, "office")).status_code == 200, 60)
        post(infra, f"{reward}/endorse", "office", {})
        post(infra, f"{reward}/approve", "leader", {})
        return str(case["receipt_code"])

    return made


@pytest.fixture(scope="module")
def relay(infra: Stack, desk: Desk) -> Any:  # noqa: F811
    with running(infra, "complaints", "relay") as process:
        yield process


@pytest.mark.usefixtures("relay")
@pytest.mark.parametrize(("lang", "size"), SCREENS)
def test_a_reward_is_claimed_in_the_inbox_and_paid_against_the_voucher_alone(
    visit: Callable[..., Page], infra: Stack, desk: Desk, rewarded: Callable[[], str], lang: str, size: str  # noqa: F811
) -> None:  # fmt: skip
    says, tag = SAYS[lang], f"{lang}-{size}"
    page = visit(size)
    page.goto(f"{desk.url}/inbox/open" + ("" if lang == "zh" else "?lang=en"))
    page.locator("#code").fill(rewarded())
    page.get_by_role("button", name=says["open"]).click()
    expect(page.locator("section[aria-labelledby=reward]")).to_contain_text(says["worth"])
    looked_at(page, f"reward-1-inbox-{tag}")
    page.get_by_role("button", name=says["claim"]).click()
    voucher = page.locator("#voucher-code").inner_text()
    looked_at(page, f"reward-2-voucher-{tag}")
    paid = post(infra, f"{desk.url}/v1/rewards/redeem", "cashier", {"voucher": voucher, "amount_fen": 200_000})
    assert set(paid) == {"entry_id", "amount_fen", "paid_at"}
    page.goto(f"{desk.url}/inbox" + ("" if lang == "zh" else "?lang=en"))
    expect(page.locator("section[aria-labelledby=reward]")).to_contain_text(says["paid"])
