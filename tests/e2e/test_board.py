"""Each page's main task, in both languages and both sizes; the screenshots are kept for people to look at."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from services.contracts.alerts import AlertEscalatedV1
from tests.e2e.conftest import Site, findings, shoot
from tests.support.alerts import alert, settled
from tests.support.screens import SCREENS

pytestmark = [pytest.mark.stack, pytest.mark.browser]
Open = Callable[..., Page]
WORDS = {"zh": ("督办看板", "红牌", "期限是怎么来的"), "en": ("Alert board", "Red card", "How the deadline came about")}
FITS = "() => document.documentElement.scrollWidth <= document.documentElement.clientWidth"


@pytest.mark.parametrize(("lang", "size"), SCREENS)
def test_from_the_board_to_why_there_is_an_alert(open_page: Open, site: Site, lang: str, size: str) -> None:
    title, red, trail = WORDS[lang]
    page = open_page(lang, size)
    page.goto(site.url + "/")
    expect(page.get_by_role("heading", level=1)).to_contain_text(title)
    assert page.evaluate(FITS), "the page is wider than the screen"
    shoot(page, f"board-{lang}-{size}")
    assert findings(page) == []

    page.locator(".figures").get_by_role("link", name=red).click()
    expect(page).to_have_url(f"{site.url}/?severity=red")
    chips = page.locator("tbody .chip")
    assert chips.count() > 0
    assert {text.strip() for text in chips.all_inner_texts()} == {red}

    page.locator(".row-link").first.click()
    expect(page.get_by_role("heading", name=trail)).to_be_visible()
    expect(page.locator(".step-breached, .step-warned")).not_to_have_count(0)
    expect(page.locator(".explanation")).not_to_be_empty()
    assert page.evaluate(FITS), "the page is wider than the screen"
    shoot(page, f"alert-{lang}-{size}")
    assert findings(page) == []
    page.locator(".govuk-back-link").click()
    expect(page).to_have_url(f"{site.url}/?severity=red")


def test_filters_stand_in_the_address_and_apply_at_once(open_page: Open, site: Site) -> None:
    page = open_page()
    page.goto(site.url + "/")
    page.locator("#filter-agency").select_option("water")
    expect(page).to_have_url(f"{site.url}/?agency=water")
    page.locator("#filter-state").select_option("all")
    expect(page).to_have_url(f"{site.url}/?agency=water&state=all")
    assert {text.split("\n")[0] for text in page.locator("td.col-agency").all_inner_texts()} == {"水利局"}
    page.get_by_role("link", name="去掉条件 单位：水利局").click()
    expect(page).to_have_url(f"{site.url}/?state=all")
    page.locator("#filter-by").select_option("agency")
    expect(page.locator(".group").first).to_be_visible()
    shoot(page, "board-grouped")
    assert findings(page) == []


def test_the_board_works_without_script(open_page: Open, site: Site) -> None:
    page = open_page(java_script_enabled=False)
    page.goto(site.url + "/")
    page.locator("#filters summary").click()
    page.locator("#filter-rule").select_option("unanswered")
    page.locator("#filter-go").click()
    assert "rule=unanswered" in page.url
    assert page.locator(".row").count() > 0
    assert all(title.startswith("未回复") for title in page.locator(".row-link").all_inner_texts())
    page.locator(".row-link").first.click()
    expect(page.get_by_role("heading", name="期限是怎么来的")).to_be_visible()


def test_an_alert_comes_changes_and_goes_without_a_reload(open_page: Open, site: Site) -> None:
    page = open_page()
    page.goto(site.url + "/?agency=market&sort=newest")
    page.evaluate("() => { window.unreloaded = true }")
    expect(page.locator("#fresh.is-live")).to_be_visible()
    now = datetime.now(UTC)
    new = alert(f"live-{now.timestamp()}", agency="market", due_at=now - timedelta(seconds=5))
    site.board.put(new)
    site.board.tick(now)
    site.board.flush()
    row = page.locator(f"#alert-{new.alert_id}")
    expect(row).to_be_visible(timeout=10_000)
    expect(row).to_contain_text("黄牌")
    expect(page.locator("#fresh")).to_contain_text("实时 · 数据截至")
    shoot(page, "board-live")
    page.keyboard.press("j")
    site.board.put(alert(new.case_ref or "", AlertEscalatedV1, agency="market", version=2, severity="red",
                         due_at=new.due_at))  # fmt: skip
    site.board.flush()
    expect(row).to_contain_text("红牌", timeout=10_000)
    assert page.evaluate("() => document.activeElement.className") == "row-link", "the refresh took the focus away"
    site.board.put(settled(alert(new.case_ref or "", version=2, agency="market", due_at=new.due_at), now))
    site.board.flush()
    expect(row).to_have_count(0, timeout=10_000)
    assert page.evaluate("() => window.unreloaded") is True


def test_the_keyboard_is_enough(open_page: Open, site: Site) -> None:
    page = open_page()
    page.goto(site.url + "/")
    page.keyboard.press("Tab")
    expect(page.locator(".govuk-skip-link")).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(page.locator(".row-link").first).to_be_focused()
    shoot(page, "board-keyboard")
    page.keyboard.press("/")
    expect(page.locator("#filter-q")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="期限是怎么来的")).to_be_visible()


def test_a_replayed_timeline_wears_a_badge_and_its_own_clock(open_page: Open, site: Site) -> None:
    page = open_page("en")
    page.goto(site.url + "/?timeline=wabo-3f2a91c4")
    expect(page.locator("h1 .badge")).to_contain_text("Replay")
    page.locator("#filter-q").fill("case-10012")
    page.keyboard.press("Enter")
    expect(page.locator(".reference")).to_have_text(["case-10012"])
    shoot(page, "board-replay")


def test_signing_in_by_password_by_link_and_out_again(open_page: Open, site: Site) -> None:
    page = open_page(role=None)
    page.goto(site.url + "/?severity=red")
    expect(page.get_by_role("heading", level=1)).to_have_text("登录")
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("alert")).to_contain_text("请输入账号")
    page.locator("#name").fill("nobody")
    page.locator("#password").fill("wrong")
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("alert")).to_contain_text("账号或密码不正确")
    shoot(page, "sign-in-error")
    assert findings(page) == []
    page.goto(f"{site.url}/sign-in?ticket={site.ticket()}&next=/%3Fseverity%3Dred")
    expect(page).to_have_url(f"{site.url}/?severity=red")
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Alert board")
    page.get_by_role("button", name="Sign out").click()
    page.goto(site.url + "/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_an_agency_sees_nobody_elses_alerts(open_page: Open, site: Site) -> None:
    page = open_page(role="agency", agency="water")
    page.goto(site.url + "/?state=all")
    assert {text.split("\n")[0] for text in page.locator("td.col-agency").all_inner_texts()} == {"水利局"}
    page.goto(f"{site.url}/alerts/{alert('never').alert_id}")
    expect(page.get_by_role("heading", level=1)).to_have_text("没有这条警示")


def test_dark_and_empty_and_on_paper(open_page: Open, site: Site) -> None:
    dark = open_page(color_scheme="dark")
    dark.goto(site.url + "/")
    shoot(dark, "board-dark")
    assert findings(dark) == []
    dark.locator(".row-link").first.click()
    shoot(dark, "alert-dark")
    assert findings(dark) == []
    empty = open_page()
    empty.goto(site.url + "/?severity=notice&agency=water")
    expect(empty.locator(".empty")).to_be_visible()
    shoot(empty, "board-empty")
    empty.goto(site.url + "/")
    empty.emulate_media(media="print")
    expect(empty.locator(".filters")).to_be_hidden()
    expect(empty.locator(".print-only").first).to_be_visible()
    shoot(empty, "board-print")


def test_the_table_for_spreadsheets_holds_what_the_list_shows(open_page: Open, site: Site) -> None:
    page = open_page()
    page.goto(site.url + "/?severity=red")
    with page.expect_download() as download:
        page.get_by_role("link", name="下载 CSV").click()
    lines = download.value.path().read_text("utf-8-sig").splitlines()
    assert lines[0].startswith("alert_id,rule,clock")
    assert len(lines) - 1 == page.locator(".row").count()
