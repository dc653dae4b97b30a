"""Searches for planted words in every form in which they could hide: files, documents, records. Free of any service."""

import json
from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

_EMPTY_PAGE = bytes(4096)
# In every planted word: a search for it alone tells quickly where nothing is.
STEM = "7041709"
TEXTS = "duban_complaints.texts"


class Hit(NamedTuple):
    """A planted word found: where, which, in which form."""

    where: str
    word: str
    form: str


def forms(word: str, least: int = 6) -> dict[str, bytes]:
    """The byte strings of `least` or more by which `word` would show, by the name of the encoding."""
    raw = word.encode()
    found = {
        "utf-8": raw, "gb18030": word.encode("gb18030"), "utf-16-le": word.encode("utf-16-le"),
        "utf-16-be": word.encode("utf-16-be"), "json": json.dumps(word)[1:-1].encode(), "percent": quote(word).encode(),
        "hex": raw.hex().encode(), "HEX": raw.hex().upper().encode(), "reversed": raw[::-1],
    }  # fmt: skip
    for shift in range(3):  # what is left of a base64 whose first and last characters depend on its neighbours
        coded = b64encode(bytes(shift) + raw)
        found[f"base64+{shift}"] = coded[(0, 2, 3)[shift] : len(coded) // 4 * 4 - 4]
    return {name: form for name, form in found.items() if len(form) >= least}


class Canaries:
    """Words to plant, each with the places where it may lie: names of collections; none is allowed anywhere else."""

    def __init__(self) -> None:
        self.allowed: dict[str, frozenset[str]] = {}
        self._numbers: Counter[str] = Counter()

    def word(self, *places: str) -> str:
        """A name that nobody has."""
        return self._kept("欧阳", "金丝雀", *places)

    def text(self, *more: str) -> str:
        """A sentence, which may lie in the store of texts."""
        return self._kept("窗口", "不办事", TEXTS, *more)

    def phone(self) -> str:
        return self._kept("13", "")

    def email(self) -> str:
        return self._kept("canary", "@example.invalid")

    def identity(self) -> dict[str, str]:
        """Every field of an identity."""
        return {
            "name": self.word(), "phone": self.phone(), "address": self.word(), "email": self.email(),
            "id_number": self._kept("21138200", "X"), "enterprise_contact": self.word(),
        }  # fmt: skip

    def _kept(self, before: str, after: str, *places: str) -> str:
        """Telephone and identity card numbers have 11 and 18 characters, so 99 of a kind are the most."""
        self._numbers[before] += 1
        word = f"{before}{STEM}{self._numbers[before]:02d}{after}"
        self.allowed[word] = frozenset(places)
        return word


class Search:
    """One search for `words`. What was looked at is counted: a search of nothing must not pass for a clean one."""

    def __init__(self, words: Iterable[str]) -> None:
        words = list(words)
        self._forms = {form: (word, name) for word in words for name, form in forms(word).items()}
        self._stems = list(forms(STEM, 5).values()) if all(STEM in word for word in words) else []
        self._longest = max(map(len, self._forms), default=0)
        self.hits: list[Hit] = []
        self.bytes = self.files = self.documents = self.records = 0

    def look(self, where: str, content: bytes) -> None:
        """Search one piece."""
        self.bytes += len(content)
        if len(content) > len(_EMPTY_PAGE):
            content = content.replace(_EMPTY_PAGE, b"")  # files that are laid out ahead are mostly empty
        near = self._near_stems(content) if self._stems else content
        if near:
            self.hits += [Hit(where, *found) for form, found in self._forms.items() if form in near]

    def _near_stems(self, content: bytes) -> bytes:
        """What lies around each stem, which is much less than a file of a store: words are nowhere else."""
        found: list[bytes] = []
        for stem in self._stems:
            start, end, at = 0, 0, content.find(stem)
            while at >= 0:
                if at - self._longest > end:
                    found.append(content[start:end])
                    start = at - self._longest
                end = at + self._longest
                at = content.find(stem, at + 1)
            found.append(content[start:end])
        return b"\xff".join(part for part in found if part)

    def folder(self, folder: Path) -> None:
        """Every file below `folder`, byte by byte."""
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            with suppress(FileNotFoundError):  # a running worker gives up old checkpoints
                self.look(f"file {path.relative_to(folder)}", path.read_bytes())
                self.files += 1

    def document(self, where: str, document: Any) -> None:
        """Every key and value of a document, however deep."""
        self.documents += 1
        for leaf in leaves(document):
            self.look(where, leaf)

    def record(self, where: str, record: Any) -> None:
        """Key, value and headers of a record of a topic."""
        self.records += 1
        headers = [part if isinstance(part, bytes) else str(part).encode() for h in record.headers or () for part in h]
        for part in (record.key, record.value, *headers):
            self.look(where, part or b"")


def leaves(value: Any) -> Iterator[bytes]:
    """The bytes of every key and value in dictionaries and lists, however deep."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield str(key).encode()
            yield from leaves(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from leaves(inner)
    else:
        yield value if isinstance(value, bytes) else str(value).encode()
