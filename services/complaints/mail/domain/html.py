"""HTML as the text that somebody reading it would see. Pure; nothing is loaded, nothing runs."""

import re
from html.parser import HTMLParser

MOST = 200_000  # characters; a parser may take the square of the length of what is made to slow it down
_UNSEEN = frozenset({"script", "style", "head", "title", "template"})
_BLOCKS = frozenset({
    "p", "div", "br", "li", "ul", "ol", "tr", "table", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "hr",
})  # fmt: skip
_STYLE = re.compile(r"<(style|script)\b.*?</\1\s*>", re.I | re.S)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.seen: list[str] = []
        self._unseen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._unseen.append(tag)
        elif tag == "body":  # a head that nobody closed ends here
            self._unseen.clear()
        elif tag in _BLOCKS:
            self.seen.append("\n")
        elif tag == "td":
            self.seen.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._unseen:
            del self._unseen[self._unseen.index(tag) :]
        elif tag in _BLOCKS and tag != "br":
            self.seen.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.seen.append(" ".join(data.split()) if data.strip() else " ")
            if data[-1:].isspace() and data.strip():
                self.seen.append(" ")


def text_of(html: str) -> str:
    """The words of `html`, a line for a block."""
    reader = _Reader()
    reader.feed(_STYLE.sub("", html[: 10 * MOST])[:MOST])
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.seen).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
