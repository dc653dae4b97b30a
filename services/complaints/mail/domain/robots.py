"""Mails that no person wrote: answered, they would be answered again, for ever (RFC 3834). Pure."""

from email.message import Message
from typing import Literal, get_args

from services.complaints.mail.domain.headers import fields, first

Robot = Literal["loop", "bounce", "automatic", "list"]
ROBOTS: tuple[Robot, ...] = get_args(Robot)
_DAEMONS = frozenset({"mailer-daemon", "postmaster"})
_BULK = frozenset({"bulk", "list", "junk", "auto_reply"})


def robot(message: Message, sender: str | None, own: str) -> Robot | None:
    """Why `message` is never answered; None for a mail that a person seems to have written.

    loop: from our `own` address; bounce: from a mail server; automatic: an answer that a program gave, as "out of
    office"; list: from a mailing list or in bulk.
    """
    if sender is not None and sender == own.lower():
        return "loop"
    returns = [value.strip() for value in fields(message, "return-path")]
    daemon = sender is not None and sender.partition("@")[0] in _DAEMONS
    if "<>" in returns or daemon or message.get_content_type() == "multipart/report":
        return "bounce"
    if any(value.partition(";")[0].strip().lower() != "no" for value in fields(message, "auto-submitted")):
        return "automatic"
    if first(message, "precedence").strip().lower() in _BULK or fields(message, "list-id"):
        return "list"
    return None
