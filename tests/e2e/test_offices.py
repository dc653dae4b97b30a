"""Pages of office and custodians in a real browser: a reward from proposal to payment, an identity opened once."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import httpx
import pytest
from playwright.sync_api import Browser, Error, Page, expect

from deploy.embedded.stack import Stack
from services.complaints.domain.receipt_code import holds, plain
from services.complaints.rewards.domain.reward import reward_id
from services.contracts.identifiers import new_id
from services.shared.access import Principal
from services.shared.auth import load_key, mint
from tests.support.processes_of_sources import bearer, running
from tests.support.screens import SCREENS
from tests.support.seats import Open, looked_at, seats
from tests.support.stack import eventually

pytestmark = [pytest.mark.stack, pytest.mark.browser]
NAME = "慕容银杏"
SURVEY, OPEN_SECONDS = "looked-at", 60
WHY = "回执需要邮寄给本人，没有其他办法"
SAYS = {
    "zh": {"worth": "2,000 元", "paid": "已兑付，请交付现金", "again": "已经兑付过", "seen": "已开启过一次"},
    "en": {
        "worth": "2,000 yuan", "paid": "Paid out: hand over the cash", "again": "Paid out before",
        "seen": "It was opened once",
    },
}  # fmt: skip


class Town(NamedTuple):
    """Where the pages are, the custodians' passwords, and which supervisors are in office by now."""

    stack: Stack
    desk: str
    vault: str
    passwords: dict[str, str]
    in_office: list[str]

    def post(self, path: str, role: str, body: dict[str, Any], agency: str | None = None) -> Any:
        answer = httpx.post(self.desk + path, json=body, headers=bearer(self.stack, role, agency), timeout=60)
        assert answer.is_success, answer.text
        return answer.json()

    def rewarded(self) -> tuple[str, str]:
        """The receipt code and the reward of a new complaint that was found true and answered."""
        body = {"channel": "website", "agency": "tax", "offence": "arbitrary_charge", "text": "多收了钱"}
        case = httpx.post(f"{self.desk}/v1/cases", json=body, timeout=60).json()
        path = f"/v1/cases/{case['case_id']}"
        found = {"agency": "tax", "finding": "verified", "offence": "arbitrary_charge", "evidence_refs": ["e-1"]}
        self.post(f"{path}/accept", "clerk", {})
        self.post(f"{path}/dispatch", "clerk", {"agency": "tax"})
        self.post(f"{path}/conclude", "agency", found, "tax")
        self.post(f"{path}/sign-off", "head", {"agency": "tax"}, "tax")
        self.post(f"{path}/reply", "agency", {"agency": "tax", "text": "已经退还"}, "tax")
        reward, office = reward_id(case["case_id"]), bearer(self.stack, "office")
        eventually(lambda: httpx.get(f"{self.desk}/v1/rewards/{reward}", headers=office).status_code == 200, 60)
        return case["receipt_code"], reward

    def sealed(self) -> str:
        """A case with an identity that the vault has."""
        body = {
            "channel": "website",
            "agency": "tax",
            "text": "请回信",
            "identity": {"name": NAME, "phone": "13800001111"},
        }
        answer = httpx.post(f"{self.desk}/v1/cases", json=body, headers={"Idempotency-Key": new_id()}, timeout=60)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["case_id"])

    def surveyed(self) -> None:
        """A survey that six enterprises answer about one agency and two about another, and that closes soon."""
        now = datetime.now(UTC)
        question = {"code": "speed", "kind": "level", "words": {"zh": "办事速度", "en": "How fast things are done"}}
        words = {"code": "more", "kind": "text", "words": {"zh": "还想说什么", "en": "Anything else"}}
        body = {
            "campaign_id": SURVEY, "agencies": ["tax", "market"], "questions": [question, words],
            "title": {"zh": "涉企服务评议", "en": "Service to enterprises"},
            "opens_at": (now - timedelta(days=1)).isoformat(),
            "closes_at": (now + timedelta(seconds=OPEN_SECONDS)).isoformat(),
        }  # fmt: skip
        self.post("/v1/surveys", "office", body)
        for agency, answers in (("tax", 6), ("market", 2)):
            made = self.post(f"/v1/surveys/{SURVEY}/links", "office", {"agency": agency, "count": answers})
            for link in made["links"]:
                said = {"speed": "5", "more": f"about {agency}"}
                own = {"Sec-Fetch-Site": "same-origin"}
                answer = httpx.post(self.desk + link, data=said, headers=own, timeout=60)
                assert answer.status_code == 303, answer.text


@pytest.fixture(scope="module")
def town(browser: Browser, infra: Stack, sheets: None) -> Iterator[Town]:
    plan, written = infra.plan, infra.data / "users.txt"
    passwords = dict(line.split(" ", 1) for line in written.read_text("utf-8").splitlines())
    with (
        running(infra, "vault", "serve", DUBAN_VAULT_KEYS=str(plan.vault_keys)) as vault,
        running(infra, "complaints", "serve") as desk,
        running(infra, "complaints", "relay", DUBAN_VAULT_URL=vault.url),
    ):
        yield Town(infra, desk.url, vault.url, passwords, [])


@pytest.fixture(scope="module")
def survey(town: Town) -> str:
    """The path of a survey that was answered and closes soon."""
    town.surveyed()
    return f"{town.desk}/desk/surveys/{SURVEY}"


@pytest.fixture
def seat(browser: Browser, town: Town) -> Iterator[Open]:
    """`seat(role, lang, size)`: a browser of somebody signed in at the desk, or of somebody unknown."""
    key = load_key(town.stack.plan.signing_key_file)
    with seats(browser, town.desk, lambda role: mint(Principal(f"{role}-1", frozenset({role})), 3600, key)) as opened:
        yield opened


@pytest.mark.parametrize(("lang", "size"), SCREENS)
def test_a_reward_from_its_proposal_to_the_cash(seat: Open, town: Town, lang: str, size: str) -> None:
    code, reward = town.rewarded()
    says, tag = SAYS[lang], f"{lang}-{size}"
    office, leader = seat("office", lang, size), seat("leader", lang, size)
    office.goto(f"{town.desk}/desk/rewards")
    looked_at(office, f"office-rewards-{tag}")
    office.locator(f'a[href$="/{reward}"]').click()
    looked_at(office, f"office-reward-proposed-{tag}")
    office.locator("#act-endorse [data-send]").click()
    expect(office.locator(".done")).to_be_visible()
    leader.goto(f"{town.desk}/desk/rewards")
    leader.locator(f'a[href$="/{reward}"]').click()
    leader.locator("#act-approve [data-send]").click()
    looked_at(leader, f"office-reward-confirm-{tag}")
    leader.keyboard.press("y")
    expect(leader.locator(".done")).to_be_visible()
    person = seat(None, lang, size)
    person.goto(f"{town.desk}/inbox/open")
    person.locator("#code").fill(code)
    person.locator("form button.govuk-button").first.click()
    person.locator("section[aria-labelledby=reward] button").click()
    voucher = person.locator("#voucher-code").inner_text()
    cashier = seat("cashier", lang, size)
    cashier.goto(f"{town.desk}/desk")
    looked_at(cashier, f"office-cashier-{tag}")
    cashier.locator("#voucher").fill(voucher)
    cashier.keyboard.press("Enter")
    expect(cashier.locator(".big")).to_have_text(says["worth"])
    looked_at(cashier, f"office-cashier-good-{tag}")
    assert voucher.split()[0] not in cashier.url
    cashier.keyboard.press("y")
    expect(cashier.get_by_role("heading", level=1)).to_have_text(says["paid"])
    looked_at(cashier, f"office-cashier-paid-{tag}")
    cashier.keyboard.press("n")
    expect(cashier.locator("#voucher")).to_be_visible()
    cashier.locator("#voucher").fill(voucher)
    cashier.keyboard.press("Enter")
    expect(cashier.locator(".big")).to_have_text(says["again"])
    looked_at(cashier, f"office-cashier-again-{tag}")
    leader.goto(f"{town.desk}/desk/rewards/{reward}")
    expect(leader.locator(".entries tbody tr")).to_have_count(2)
    looked_at(leader, f"office-reward-paid-{tag}")
    leader.goto(f"{town.desk}/desk/rewards")
    leader.keyboard.press("l")
    leader.wait_for_url("**/_ledger")
    looked_at(leader, f"office-ledger-{tag}")
    leader.keyboard.press("/")
    expect(leader.locator("#case")).to_be_focused()
    leader.keyboard.insert_text(str(leader.locator(".entries .row-link").first.inner_text()))
    leader.keyboard.press("Enter")
    leader.wait_for_url("**case=**")
    expect(leader.locator(".entries tbody tr")).to_have_count(2)


@pytest.mark.parametrize(("lang", "size"), SCREENS)
def test_an_identity_is_opened_by_two_and_seen_once(seat: Open, town: Town, lang: str, size: str) -> None:
    case, tag = town.sealed(), f"{lang}-{size}"

    def custodian(number: int) -> Page:
        page, name = seat(None, lang, size), f"custodian-{number}"
        page.goto(f"{town.vault}/vault")
        if number == 1:
            looked_at(page, f"office-vault-sign-in-{tag}")
        page.locator("#name").fill(name)
        page.locator("#password").fill(town.passwords[name])
        page.keyboard.press("Enter")
        expect(page.locator(".who")).to_contain_text(name)
        return page

    first = custodian(1)
    first.wait_for_load_state()
    first.keyboard.press("n")
    first.wait_for_url("**/vault/ask")
    first.locator("#case_id").fill(case)
    first.locator("#reason").select_option("verify_report")
    first.locator("#text").fill(WHY)
    looked_at(first, f"office-vault-ask-{tag}")

    def taken() -> bool:
        """The relay has handed the identity over, so that the request is taken."""
        first.locator("[data-send]").click()
        first.wait_for_load_state()
        return "/openings/" in first.url

    eventually(taken, 60)
    opening = first.url.partition("?")[0]
    looked_at(first, f"office-vault-asked-{tag}")
    second = custodian(2)
    second.goto(f"{town.vault}/vault/openings")
    looked_at(second, f"office-vault-openings-{tag}")
    second.goto(opening)
    looked_at(second, f"office-vault-decide-{tag}")
    second.locator("#act-approve [data-send]").click()
    looked_at(second, f"office-vault-confirm-{tag}")
    second.keyboard.press("y")
    expect(second.locator(".done")).to_be_visible()
    first.goto(opening)
    first.locator("#act-open [data-send]").click()
    expect(first.locator(".confirm")).to_be_visible()
    first.wait_for_load_state()
    first.keyboard.press("y")
    expect(first.locator(".identity")).to_contain_text(NAME)
    looked_at(first, f"office-vault-identity-{tag}")
    assert first.url == opening
    kept = first.evaluate("() => JSON.stringify([localStorage, sessionStorage, document.cookie, location.href])")
    assert NAME not in kept
    assert not any(NAME in str(cookie) for cookie in first.context.cookies())
    first.locator(".buttons a").click()
    expect(first.locator(".acts")).to_contain_text(SAYS[lang]["seen"])
    expect(first.locator("body")).not_to_contain_text(NAME)
    with pytest.raises(Error, match="ERR_CACHE_MISS"):  # no cache has kept the page: nothing is there to go back to
        first.go_back()
    expect(first.locator("body")).not_to_contain_text(NAME)
    first.goto(f"{town.vault}/vault/keeping")
    looked_at(first, f"office-vault-keeping-{tag}")


@pytest.mark.parametrize(("lang", "size"), SCREENS)
def test_the_register_and_a_survey_by_their_forms(seat: Open, town: Town, lang: str, size: str) -> None:
    tag, page = f"{lang}-{size}", seat("office", lang, size)
    page.goto(f"{town.desk}/desk/supervisors")
    page.locator("#code").fill(f"monitor-{tag}")
    page.locator("#body").select_option("enterprise")
    page.locator("#from_on").fill("2026-01-01")
    page.locator("#to_on").fill("2027-12-31")
    page.locator("form [value=appoint]").click()
    looked_at(page, f"office-supervisor-confirm-{tag}")
    page.keyboard.press("y")
    expect(page.locator("table.work")).to_contain_text(f"monitor-{tag}")
    page.locator("table.work tr", has_text=f"monitor-{tag}").locator("summary").click()
    looked_at(page, f"office-supervisors-{tag}")
    page.goto(f"{town.desk}/desk/surveys")
    looked_at(page, f"office-surveys-{tag}")
    page.keyboard.press("n")
    page.wait_for_url("**/surveys/_new")
    page.locator(".survey-form [data-send]").click()
    looked_at(page, f"office-survey-wrong-{tag}")
    for name, value in {
        "campaign_id": f"look-{tag}", "title_zh": "涉企服务评议", "title_en": "Service to enterprises",
        "opens_at": "2026-01-01T08:00", "closes_at": "2099-01-01T00:00", "level-1-zh": "办事速度",
        "level-1-en": "How fast things are done", "text-1-zh": "还想说什么", "text-1-en": "Anything else",
    }.items():  # fmt: skip
        page.locator(f"#{name}").fill(value)
    for box in page.locator("[name=agencies]").all()[:2]:
        box.check()
    page.locator(".survey-form [data-send]").click()
    looked_at(page, f"office-survey-confirm-{tag}")
    page.keyboard.press("y")
    expect(page.locator(".done")).to_be_visible()
    page.locator("#count").fill("3")
    with page.expect_download() as file:
        page.locator("[data-download] [data-send]").click()
    rows = file.value.path().read_text("utf-8-sig").splitlines()
    assert len(rows) == 4
    with page.expect_download():
        page.locator("[data-download] [data-send]").click()
    looked_at(page, f"office-survey-{tag}")
    assert httpx.get(rows[1].partition(",")[2]).status_code == 200


@pytest.mark.parametrize(("lang", "size"), SCREENS)
def test_a_supervisor_reports_by_keyboard_in_their_term_and_reads_their_reports(
    seat: Open, town: Town, lang: str, size: str
) -> None:  # fmt: skip
    tag, own = f"{lang}-{size}", seat("monitor", lang, size)
    day = datetime.now(UTC).date()
    if not town.in_office:
        own.goto(f"{town.desk}/desk/reports/_new")
        expect(own.locator("textarea")).to_have_count(0)
        looked_at(own, f"office-report-no-term-{tag}")
        term = {"body": "enterprise", "from_on": f"{day - timedelta(9)}", "to_on": f"{day + timedelta(9)}"}
        town.post("/v1/supervisors/monitor-1/terms", "office", term)
        town.in_office.append("monitor-1")
    own.goto(f"{town.desk}/desk")
    own.wait_for_url("**/desk/reports")
    own.keyboard.press("n")
    own.wait_for_url("**/reports/_new")
    expect(own.locator("#text")).to_be_focused()
    own.keyboard.press("Control+Enter")
    expect(own.locator(".govuk-error-summary")).to_be_focused()
    looked_at(own, f"office-report-wrong-{tag}")
    own.locator("#text").fill("窗口三次叫我回去补材料，没有清单。")
    own.locator("#unit").fill("tax/c")
    own.keyboard.press("Tab")
    expect(own.locator("#unit")).not_to_have_value("tax/c")
    own.keyboard.press("Control+Enter")
    code = plain(own.locator("#receipt-code").inner_text())
    assert holds(code)
    looked_at(own, f"office-report-receipt-{tag}")
    own.goto(f"{town.desk}/desk/reports")
    expect(own.locator("article.report").first).to_be_visible()
    assert code not in plain(own.content())
    looked_at(own, f"office-reports-{tag}")


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("lang", "size"), SCREENS)
def test_results_with_enough_answers_and_with_too_few(
    seat: Open, survey: str, lang: str, size: str
) -> None:  # fmt: skip
    page = seat("leader", lang, size)

    def closed() -> bool:
        page.goto(survey)
        return "about tax" in page.content()

    eventually(closed, 2 * OPEN_SECONDS)
    looked_at(page, f"office-survey-results-{lang}-{size}")
    assert "about market" not in page.content()
