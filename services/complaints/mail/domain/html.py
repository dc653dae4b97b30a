"""HTML as the text that somebody reading it would see. Pure; nothing is loaded, nothing runs.

Not by html.parser: it takes the square of the length of what is made to stall it. Here every character is looked at a
few times, whatever it says.
"""

import re
from html import unescape

MOST = 500_000  # characters
_UNSEEN = frozenset({"script", "style", "title", "template"})
_BLOCKS = frozenset({
    "p", "div", "br", "li", "ul", "ol", "tr", "table", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "hr",
})  # fmt: skip
_CELLS = frozenset({"td", "th"})
_TAG = re.compile(r"<(?:/?([a-z][a-z0-9]*)|[!?])")


def text_of(html: str) -> str:
    """The words of `html`, a line for a block."""
    shown = "".join(_pieces(html[:MOST]))
    lines = (" ".join(unescape(line).split()) for line in shown.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _pieces(html: str) -> list[str]:
    """Words and, for blocks, line ends."""
    folded, found, unseen, at = html.lower(), list[str](), set(_UNSEEN), 0
    if len(folded) != len(html):  # a letter whose small form is two
        folded = html
    while (start := html.find("<", at)) >= 0:
        found.append(" ".join(html[at:start].split("\n")))
        tag = _TAG.match(folded, start)
        end = html.find(">", start) if tag else -1
        if tag is None:
            found.append("<")
            at = start + 1
            continue
        if html.startswith("<!--", start):
            end = html.find("-->", start)
        if end < 0:  # it is never closed: what a reader sees of it depends on the reader, so all of it is kept
            break
        at = html.index(">", end) + 1
        name = tag[1]
        if name in unseen and folded[start + 1] != "/":
            closed = folded.find(f"</{name}", at)
            at = max(at, closed)
            unseen -= {name} if closed < 0 else set()  # not looked for again
        elif name in _BLOCKS:
            found.append("\n")
        elif name in _CELLS:
            found.append(" ")
    tail = html[start if start >= 0 else at :]
    return [*found, " ".join(tail.split("\n"))]
