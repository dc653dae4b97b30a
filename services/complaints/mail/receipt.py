"""The receipt that answers a mail: the code and how to use the inbox, in Chinese and then English. Free of sending."""

from collections.abc import Mapping
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime

from services.complaints.domain.receipt_code import grouped
from services.complaints.mail.domain.letter import Letter
from services.complaints.mail.taking import Taken
from services.complaints.web.pages import LOCALE
from services.contracts.identifiers import name_of
from services.shared.web.words import LANGUAGES, Words

_RULE = "\n\n" + "-" * 40 + "\n\n"


class Receipts:
    """Writes receipts from `sender`. `site` is the address of the public pages, empty where they have none."""

    def __init__(self, sender: str, site: str) -> None:
        self._sender, self._site = sender, site.rstrip("/")
        self._words: Mapping[str, Words] = {lang: Words(LOCALE, lang) for lang in LANGUAGES}

    def write(self, letter: Letter, taken: Taken, at: datetime) -> bytes:
        """The mail that goes to `letter.sender`. Written again, it has the same Message-ID."""
        assert letter.sender is not None
        mail = EmailMessage(policy=policy.SMTP)
        mail["From"], mail["To"] = self._sender, letter.sender
        mail["Subject"] = " / ".join(words("mail.subject") for words in self._words.values())
        mail["Date"] = format_datetime(at)
        mail["Message-ID"] = f"<{name_of('mail-receipt', letter.key)}@{self._sender.partition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-replied"
        mail["X-Auto-Response-Suppress"] = "All"  # what Exchange looks at in place of Auto-Submitted
        if letter.message_id:
            mail["In-Reply-To"] = mail["References"] = letter.message_id
        text = _RULE.join(self._said(words, letter, taken) for words in self._words.values())
        mail.set_content(text + "\n", charset="utf-8", cte="base64")
        return mail.as_bytes()

    def _said(self, words: Words, letter: Letter, taken: Taken) -> str:
        suffix = "?lang=en" if words.lang == "en" else ""
        inbox = f"{self._site}/inbox/open{suffix}" if self._site else ""
        said = [
            words("mail.received"),
            f"{words('receipt.code')}\n\n    {grouped(taken.code)}",
            f"{words('mail.inbox')}\n{inbox}" if inbox else words("mail.inbox_elsewhere"),
            words("mail.only"), words("mail.no_reply"),
            words.plural("mail.kept", taken.kept) if taken.kept else "",
            words.plural("mail.not_kept", taken.not_kept) if taken.not_kept else "",
            words("mail.cut") if taken.cut else "",
            words("mail.encrypted") if letter.encrypted else "",
            words("mail.unsafe"),
        ]  # fmt: skip
        return "\n\n".join(paragraph for paragraph in said if paragraph)
