"""The public pages in a real browser: from what happened to an answered question, in both languages and both sizes."""

import base64
import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect

from deploy.embedded.stack import Stack
from services.complaints.domain.receipt_code import holds, plain
from tests.e2e.conftest import SIZES, findings, shoot
from tests.support.files import CANARY, REFUSED, picture
from tests.support.processes_of_sources import Process, bearer, running
from tests.support.screens import SCREENS

pytestmark = [pytest.mark.stack, pytest.mark.browser]
FITS = "() => document.documentElement.scrollWidth <= document.documentElement.clientWidth"
TEXT = {
    "zh": "三月二日上午十点，办事窗口已经关了。\n没有人说明什么时候再开。",
    "en": "The window was closed at ten in the morning.\nNobody could say when it would open.",
}
SAYS = {
    "zh": {
        "start": "开始投诉", "next": "继续", "missing": "请写明发生了什么事", "offence": "拖延不办", "send": "提交投诉",
        "received": "投诉已收到", "inbox": "打开收件箱，补充照片或文件", "status": "已收到，等待受理", "say": "发送",
        "sent": "已发送。", "files": "发送了 1 个文件", "leave": "退出", "open": "打开收件箱",
        "wrong": "没有这个查询码", "change": "修改 主要是", "slip": "这串数字里有错",
        "received_files": "随投诉收到 1 个文件", "film": "film.mp4：超过 20 MB",
    },
    "en": {
        "start": "Start a complaint", "next": "Continue", "missing": "Say what happened", "offence": "Delay",
        "send": "Send the complaint", "received": "Your complaint was received",
        "inbox": "Open the inbox, add pictures or documents", "status": "Received, waiting to be accepted",
        "say": "Send", "sent": "It was sent.", "files": "1 file sent", "leave": "Leave", "open": "Open the inbox",
        "wrong": "There is no complaint with this code", "change": "Change What kind", "slip": "There is a slip",
        "received_files": "1 file was received with it", "film": "film.mp4: it has more than 20 MB",
    },
}  # fmt: skip


class Desk:
    """The address of the pages, and what the office does behind them."""

    def __init__(self, stack: Stack, process: Process) -> None:
        self.url, self._clerk, self.log = process.url, bearer(stack, "clerk"), Path(stack.data) / "logs"

    def post(self, path: str, body: dict[str, Any]) -> None:
        httpx.post(self.url + path, json=body, headers=self._clerk).raise_for_status()

    def evidence_of(self, case: str) -> list[bytes]:
        """The files of a case, as a clerk downloads them."""
        path = f"{self.url}/v1/cases/{case}/evidence"
        listed = httpx.get(path, headers=self._clerk).raise_for_status().json()["evidence"]
        return [httpx.get(f"{path}/{one['ref']}", headers=self._clerk).content for one in listed]

    def case_of(self, code: str) -> str:
        """The case that `code` opens, as the holder's own session names it."""
        opened = httpx.post(f"{self.url}/v1/inbox/session", json={"code": code})
        claims = opened.cookies["duban_inbox"].split(".")[1]
        return str(json.loads(base64.urlsafe_b64decode(claims + "=="))["sub"])


@pytest.fixture(scope="session")
def desk(browser: Browser, infra: Stack, sheets: None) -> Iterator[Desk]:
    with running(infra, "complaints", "serve") as process:
        yield Desk(infra, process)


@pytest.fixture
def visit(browser: Browser, desk: Desk) -> Iterator[Callable[..., Page]]:
    """`visit(size)`: a page of somebody unknown; fails at the end if it asked another host or set another cookie."""
    contexts: list[BrowserContext] = []
    foreign: list[str] = []
    complaints: list[str] = []

    def opened(size: str = "desktop", **options: Any) -> Page:
        context = browser.new_context(viewport=SIZES[size], **options)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda r: None if r.url.startswith((desk.url, "data:")) else foreign.append(r.url))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield opened
    cookies = {cookie["name"] for context in contexts for cookie in context.cookies()}  # type: ignore[typeddict-item]
    for context in contexts:
        context.close()
    assert not foreign, f"asked other hosts: {foreign}"
    assert not complaints, f"the browser complained: {complaints}"
    assert cookies <= {"duban_inbox"}, cookies


def looked_at(page: Page, name: str) -> None:
    """The page fits the screen and has no serious finding; a picture of all of it is kept."""
    assert page.evaluate(FITS), f"{name} is wider than the screen"
    path = shoot(page, f"public-{name}")
    page.screenshot(path=str(path), full_page=True)
    assert findings(page) == []


def filled(page: Page, lang: str, text: str) -> None:
    """The form up to the page of all answers."""
    says = SAYS[lang]
    page.locator("#text").fill(text)
    page.get_by_role("button", name=says["next"]).click()
    page.get_by_label(says["offence"], exact=True).check()
    page.get_by_role("button", name=says["next"]).click()
    page.locator("#agency").select_option("tax")
    page.get_by_role("button", name=says["next"]).click()
    page.locator("#identity-anonymous").check()
    page.get_by_role("button", name=says["next"]).click()


@pytest.mark.parametrize(("lang", "size"), SCREENS)
def test_from_what_happened_to_an_answered_question(visit, desk: Desk, lang: str, size: str) -> None:
    says, tag = SAYS[lang], f"{lang}-{size}"
    page = visit(size)
    page.goto(desk.url + ("/" if lang == "zh" else "/?lang=en"))
    looked_at(page, f"1-start-{tag}")
    page.get_by_role("button", name=says["start"]).click()
    page.get_by_role("button", name=says["next"]).click()
    page.locator(".govuk-error-summary").get_by_role("link", name=says["missing"]).click()
    expect(page.locator("#text")).to_be_focused()
    looked_at(page, f"2-error-{tag}")
    page.locator("#text").fill(TEXT[lang])
    page.get_by_role("button", name=says["next"]).click()
    looked_at(page, f"3-offence-{tag}")
    page.get_by_label(says["offence"], exact=True).check()
    page.get_by_role("button", name=says["next"]).click()
    page.locator("#agency").select_option("tax")
    looked_at(page, f"4-agency-{tag}")
    page.get_by_role("button", name=says["next"]).click()
    page.locator("#identity-anonymous").check()
    looked_at(page, f"4-identity-{tag}")
    page.get_by_role("button", name=says["next"]).click()
    expect(page.locator(".answers")).to_contain_text(TEXT[lang].splitlines()[1])
    looked_at(page, f"5-check-{tag}")
    page.get_by_role("button", name=re.compile("^" + says["change"])).click()
    page.get_by_role("button", name=says["next"]).click()
    page.get_by_role("button", name=says["send"]).click()

    expect(page.get_by_role("heading", level=1)).to_have_text(says["received"])
    code = plain(page.locator("#receipt-code").inner_text())
    assert holds(code)
    looked_at(page, f"6-receipt-{tag}")
    page.get_by_role("button", name=says["inbox"]).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(says["status"])
    case = desk.case_of(code)
    desk.post(f"/v1/cases/{case}/accept", {})
    desk.post(f"/v1/cases/{case}/ask", {"text": "哪一个窗口？ Which window?"})
    page.reload()
    expect(page.locator(".said-office")).to_contain_text("哪一个窗口")
    looked_at(page, f"7-inbox-{tag}")
    page.locator("#text").fill("3")
    picture = io.BytesIO()
    Image.new("RGB", (60, 40), "grey").save(picture, "JPEG")
    page.locator("#files").set_input_files({"name": "窗口.jpg", "mimeType": "image/jpeg", "buffer": picture.getvalue()})
    page.get_by_role("button", name=says["say"], exact=True).click()
    expect(page.get_by_role("status")).to_have_text(says["sent"])
    expect(page.locator(".said-person").last).to_contain_text(says["files"])
    looked_at(page, f"8-answered-{tag}")

    page.get_by_role("button", name=says["leave"]).click()
    page.goto(desk.url + "/inbox/open" + ("" if lang == "zh" else "?lang=en"))
    page.locator("#code").fill("1" * 18)
    page.get_by_role("button", name=says["open"]).click()
    expect(page.locator(".govuk-error-summary")).to_contain_text(says["wrong"])
    looked_at(page, f"9-wrong-code-{tag}")
    page.locator("#code").fill(code)
    page.get_by_role("button", name=says["open"]).click()
    expect(page.locator(".said")).to_have_count(3)
    assert code not in page.url
    assert code.encode() not in b"".join(path.read_bytes() for path in desk.log.glob("complaints-*.log"))


@pytest.mark.parametrize(("lang", "size"), SCREENS)
def test_a_picture_comes_with_the_complaint_without_what_it_tells_and_a_film_is_refused(
    visit, desk: Desk, lang: str, size: str
) -> None:  # fmt: skip
    says, tag = SAYS[lang], f"{lang}-{size}"
    page = visit(size, java_script_enabled=False)
    page.goto(desk.url + ("/file" if lang == "zh" else "/file?lang=en"))
    filled(page, lang, TEXT[lang])
    photo = picture()
    assert CANARY in photo
    page.locator("#files").set_input_files([
        {"name": "IMG_0815.jpg", "mimeType": "image/jpeg", "buffer": photo},
        {"name": "film.mp4", "mimeType": "video/mp4", "buffer": REFUSED["a film"] * 400_000},
    ])  # fmt: skip
    page.get_by_role("button", name=says["send"]).click()
    expect(page.locator(".notice").first).to_have_text(says["received_files"])
    expect(page.locator("#files-refused")).to_contain_text(says["film"])
    code = plain(page.locator("#receipt-code").inner_text())
    kept = desk.evidence_of(desk.case_of(code))
    assert len(kept) == 1
    assert CANARY not in kept[0]
    with Image.open(io.BytesIO(kept[0])) as image:
        assert (image.format, image.size, dict(image.getexif())) == ("JPEG", (20, 40), {}), "upright, and silent"
    with_script = visit(size)
    with_script.goto(desk.url + ("/file" if lang == "zh" else "/file?lang=en"))
    filled(with_script, lang, TEXT[lang])
    with_script.locator("#files").set_input_files({"name": "f.mp4", "mimeType": "video/mp4", "buffer": b"\0" * 99})
    looked_at(with_script, f"check-with-files-{tag}")
    with_script.get_by_role("button", name=says["send"]).click()
    looked_at(with_script, f"receipt-files-{tag}")


def test_the_pages_work_without_script(visit, desk: Desk) -> None:
    page = visit(java_script_enabled=False)
    page.goto(desk.url)
    page.get_by_role("button", name="开始投诉").click()
    filled(page, "zh", TEXT["zh"])
    page.get_by_role("button", name="提交投诉").click()
    code = plain(page.locator("#receipt-code").inner_text())
    expect(page.locator("#print")).to_be_hidden()
    page.get_by_role("button", name="打开收件箱，补充照片或文件").click()
    page.get_by_role("button", name="退出").click()
    page.get_by_role("link", name="用查询码查看").click()
    page.locator("#code").fill(code)
    page.get_by_role("button", name="打开收件箱").click()
    expect(page.locator(".said-person")).to_contain_text("三月二日")


def test_the_keyboard_is_enough_and_enter_goes_on(visit, desk: Desk) -> None:
    page = visit()
    page.goto(desk.url)
    page.keyboard.press("Tab")
    expect(page.locator(".govuk-skip-link")).to_be_focused()
    page.get_by_role("button", name="开始投诉").focus()
    page.keyboard.press("Enter")
    page.locator("#text").focus()
    page.keyboard.type("窗口关了")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.locator("#offence-delay").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.locator("#agency")).to_be_visible()
    looked_at(page, "keyboard")
    page.locator("#agency").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.locator("#identity-anonymous").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.locator(".answers")).to_contain_text("不清楚")


def test_a_slip_is_told_in_the_readers_own_browser(visit, desk: Desk) -> None:
    page = visit("phone")
    page.goto(f"{desk.url}/inbox/open")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.locator("#code").fill("1234 5678 9012 3456 12")
    expect(page.locator("#code-slip")).to_contain_text("这串数字里有错")
    looked_at(page, "slip")
    page.locator("#code").fill("１２３４ ５６７８ ９０１２ ３４５６ １１")
    expect(page.locator("#code-slip")).to_be_hidden()
    assert asked == []


def test_the_receipt_on_paper_is_the_code_and_how_to_keep_it(visit, desk: Desk) -> None:
    page = visit()
    page.goto(f"{desk.url}/file")
    filled(page, "zh", TEXT["zh"])
    page.get_by_role("button", name="提交投诉").click()
    page.emulate_media(media="print")
    expect(page.locator("#receipt-code")).to_be_visible()
    expect(page.locator("#print")).to_be_hidden()
    expect(page.get_by_role("button", name="打开收件箱")).to_be_hidden()
    looked_at(page, "receipt-print")


def test_a_name_is_given_in_the_inbox_and_nothing_of_it_is_shown_again(visit, desk: Desk) -> None:
    page = visit("phone")
    page.goto(f"{desk.url}/file")
    filled(page, "zh", TEXT["zh"])
    page.get_by_role("button", name="提交投诉").click()
    page.get_by_role("button", name="打开收件箱，补充照片或文件").click()
    page.locator("summary").filter(has_text="补充姓名或联系方式").click()
    page.get_by_role("button", name="封存并提交").click()
    page.locator(".govuk-error-summary").get_by_role("link", name="请填写姓名、电话或邮箱").click()
    expect(page.locator("#name")).to_be_focused()
    looked_at(page, "10-name")
    page.locator("#name").fill("张三丰")
    page.get_by_role("button", name="封存并提交").click()
    expect(page.get_by_role("status")).to_contain_text("已加密封存")
    expect(page.locator("#identify")).to_have_count(0)
    expect(page.locator("body")).not_to_contain_text("张三丰")
    looked_at(page, "11-name-given")
