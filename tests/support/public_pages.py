"""Walks through the public pages as a browser without scripts does."""

import re
from html import unescape

from services.complaints.domain.receipt_code import plain

OWN = {"Sec-Fetch-Site": "same-origin"}
TEXT = "窗口上午十点就关了\n没有人解释"


def post(api, path, data, files=None, **headers):
    """Send a form from a page of our own."""
    return api.client.post(path, data=data, files=files, headers=OWN | headers, follow_redirects=False)


def fields(page):
    """The hidden fields of the page's first form that has any."""
    return {
        name: unescape(value) for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text)
    }


def walked(api, **changes):
    """The form up to the page of all answers."""
    given = {"text": TEXT, "offence": "delay", "agency": "tax", "identity": "anonymous", **changes}
    page = api.client.get("/file")
    for name in ("text", "offence", "agency", "identity"):
        own = ("identity", "name", "phone", "email") if name == "identity" else (name,)
        page = post(api, "/file", fields(page) | {n: given[n] for n in own if n in given} | {"go": "next"})
    return page


def filed(api, **changes):
    """The page with the receipt."""
    return post(api, "/file", fields(walked(api, **changes)) | {"go": "send"})


def code_on(page):
    """The receipt code that the page shows, as digits alone."""
    found = re.search(r'id="receipt-code"[^>]*>(.*?)</p>', page.text)
    return plain(re.sub(r"<[^>]+>", "", found[1]))
