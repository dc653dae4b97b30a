"""`duban demo` as a newcomer meets it: the board fills while the city runs, and Ctrl-C ends everything."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, Page, expect

from deploy.embedded.plan import ROOT
from deploy.embedded.stack import free_base, free_ports
from tests.e2e.conftest import SIZES, findings, shoot
from tests.support.screens import SCREENS
from tests.support.stack import eventually

pytestmark = [pytest.mark.stack, pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(400)]
TITLES = {"zh": "督办看板", "en": "Alert board"}
LISTS = {"zh": "工作清单", "en": "Work list"}
DAYS = 20
TIMELINE = f"city-7-{DAYS}d"
FITS = "() => document.documentElement.scrollWidth <= document.documentElement.clientWidth"


class Demo:
    """A running `duban demo`, its output in a file."""

    def __init__(self, folder: Path) -> None:
        http, mongo = free_ports(2)
        ports = {"http": http, "kafka": free_base(), "mongo": mongo, "metrics": free_base(30, first=20_100)}
        options = [f"--{name}-port={port}" for name, port in ports.items()]
        self.data, self.log = folder / "data", folder / "demo.log"
        command = [sys.executable, "-m", "duban.main", "demo", "--days", str(DAYS), "--data", str(self.data), *options]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, stdout=log, stderr=log, env=os.environ | {"PYTHONUNBUFFERED": "1"}
            )

    def says(self, pattern: str) -> str:
        """The first group of `pattern` in the output so far, or nothing."""
        assert self.process.poll() is None, self.log.read_text()
        found = re.search(pattern, self.log.read_text())
        return found.group(1) if found else ""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, sheets: None) -> Iterator[Demo]:
    running = Demo(tmp_path_factory.mktemp("demo"))
    yield running
    if running.process.poll() is None:
        running.process.send_signal(signal.SIGINT)
        running.process.wait(60)


def _look_at_the_desk(browser: Browser, demo: Demo) -> None:
    """From the printed link, from the board's header and under a printed account: the city's own complaints."""
    desk = demo.says(r"serving at .*\n.*\ndesk: (http\S+)\n")
    for lang, size in SCREENS:
        page = _open(browser, desk, lang, size, LISTS)
        expect(page.locator(".badge")).to_contain_text(TIMELINE)
        assert page.locator("tbody tr.row").count() > 20
        expect(page.locator(".left-late").first).to_be_visible()
        assert page.evaluate(FITS), "it is wider than the screen"
        shoot(page, f"demo-desk-{lang}-{size}")
        assert findings(page) == []
        page.locator(".row-link").first.click()
        expect(page.locator(".badge")).to_contain_text(TIMELINE)
        expect(page.locator(".clock").first).to_be_visible()
        assert page.locator(".event").count() >= 1
        assert page.locator(".act").count() == 0
        assert page.evaluate(FITS), "it is wider than the screen"
        shoot(page, f"demo-case-{lang}-{size}")
        assert findings(page) == []
        page.locator('.places [data-go="b"]').click()
        expect(page.get_by_role("heading", level=1)).to_contain_text(TIMELINE)
        page.locator('.places [data-go="d"]').click()
        expect(page.get_by_role("heading", level=1)).to_contain_text(TIMELINE)
        page.goto(page.url.split("?")[0])
        shoot(page, f"demo-desk-live-{lang}-{size}")
        page.locator(".empty a").click()  # the live list is empty, and leads to the city
        expect(page.locator("tbody tr.row").first).to_be_visible()
        page.locator(".work-filters summary").click()
        page.locator("#filter-timeline").select_option("live")
        shoot(page, f"demo-desk-filters-{lang}-{size}")
        page.locator(".work-filters button").click()
        expect(page.locator(".empty")).to_be_visible()
        page.go_back()
        expect(page.locator(".badge")).to_contain_text(TIMELINE)
    passwords = dict(line.split(" ", 1) for line in (demo.data / "users.txt").read_text().splitlines())
    page = browser.new_context(viewport=SIZES["desktop"]).new_page()  # type: ignore[arg-type]
    page.goto(demo.says(r"sign in at (http\S+) "))
    page.locator("#name").fill("agency")
    page.locator("#password").fill(passwords["agency"])
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr.row").first).to_be_visible()
    expect(page.locator(".badge")).to_contain_text(TIMELINE)


def _open(browser: Browser, address: str, lang: str, size: str, titles: dict[str, str]) -> Page:
    context = browser.new_context(viewport=SIZES[size])  # type: ignore[arg-type]
    context.add_cookies([{"name": "duban_language", "value": lang, "url": address.split("/sign-in")[0]}])
    page = context.new_page()
    page.goto(address)
    expect(page.get_by_role("heading", level=1)).to_contain_text(titles[lang])
    return page


def _more(page: Page, than: int) -> int:
    """Wait until the board shows more alerts than so many; how many those are."""

    def count() -> int:
        found = page.locator("tbody tr.row").count()
        return found if found > than else 0

    return eventually(count, 60)


def test_the_board_fills_while_the_city_runs_and_ctrl_c_ends_it_all(browser: Browser, demo: Demo) -> None:
    page = _open(browser, eventually(lambda: demo.says(r"board: (http\S+)\n"), 120), "zh", "desktop", TITLES)
    page.evaluate("() => { window.unreloaded = true }")
    shown = 0
    for _ in range(3):  # it grows, and grows again, by itself
        shown = _more(page, shown)
    shoot(page, "demo-running-zh")
    assert page.evaluate("() => window.unreloaded"), "it was loaded again"
    assert not demo.says(r"(the oracle's) \d+ alerts"), "the city was over before the board filled"

    end = eventually(lambda: demo.says(r"serving at .*\nboard: (http\S+)\n"), 200)
    assert demo.says(r"(the oracle's \d+ alerts, and no other)")
    page = _open(browser, end, "en", "phone", TITLES)
    shoot(page, "demo-done-en-phone")
    assert findings(page) == []
    page.goto(page.url + "&rule=overdue")
    page.locator(".row-link").first.click()
    expect(page.get_by_role("heading", name="How the deadline came about")).to_be_visible()
    shoot(page, "demo-alert-en-phone")

    _look_at_the_desk(browser, demo)

    children = psutil.Process(demo.process.pid).children(recursive=True)
    assert len(children) >= 8
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(60) == 0
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []
