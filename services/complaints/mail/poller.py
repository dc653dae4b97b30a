"""Looks into the mailbox again and again: each mail becomes a complaint and is answered with its receipt.

1. A mail that no person wrote, or that cannot be read, goes aside, into a folder named for the reason.
2. The letter is filed (services/complaints/mail/taking.py).
3. Its receipt is handed to the SMTP server; then the mail is marked as answered, then moved to those that are done.
Killed between any two of these, the mail is still in the INBOX: filed again it is the same complaint, and at worst the
same receipt is sent once more. While receipts cannot be sent, mails are filed all the same and wait for theirs.
"""

import threading
import time
from collections.abc import Callable
from datetime import datetime

import structlog
from pymongo.errors import PyMongoError

from services.complaints.attachments.scanning import ScannerFailed
from services.complaints.mail.domain.letter import Letter, Unreadable, read_letter
from services.complaints.mail.mailbox import Delivered, Mailbox
from services.complaints.mail.post import Post, Undeliverable
from services.complaints.mail.receipt import Receipts
from services.complaints.mail.servers import Away
from services.complaints.mail.taking import Taking
from services.complaints.telemetry import MAIL_RECEIPTS, MAIL_RETRIES, MAIL_WAITING, MAILS
from services.shared.failpoints import failpoint
from services.shared.guessing import Guessing, Limit
from services.shared.problems import Problem

MAX_MAIL = 40 * 1024 * 1024
BACKOFF_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
ASIDE = "Aside"
# A program that answers receipts without saying that it is one is slowed down: its mails wait, none is refused.
PER_SENDER, IN_ALL = Limit(burst=20, every=600.0), Limit(burst=5_000, every=0.2)
_log = structlog.get_logger()


class MailPoller:
    """One mailbox. `own` is the address that receipts come from, `filed` the folder of what is done ("" deletes)."""

    service = "complaints-mail"

    def __init__(
        self, mailbox: Callable[[], Mailbox], post: Post, receipts: Receipts, taking: Taking,
        clock: Callable[[], datetime], *, own: str, filed: str, poll_seconds: float,
    ) -> None:  # fmt: skip
        self._mailbox, self._post, self._receipts, self._taking = mailbox, post, receipts, taking
        self._clock, self._own, self._filed, self._poll_seconds = clock, own, filed, poll_seconds
        self._limits = Guessing(time.monotonic, PER_SENDER, IN_ALL)
        self._let: set[int] = set()
        self.ready: bool | str = "has not looked into the mailbox yet"

    def run(self, stop: threading.Event) -> None:
        """Poll until `stop` is set. A server that is away is asked again, ever more rarely."""
        attempt = 0
        while not stop.is_set():
            try:
                self.turn(stop)
                self.ready, attempt, pause = True, 0, self._poll_seconds
            except (Away, PyMongoError, ScannerFailed, Problem) as error:
                waits_for = error.server if isinstance(error, Away) else _FOR.get(type(error), "store")
                self.ready = f"waits for {waits_for}"
                pause = BACKOFF_SECONDS[min(attempt, len(BACKOFF_SECONDS) - 1)]
                attempt += 1
                MAIL_RETRIES.labels(waits_for).inc()
                reason = str(error) if isinstance(error, Away) else type(error).__name__
                _log.warning("mail_waits", waits_for=waits_for, reason=reason, seconds=pause)
            stop.wait(pause)

    def turn(self, stop: threading.Event) -> None:
        """Everything that waits, once. Raises Away, PyMongoError, ScannerFailed, or a 503 Problem for what has to."""
        away: Away | None = None
        unscanned: ScannerFailed | None = None
        with self._mailbox() as box:
            waiting = box.waiting()
            self._let &= set(waiting)
            MAIL_WAITING.set(len(waiting))
            for uid in waiting:
                if stop.is_set():
                    return
                try:
                    away = self._one(box, uid, away) or away
                except ScannerFailed as error:  # it may be this one file: the next mail is not kept waiting
                    unscanned = error
            MAIL_WAITING.set(len(box.waiting()))
        if late := away or unscanned:
            raise late

    def _one(self, box: Mailbox, uid: int, away: Away | None) -> Away | None:
        """Deal with one mail; why its receipt has to wait. `away`: no receipt can be sent in this turn anyway."""
        found = box.fetch(uid, MAX_MAIL)
        if found is None:
            return None
        try:
            letter = read_letter(found.raw, self._own)
        except Unreadable as error:
            self._aside(box, uid, "malformed", str(error))
            return None
        if letter.robot:
            self._aside(box, uid, letter.robot)
            return None
        if letter.sender and uid not in self._let and self._limits.attempt(letter.sender):
            return None
        self._let.add(uid)
        try:
            away = self._answer(box, uid, found, letter, away)
        except (Away, PyMongoError, ScannerFailed):
            raise
        except Undeliverable as error:
            MAIL_RECEIPTS.labels("undeliverable").inc()
            self._aside(box, uid, "undeliverable", str(error))
            return None
        except Exception as error:
            if isinstance(error, Problem) and error.status == 503:
                raise
            self._aside(box, uid, "failed", type(error).__name__)
            return None
        if away is None:
            box.put(uid, f"{ASIDE}/too-large" if found.cut else self._filed)
            MAILS.labels("too-large" if found.cut else "filed").inc()
        return away

    def _answer(self, box: Mailbox, uid: int, found: Delivered, letter: Letter, away: Away | None) -> Away | None:
        """File the letter and send its receipt; why that has to wait. Raises Undeliverable."""
        taken = self._taking.take(letter, found.received_at, found.cut)
        failpoint("mail.filed")
        if taken.repeated and found.answered:
            return None
        if letter.sender is None:
            MAIL_RECEIPTS.labels("unanswerable").inc()
            return None
        if away:
            return away
        try:
            self._post.send(letter.sender, self._receipts.write(letter, taken, self._clock()))
            MAIL_RECEIPTS.labels("sent").inc()
        except Away as error:
            return error
        failpoint("mail.sent")
        box.mark_answered(uid)
        failpoint("mail.answered")
        return None

    def _aside(self, box: Mailbox, uid: int, reason: str, detail: str = "") -> None:
        """The log has no word of the mail: `detail` names a kind of error."""
        _log.warning("mail_aside", reason=reason, detail=detail)
        box.put(uid, f"{ASIDE}/{reason}")
        MAILS.labels(reason).inc()


_FOR: dict[type[Exception], str] = {ScannerFailed: "scanner", Problem: "custodians"}
