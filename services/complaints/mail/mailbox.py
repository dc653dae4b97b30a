"""The mailbox by IMAP: what waits in it, and where it goes once it is dealt with. Free of what mails say.

Whatever lies in the INBOX is still to be done, read or not: a mail that somebody opened by hand is not forgotten.
"""

import imaplib
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple, Self

from services.complaints.mail.servers import SECONDS, Away, Server, tls

_DELIMITER = re.compile(rb'\) "(.)" ')


class Delivered(NamedTuple):
    """`raw` is the mail, or its beginning when it is `cut`. `answered` says that its flag is set."""

    raw: bytes
    cut: bool
    answered: bool
    received_at: datetime


class Mailbox:
    """The INBOX of one account and the folders beside it, while the connection lasts. Raises Away, and only that."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._made: set[str] = set()
        self._delimiter = "/"
        self._imap: Any = None

    def __enter__(self) -> Self:
        self._imap = _told(self._connect)
        try:
            _told(self._log_in)
        except Away:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        imap, self._imap = self._imap, None
        try:
            imap.logout()
        except (imaplib.IMAP4.error, OSError):
            imap.shutdown()

    def waiting(self) -> list[int]:
        """The numbers of the mails in the INBOX, the oldest first."""
        found = self._uid("SEARCH", "UNDELETED")
        return [int(number) for line in found if line for number in line.split()]

    def fetch(self, uid: int, most: int) -> Delivered | None:
        """The first `most` bytes of a mail; None when it is not here any more."""
        about = self._uid("FETCH", str(uid), "(INTERNALDATE FLAGS)")
        told = b" ".join(line for line in about if isinstance(line, bytes))
        pieces = self._uid("FETCH", str(uid), f"(BODY.PEEK[]<0.{most}>)")
        raw = next((piece[1] for piece in pieces if isinstance(piece, tuple)), None)
        at = imaplib.Internaldate2tuple(told)
        if raw is None or at is None:
            return None
        received_at = datetime.fromtimestamp(time.mktime(at), UTC)
        return Delivered(raw, len(raw) >= most, b"\\Answered" in told, received_at)

    def mark_answered(self, uid: int) -> None:
        self._uid("STORE", str(uid), "+FLAGS.SILENT", r"(\Seen \Answered)")

    def put(self, uid: int, folder: str) -> None:
        """Move a mail out of the INBOX into `folder` ("Aside/loop"), which is made when there is none; "" deletes it.

        A kill between copying and deleting, on a server that cannot move, leaves it in both.
        """
        moves = "MOVE" in self._imap.capabilities
        if folder:
            self._uid("MOVE" if moves else "COPY", str(uid), self._made_sure_of(folder))
        if not folder or not moves:
            self._uid("STORE", str(uid), "+FLAGS.SILENT", r"(\Deleted)")
            if "UIDPLUS" in self._imap.capabilities:
                self._uid("EXPUNGE", str(uid))
            else:
                _told(self._imap.expunge)

    def _connect(self) -> Any:
        host, port, security = self._server.host, self._server.port, self._server.security
        if security == "tls":
            return imaplib.IMAP4_SSL(host, port, ssl_context=tls(), timeout=SECONDS)
        imap = imaplib.IMAP4(host, port, timeout=SECONDS)
        if security == "starttls":
            imap.starttls(tls())
        return imap

    def _log_in(self) -> None:
        self._imap.login(self._server.user, self._server.password())
        self._imap.capabilities = tuple(self._imap.capability()[1][0].decode().upper().split())
        _, found = self._imap.list('""', '""')
        if delimiter := _DELIMITER.search(found[0] or b""):
            self._delimiter = delimiter[1].decode()
        answer, said = self._imap.select("INBOX")
        if answer != "OK":
            raise Away("imap", f"no INBOX: {_words(said)}")

    def _made_sure_of(self, folder: str) -> str:
        name = '"' + folder.replace("/", self._delimiter) + '"'
        if name not in self._made:
            _told(lambda: self._imap.create(name))  # "NO" when it is there; whether it is, the move finds out
            self._made.add(name)
        return name

    def _uid(self, command: str, *arguments: str) -> list[Any]:
        answer, said = _told(lambda: self._imap.uid(command, *arguments))
        if answer != "OK":
            raise Away("imap", f"{command} was answered {answer}: {_words(said)}")
        return [line for line in said if line is not None]


def _told(ask: Callable[[], Any]) -> Any:
    """What the server answers. Raises Away. A broken dialogue is named only: its error may quote what was read."""
    try:
        return ask()
    except imaplib.IMAP4.abort as error:
        raise Away("imap", type(error).__name__) from None
    except imaplib.IMAP4.error as error:
        raise Away("imap", f"{type(error).__name__}: {str(error)[:100]}") from None
    except OSError as error:
        raise Away("imap", f"{type(error).__name__}: {error.strerror or 'no answer'}") from None


def _words(said: list[Any]) -> str:
    return b" ".join(line for line in said if isinstance(line, bytes))[:100].decode("ascii", "replace")
