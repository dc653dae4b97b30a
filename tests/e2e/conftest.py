"""The board in headless Chromium: a stack with the inbox and the board, and a browser that may only talk to it."""

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from deploy.embedded.plan import ROOT
from deploy.embedded.stack import Stack
from services.shared.access import Principal
from services.shared.auth import load_key, mint
from services.shared.web import assets
from tests.support.processes_of_sources import Process
from tests.support.seed_board import Board, made_up
from tests.support.stack import eventually

CHROMIUM = os.environ.get("DUBAN_CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
ARTEFACTS = ROOT / "artefacts"
SIZES = {"phone": {"width": 360, "height": 740}, "desktop": {"width": 1440, "height": 900}}
AXE = assets.MODULES / "axe-core" / "axe.min.js"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not shutil.which(CHROMIUM):
        pytest.skip(f"no browser at {CHROMIUM}: apt-get install chromium fonts-noto-cjk, or set DUBAN_CHROMIUM")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield started
        started.close()


class Site:
    """The board's address and what a test may do behind its back."""

    def __init__(self, stack: Stack, url: str) -> None:
        self.url = url
        self.board = Board(stack.brokers, stack.plan.partitions)
        self._key = load_key(stack.plan.signing_key_file)

    def token(self, role: str = "office", agency: str | None = None, group: str | None = None) -> str:
        return mint(Principal(role, frozenset({role}), agency, group), 3600, self._key)

    def ticket(self) -> str:
        return mint(Principal("office", frozenset({"office"})), 60, self._key, use="ticket")


@pytest.fixture(scope="session")
def sheets() -> None:
    """What the pages load, made once for all tests."""
    if assets.main():
        pytest.skip("the web assets could not be made: is the npm registry within reach?")


@pytest.fixture(scope="session")
def site(browser: Browser, infra: Stack, sheets: None) -> Iterator[Site]:
    serve = Process(infra, "notifications", "serve").ready()
    consume = Process(infra, "notifications", "consume").ready()
    found = Site(infra, serve.url)
    now = datetime.now(UTC)
    for data in made_up(120, now):
        found.board.put(data)
    for data in made_up(40, now, "wabo-3f2a91c4", seed=9, ref="case"):
        found.board.put(data)
    found.board.tick(now)
    found.board.tick(now, "wabo-3f2a91c4")
    found.board.flush()
    eventually(lambda: consume.metric("duban_alerts_written_total", change="raised") >= 160, 40)
    yield found
    consume.stop()
    serve.kill()


@pytest.fixture
def open_page(browser: Browser, site: Site) -> Iterator[Callable[..., Page]]:
    """`open_page(lang, size, role=…)`: a page of somebody signed in; fails at the end if it asked another host."""
    contexts: list[BrowserContext] = []
    foreign: list[str] = []
    complaints: list[str] = []

    def opened(lang: str = "zh", size: str = "desktop", *, role: str | None = "office", **options: Any) -> Page:
        who = {name: options.pop(name) for name in ("agency", "group") if name in options}
        context = browser.new_context(viewport=SIZES[size], **options)  # type: ignore[arg-type]
        cookies = [{"name": "duban_language", "value": lang, "url": site.url}]
        if role:
            cookies.append({"name": "duban_session", "value": site.token(role, **who), "url": site.url})
        context.add_cookies(cookies)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda r: None if r.url.startswith((site.url, "data:")) else foreign.append(r.url))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda m: complaints.append(m.text) if _is_ours(m) else None)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not foreign, f"asked other hosts: {foreign}"
    assert not complaints, f"the browser complained: {complaints}"


def _is_ours(message: Any) -> bool:
    """An error of ours, not the browser's own word on a page that answered 401, 404 or 422."""
    return message.type == "error" and "Failed to load resource" not in message.text


def shoot(page: Page, name: str) -> Path:
    """Keep what the page looks like under artefacts/."""
    ARTEFACTS.mkdir(exist_ok=True)
    path = ARTEFACTS / f"{name}.png"
    page.screenshot(path=str(path))
    return path


def findings(page: Page) -> list[str]:
    """Serious and critical findings of axe-core on the page as it is."""
    page.evaluate(AXE.read_text("utf-8"))  # not a script element: the page's own policy would refuse that
    result = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{v['id']}: {v['nodes'][0]['html'][:120]} ({len(v['nodes'])})"
        for v in result["violations"]
        if v["impact"] in ("serious", "critical")
    ]
