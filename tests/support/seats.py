"""Browsers of people at the desk: each signed in by a token, closed and judged at the end, looked at on the way."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page

from services.shared.auth import SESSION_COOKIE
from tests.e2e.conftest import SIZES, findings, shoot

Open = Callable[..., Page]
_FITS = "() => document.documentElement.scrollWidth <= document.documentElement.clientWidth"


@contextmanager
def seats(browser: Browser, url: str, token: Callable[[str], str]) -> Iterator[Open]:
    """`opened(role, lang, size)`: the desk at `url` of somebody with `token(role)`, or of somebody unknown (None).

    Fails at the end if a page asked another host, or a script of ours failed.
    """
    contexts: list[BrowserContext] = []
    foreign: list[str] = []
    complaints: list[str] = []

    def opened(role: str | None, lang: str = "zh", size: str = "desktop", **options: Any) -> Page:
        context = browser.new_context(viewport=SIZES[size], **options)  # type: ignore[arg-type]
        cookies = [{"name": "duban_language", "value": lang, "url": url}]
        if role:
            cookies.append({"name": SESSION_COOKIE, "value": token(role), "url": url})
        context.add_cookies(cookies)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.on(
            "request", lambda r: None if r.url.startswith(("http://127.0.0.1:", "data:")) else foreign.append(r.url)
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not foreign, f"asked other hosts: {foreign}"
    assert not complaints, f"the browser complained: {complaints}"


def looked_at(page: Page, name: str) -> None:
    """The page fits the screen and has no serious finding; a picture of all of it is kept."""
    assert page.evaluate(_FITS), f"{name} is wider than the screen"
    page.screenshot(path=str(shoot(page, name)), full_page=True)
    assert findings(page) == []
