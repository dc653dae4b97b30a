"""A mail as a complaint: who wrote it, what it says, which files hang on it (row A1). Pure.

Mails are written by anybody: every part may be broken, and nothing that a header says of a file is believed.
"""

from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from hashlib import blake2b
from typing import Literal, NamedTuple

import msgspec

from services.complaints.mail.domain.headers import author, clean, decoded_bytes, first, message_id, words
from services.complaints.mail.domain.html import text_of
from services.complaints.mail.domain.robots import Robot, robot

MAX_SUBJECT = 300
_PGP = "-----BEGIN PGP MESSAGE-----"
_ENCRYPTED = frozenset({"multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"})
_FORWARDED = ("from", "date", "subject")


class Unreadable(Exception):
    """This is no mail that can be taken apart, or nothing is in it."""


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """`sender` is the address for a receipt, None when there is none that a mail could be sent to.

    `key` is the same for the same mail, however often it is delivered: a hash of Message-ID, sender and body, so that
    one who repeats somebody's Message-ID does not get that mail's receipt code. `robot` says why it is never answered.
    """

    key: str
    sender: str | None
    name: str | None
    message_id: str | None
    text: str
    files: tuple[bytes, ...]
    encrypted: bool
    robot: Robot | None

    def __repr__(self) -> str:
        return "Letter(…)"


class _Leaf(NamedTuple):
    """`within` are the alternatives that the part is one of, the outermost first."""

    kind: Literal["plain", "html", "file"]
    text: str
    content: bytes
    within: tuple[int, ...]


def read_letter(raw: bytes, own: str) -> Letter:
    """The mail `raw`. `own` is the address that receipts come from. Raises Unreadable."""
    try:
        message = message_from_bytes(raw)
        leaves = list(_leaves(message))
        sender = author(message)
        found = Letter(
            key=_key(message, raw, sender.address), sender=sender.address, name=sender.name,
            message_id=message_id(message), text=_text(message, leaves),
            files=tuple(leaf.content for leaf in leaves if leaf.kind == "file" and leaf.content),
            encrypted=_encrypted(message, leaves), robot=robot(message, sender.address, own),
        )  # fmt: skip
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError, RecursionError) as error:
        # The standard library's parser meets what its authors did not think of.
        raise Unreadable(type(error).__name__) from None
    if not found.robot and not found.text and not found.files:
        raise Unreadable("empty")
    return found


def _leaves(message: Message) -> Iterator[_Leaf]:
    """Every part that holds something, in the order of reading; without recursion, however deep they lie."""
    waiting: list[tuple[Message, tuple[int, ...]]] = [(message, ())]
    while waiting:
        part, within = waiting.pop()
        if not part.is_multipart():
            yield _leaf(part, within)
            continue
        inner = [p for p in part.get_payload() if isinstance(p, Message)]
        if part.get_content_maintype() == "message" and inner:
            lines = [f"{name}: {words(first(inner[0], name))}" for name in _FORWARDED if first(inner[0], name)]
            yield _Leaf("plain", "\n".join(lines), b"", within)
        if part.get_content_type() == "multipart/alternative":
            within = (*within, id(part))
        waiting += [(p, within) for p in reversed(inner)]


def _leaf(part: Message, within: tuple[int, ...]) -> _Leaf:
    payload = part.get_payload(decode=True)
    content = payload if isinstance(payload, bytes) else b""
    # One without its boundaries has no parts: then all of it is words.
    kind = "text/plain" if part.get_content_maintype() == "multipart" else part.get_content_type()
    if kind not in ("text/plain", "text/html") or _named(part):
        return _Leaf("file", "", content, within)
    text = clean(decoded_bytes(content, _charset(part)))
    return _Leaf("plain" if kind == "text/plain" else "html", text, content, within)


def _named(part: Message) -> bool:
    """Whether a part is meant as a file, by its disposition or because it has a name."""
    disposition, content_type = first(part, "content-disposition").lower(), first(part, "content-type").lower()
    return disposition.strip().startswith("attachment") or "name" in disposition or "name" in content_type


def _charset(part: Message) -> str:
    try:
        return str(part.get_content_charset("utf-8"))
    except (ValueError, LookupError):
        return "utf-8"


def _text(message: Message, leaves: list[_Leaf]) -> str:
    """Subject and words. Of alternatives the plain one; HTML only where no plain one says anything."""
    said = {number for leaf in leaves if leaf.kind == "plain" and leaf.text.strip() for number in leaf.within}
    parts = [words(first(message, "subject"))[:MAX_SUBJECT]]
    for leaf in leaves:
        if leaf.kind == "plain":
            parts.append(leaf.text.strip())
        elif leaf.kind == "html" and said.isdisjoint(leaf.within):
            parts.append(text_of(leaf.text))
    return "\n\n".join(part for part in parts if part)


def _encrypted(message: Message, leaves: list[_Leaf]) -> bool:
    is_smime = "signed-data" not in first(message, "content-type").lower()
    kind = message.get_content_type()
    return (kind in _ENCRYPTED and is_smime) or any(leaf.text.lstrip().startswith(_PGP) for leaf in leaves)


def _key(message: Message, raw: bytes, sender: str | None) -> str:
    """Without a Message-ID the whole of it is hashed, with what mail servers wrote on it on the way."""
    known_by = message_id(message)
    _, _, body = raw.replace(b"\r\n", b"\n").partition(b"\n\n")
    hashed = blake2b(digest_size=32)
    for piece in (known_by or "", sender or "", body if known_by else raw):
        hashed.update(blake2b(piece if isinstance(piece, bytes) else piece.encode()).digest())
    return hashed.hexdigest()
