"""Header fields of a mail as people read them, whatever is wrong with their encoding. Pure."""

import codecs
import re
from contextlib import suppress
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses
from typing import NamedTuple

MOST_OF_A_FIELD = 4_000  # characters; nothing that is read here needs more
MAX_ADDRESS = 200
_MARKED = 4
# What a receipt can be sent to: nothing in it can end a header field or an SMTP command.
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_MESSAGE_ID = re.compile(r"<[\x21-\x3b\x3d\x3f-\x7e]{1,250}>")
# Codecs that are no encoding of text in mails; some take the square of the length.
_NO_CHARSETS = frozenset({"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined"})
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


class Correspondent(NamedTuple):
    """Whom a mail says that it is from. `address` is lower-cased; None when nothing can be sent to it."""

    name: str | None
    address: str | None


def fields(message: Message, name: str) -> list[str]:
    """The contents of every field called `name`, undecoded, each cut to MOST_OF_A_FIELD."""
    found = [str(value)[:MOST_OF_A_FIELD] for key, value in message.raw_items() if key.lower() == name]
    return [decoded_bytes(value.encode("utf-8", "surrogateescape"), "utf-8") for value in found]


def first(message: Message, name: str) -> str:
    """The content of the first field called `name`; "" when there is none."""
    return next(iter(fields(message, name)), "")


def words(value: str) -> str:
    """A field's content with its encoded words (RFC 2047) decoded, on one line."""
    try:
        parts = decode_header(value)
    except (HeaderParseError, ValueError):
        parts = [(value, None)]
    decoded = "".join(p if isinstance(p, str) else decoded_bytes(p, charset or "ascii") for p, charset in parts)
    return " ".join(clean(decoded).split())


def author(message: Message) -> Correspondent:
    """The first mailbox of From."""
    try:
        found = getaddresses([first(message, "from")])
    except RecursionError:  # comments within comments within comments
        found = []
    name, address = next(((n, a) for n, a in found if a), ("", ""))
    usable = len(address) <= MAX_ADDRESS and _ADDRESS.fullmatch(address)
    shown = words(name)[:MAX_ADDRESS]
    return Correspondent(shown or None, address.lower() if usable else None)


def message_id(message: Message) -> str | None:
    """The Message-ID where it has the form of one."""
    found = first(message, "message-id").strip()
    return found if _MESSAGE_ID.fullmatch(found) else None


def decoded_bytes(content: bytes, charset: str) -> str:
    """`content` as text: by `charset` when it is that, else as UTF-8, else as Chinese. What is damaged, or none of
    these, has marks in place of what cannot be read."""
    codec = _codec(charset)
    for encoding in (codec, "utf-8"):
        with suppress(UnicodeError):
            return content.decode(encoding)
    marked = content.decode(codec, "replace")
    # Nearly all bytes mean something in GB18030: it is tried where most of the text is lost otherwise.
    if _MARKED * marked.count("\ufffd") > sum(not c.isascii() for c in marked):
        with suppress(UnicodeError):
            return content.decode("gb18030")
    return marked


def clean(text: str) -> str:
    """`text` without control characters, its lines ended in one way."""
    return _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def _codec(charset: str) -> str:
    try:
        name = codecs.lookup(charset).name
    except (LookupError, ValueError):
        return "utf-8"
    if name in _NO_CHARSETS:
        return "utf-8"
    return "gb18030" if name in ("gb2312", "gbk") else name  # what calls itself the smaller one often is the larger
