"""Files a letter as anybody may file, with its evidence and its sender sealed: exactly once. Free of mail servers.

1. The complaint is filed under the letter's key; repeated, it is the same case with the same receipt code.
2. Its files become evidence under names made from that key; those that are kept already are not kept again.
3. One message of the person refers to them, under the same key.
Killed anywhere between these, the next attempt goes on where the last one ended.
"""

import io
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple

from services.complaints.attachments.kinds import NotTaken
from services.complaints.attachments.service import MAX_FILE, MAX_FILES, Attachments, Full, Infected
from services.complaints.domain.deciding import PERSON
from services.complaints.inbox import Inbox
from services.complaints.inbox_schemas import Message
from services.complaints.mail.domain.letter import Letter
from services.complaints.schemas import MAX_COMPLAINT_TEXT
from services.complaints.service import ComplaintService
from services.contracts.codec import encode_json
from services.contracts.identifiers import name_of
from services.shared.access import Principal, reach
from services.shared.bodies import Body
from services.shared.commands import KeyReused, Order
from services.shared.web.words import CITY_ZONE

ACCOUNT = Principal("mail", frozenset({"intake"}))


class Taken(NamedTuple):
    """What became of a letter: `kept` and `not_kept` files; `cut` when the mail was longer than what was read."""

    code: str
    repeated: bool
    kept: int
    not_kept: int
    cut: bool


class Taking:
    """Takes letters in. `filing` is the body of the opening command."""

    def __init__(
        self, service: ComplaintService, filing: Body[Any], inbox: Inbox, attachments: Attachments
    ) -> None:  # fmt: skip
        self._service, self._filing, self._inbox, self._attachments = service, filing, inbox, attachments

    def take(self, letter: Letter, received_at: datetime, cut: bool = False) -> Taken:
        """File `letter`, received at that time. Raises what filing raises, and ScannerFailed."""
        day = received_at.astimezone(CITY_ZONE).date().isoformat()
        key = name_of("mail", letter.key, day)
        body: dict[str, Any] = {"channel": "email", "intake": {"received_on": day}}
        if text := letter.text[:MAX_COMPLAINT_TEXT]:
            body["text"] = text
        if identity := {n: v for n, v in (("name", letter.name), ("email", letter.sender)) if v}:
            body["identity"] = identity
        data, beside = self._filing.take(encode_json(body), name_of("request", ACCOUNT.subject, key))
        order = Order(
            name=self._service.kind.life.opening, data=data, actor=ACCOUNT, reach=reach("complaints.file", ACCOUNT),
            key=key, beside=beside,
        )  # fmt: skip
        answer, repeated = self._service.execute(order)
        longer = (letter.text.encode(),) if len(letter.text) > MAX_COMPLAINT_TEXT else ()
        files = (*longer, *letter.files)
        refs = self._kept(answer.case_id, key, files[:MAX_FILES])
        if refs:
            with suppress(KeyReused):  # said before, when the scanner thought otherwise of a file
                self._inbox.say(answer.case_id, Message(evidence_refs=refs), key)
        return Taken(answer.receipt_code or "", repeated, len(refs), len(files) - len(refs), cut)

    def _kept(self, case_id: str, key: str, files: Sequence[bytes]) -> list[str]:
        """The references of those files that are taken."""
        refs = []
        for number, content in enumerate(files):
            with suppress(NotTaken, Infected, Full):
                if len(content) > MAX_FILE:
                    continue
                kept = self._attachments.take(case_id, PERSON, io.BytesIO(content), f"{key} {number}")
                refs.append(kept.ref)
        return refs
