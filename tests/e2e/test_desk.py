"""The intake desk in a real browser: a hotline case by keyboard alone, each other channel, both languages and sizes."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from deploy.embedded.stack import Stack
from services.complaints.domain.receipt_code import holds, plain
from services.shared.access import Principal
from services.shared.auth import load_key, mint
from tests.e2e.conftest import Site, shoot
from tests.support.processes_of_sources import Process, bearer, running
from tests.support.screens import SCREENS
from tests.support.seats import Open, looked_at, seats

pytestmark = [pytest.mark.stack, pytest.mark.browser]
TEXT = {
    "zh": "三月二日上午去征收窗口办退税，材料齐全，工作人员说系统坏了叫下周再来，第三次了。",
    "en": "At the collection window for a tax refund, papers complete, for the third time sent away until next week.",
}
SAYS = {
    "zh": {"title": "登记投诉", "filed": "已登记", "unit": "税务局 · 征收管理科", "dispatched": "已受理并派单"},
    "en": {
        "title": "Take down a complaint", "filed": "The case is entered", "unit": "Tax Bureau · collection",
        "dispatched": "Accepted and dispatched",
    },
}  # fmt: skip
KEY_SECONDS = 0.28  # an average typist (Card, Moran and Newell's keystroke-level model)
KEYS_PER_CHARACTER = {"zh": 3, "en": 1}  # pinyin: two to three letters and a choice


class Clerks:
    """The address of the desk, and sessions for whoever works there."""

    def __init__(self, stack: Stack, process: Process) -> None:
        self.url, self.stack = process.url, stack
        self._key = load_key(stack.plan.signing_key_file)

    def token(self, role: str) -> str:
        return mint(Principal(f"{role}-1", frozenset({role}), "tax" if role == "agency" else None), 3600, self._key)


@pytest.fixture(scope="module")
def clerks(browser: Browser, infra: Stack, sheets: None) -> Iterator[Clerks]:
    with running(infra, "complaints", "serve") as process:
        found = Clerks(infra, process)
        day = datetime.now(UTC).date()
        term = {"body": "enterprise", "from_on": f"{day - timedelta(9)}", "to_on": f"{day + timedelta(9)}"}
        head = bearer(infra, "office")
        httpx.post(f"{found.url}/v1/supervisors/npc-7/terms", json=term, headers=head).raise_for_status()
        yield found


@pytest.fixture
def at_desk(browser: Browser, clerks: Clerks) -> Iterator[Open]:
    """`at_desk(lang, size, role=…)`: the desk of somebody signed in, a clerk unless said otherwise."""
    with seats(browser, clerks.url, clerks.token) as opened:
        yield lambda lang="zh", size="desktop", *, role="clerk", **options: opened(role, lang, size, **options)


class Fingers:
    """Presses keys and counts them; what was said comes in whole, as from an input method."""

    def __init__(self, page: Page) -> None:
        self._page, self.keys = page, 0

    def press(self, *keys: str) -> None:
        for key in keys:
            self._page.keyboard.press(key)
            self.keys += len(key.split("+"))

    def write(self, text: str) -> None:
        self._page.keyboard.insert_text(text)


@pytest.mark.parametrize(("lang", "size"), SCREENS)
def test_a_hotline_case_by_keyboard_alone_in_under_a_minute(
    at_desk: Open, clerks: Clerks, lang: str, size: str
) -> None:
    says, page = SAYS[lang], at_desk(lang, size)
    page.goto(f"{clerks.url}/desk")
    expect(page.get_by_role("heading", level=1)).to_have_text(says["title"])
    looked_at(page, f"desk-intake-{lang}-{size}")
    fingers, begun = Fingers(page), time.monotonic()

    expect(page.locator("#text")).to_be_focused()
    fingers.write(TEXT[lang])
    fingers.press("Tab", *"tax/c", "Enter")
    expect(page.locator("#unit")).to_have_value(says["unit"])
    expect(page.locator("#offence")).to_be_focused()
    fingers.press("1")
    expect(page.locator("#offence")).to_have_value("delay")
    looked_at(page, f"desk-intake-filled-{lang}-{size}")
    fingers.press("Control+Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(says["filed"])
    assert holds(plain(page.locator("#receipt-code").inner_text()))
    looked_at(page, f"desk-receipt-{lang}-{size}")
    fingers.press("d")
    expect(page.get_by_role("status")).to_have_text(says["dispatched"])
    looked_at(page, f"desk-dispatched-{lang}-{size}")
    fingers.press("n")
    expect(page.locator("#text")).to_be_focused()
    expect(page.locator("#text")).to_have_value("")

    took = time.monotonic() - begun
    typing = (fingers.keys + len(TEXT[lang]) * KEYS_PER_CHARACTER[lang]) * KEY_SECONDS
    print(f"{lang} {size}: {fingers.keys} keys beside {len(TEXT[lang])} characters of text: {typing:.0f} s of typing; "
          f"pages, pictures and checks took {took:.1f} s")  # fmt: skip
    assert fingers.keys <= 15
    assert typing + took < 60


CHANNELS = {
    "letter": ("2", {"letter_ref": "L-7"}),
    "supervision_box": (
        "3", {"box": "box-3", "opened_at": "2026-03-02T09:30", "opener_1": "clerk-1", "opener_2": "office-1"},
    ),
    "media": ("4", {"outlet": "tv-1", "published_on": "2026-03-01"}),
    "procuratorate": ("5", {"their_number": "检控〔2026〕7号"}),
    "report_centre": ("6", {"their_number": "12388-7"}),
    "petition_office": ("7", {"their_number": "XF-7"}),
    "supervisor": ("8", {"supervisor": "npc-7"}),
    "reception_day": ("9", {"leader": "leader-1"}),
    "email": ("0", {"message_ref": "m-7"}),
    "questionnaire": ("-", {"campaign": "spring"}),
}  # fmt: skip


@pytest.mark.parametrize("channel", CHANNELS)
def test_each_other_channel_is_one_key_away(at_desk: Open, clerks: Clerks, channel: str) -> None:
    key, fields = CHANNELS[channel]
    page = at_desk("zh" if int(key, 36) % 2 else "en") if key != "-" else at_desk()
    page.goto(f"{clerks.url}/desk/intake")
    page.locator("#text").fill("窗口十点就关了")
    page.keyboard.press(f"Alt+{key}")
    expect(page.locator(f"#channel-{channel}")).to_be_checked()
    for name, value in fields.items():
        page.locator(f"#{channel}-{name}").fill(value)
    looked_at(page, f"desk-channel-{channel}")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#receipt-code")).to_be_visible()
    page.keyboard.press("n")
    expect(page.locator(f"#channel-{channel}")).to_be_checked()
    if channel == "supervision_box":
        for name, value in fields.items():
            expect(page.locator(f"#{channel}-{name}")).to_have_value(value)
        expect(page.locator("#text")).to_be_focused()


def test_an_enter_too_many_files_nothing_and_mistakes_are_led_to(at_desk: Open, clerks: Clerks) -> None:
    page = at_desk("zh", "phone")
    page.goto(f"{clerks.url}/desk/intake")
    page.locator("#unit").fill("海关")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("登记投诉")
    page.locator("#place").fill("13800138000")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".govuk-error-summary")).to_be_focused()
    looked_at(page, "desk-mistakes-zh-phone")
    page.get_by_role("link", name="涉及单位、科室：没有这个单位或科室").click()
    expect(page.locator("#unit")).to_be_focused()


def test_what_is_alike_shows_while_typing_and_is_merged_afterwards(at_desk: Open, clerks: Clerks) -> None:
    page = at_desk()
    asked: list[str] = []
    page.on("request", lambda r: asked.append(r.post_data or "") if r.url.endswith("/similar") else None)
    page.goto(f"{clerks.url}/desk/intake?channel=letter")
    for text in ("食品科不见人", "食品科又不见人"):
        page.locator("#text").fill(text)
        page.locator("#unit").fill("market/food")
        page.locator("#offence").select_option("bad_attitude")
        if text.startswith("食品科又"):
            expect(page.locator("#similar .case-ref")).to_have_count(1)
            expect(page.locator("#unit-means")).to_have_text("→ 市场监督管理局 · 食品安全科")
            looked_at(page, "desk-similar-zh-desktop")
        page.keyboard.press("Control+Enter")
        expect(page.locator("#receipt-code")).to_be_visible()
        if text == "食品科不见人":
            page.keyboard.press("n")
    assert {tuple(parse_qs(body, keep_blank_values=True)) for body in asked} == {("unit", "offence", "place")}
    looked_at(page, "desk-merge-zh-desktop")
    page.keyboard.press("m")
    expect(page.get_by_role("status")).to_have_text("已并案")


def test_the_keys_are_listed_and_lead_to_places(at_desk: Open, clerks: Clerks) -> None:
    page = at_desk(role="office")
    page.goto(f"{clerks.url}/desk/intake")
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_hidden()
    expect(page.locator("#text")).to_have_value("?")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    looked_at(page, "desk-keys-zh-desktop")
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()
    page.keyboard.press("/")
    expect(page.locator("#text")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    with page.expect_navigation():
        page.keyboard.press("i")
    expect(page.locator("#text")).to_have_value("")


def test_the_desk_works_without_script(at_desk: Open, clerks: Clerks) -> None:
    page = at_desk(java_script_enabled=False)
    page.goto(f"{clerks.url}/desk/intake")
    page.locator("#text").fill("窗口十点就关了")
    page.locator("#channel-petition_office").check()
    page.locator("#switch").click()
    page.locator("#petition_office-their_number").fill("XF-8")
    page.locator("#unit").fill("税务")
    page.screenshot(path=str(shoot(page, "desk-without-script")), full_page=True)
    page.locator("#file").click()
    expect(page.locator("#receipt-code")).to_be_visible()
    page.locator("button[value=dispatch]").click()
    expect(page.locator("#status")).to_have_text("已派给责任单位")


def test_dark_and_with_the_persons_name(at_desk: Open, clerks: Clerks) -> None:
    page = at_desk(color_scheme="dark")
    page.goto(f"{clerks.url}/desk/intake?channel=reception_day")
    page.keyboard.press("Alt+p")
    expect(page.locator("#name")).to_be_focused()
    page.keyboard.insert_text("张三")
    looked_at(page, "desk-intake-dark")
    page.locator("#text").fill("窗口十点就关了")
    page.locator("#name").fill("")
    page.locator("#reception_day-leader").fill("leader-1")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#receipt-code")).to_be_visible()
    looked_at(page, "desk-receipt-dark")


@pytest.mark.timeout(300)  # starts the board too, when it is the first that needs it
def test_a_sign_in_on_the_board_is_one_at_the_desk_and_the_other_way(at_desk: Open, clerks: Clerks, site: Site) -> None:
    page = at_desk(role=None)
    page.goto(f"{clerks.url}/desk/intake")
    expect(page.get_by_role("heading", level=1)).to_have_text("登录")
    looked_at(page, "desk-sign-in-zh-desktop")
    page.goto(f"{site.url}/sign-in?ticket={site.ticket()}&next=/")
    expect(page.get_by_role("navigation", name="页面").get_by_role("link", name="工作台")).to_be_visible()
    page.goto(f"{clerks.url}/desk/intake")
    expect(page.get_by_role("heading", level=1)).to_have_text("登记投诉")
    page.get_by_role("button", name="退出").click()
    page.goto(f"{site.url}/")
    expect(page.get_by_role("heading", level=1)).to_have_text("登录")


def test_another_role_is_told_so(at_desk: Open, clerks: Clerks) -> None:
    page = at_desk(role="agency")
    page.goto(f"{clerks.url}/desk/intake")
    expect(page.get_by_role("heading", level=1)).to_have_text("您没有查看此页的权限")
    looked_at(page, "desk-forbidden-zh-desktop")
