"""Where the mail servers are and how they are spoken to, from the settings. Free of any connection."""

import ssl
from pathlib import Path
from typing import NamedTuple

from services.shared.settings import MailSecurity, Settings

SECONDS = 30.0  # that a server may take for any one answer


class Away(Exception):
    """A mail server does not do what it is asked now. Nothing is lost: it is asked again. `server` is imap or smtp."""

    def __init__(self, server: str, reason: str) -> None:
        super().__init__(f"the {server.upper()} server: {reason}")
        self.server = server


class Server(NamedTuple):
    """One account on one server. The password is read when it is needed: it may be changed while the process runs."""

    host: str
    port: int
    security: MailSecurity
    user: str
    password_file: Path | None

    def password(self) -> str:
        """Raises OSError."""
        return self.password_file.read_text("utf-8").strip() if self.password_file else ""


def tls() -> ssl.SSLContext:
    """Certificates are checked against the system's authorities, or those of SSL_CERT_FILE."""
    return ssl.create_default_context()


def imap_of(settings: Settings) -> Server:
    """The server that mails are read from. Raises ValueError that names the setting which is missing."""
    if not settings.mail_imap_host or not settings.mail_sender:
        raise ValueError("no mail: set DUBAN_MAIL_IMAP_HOST, DUBAN_MAIL_SMTP_HOST and DUBAN_MAIL_SENDER")
    return Server(
        settings.mail_imap_host, settings.mail_imap_port, settings.mail_imap_security, settings.mail_imap_user,
        settings.mail_imap_password_file,
    )  # fmt: skip


def smtp_of(settings: Settings) -> Server:
    """The server that receipts go to. Raises ValueError that names the setting which is missing."""
    if not settings.mail_smtp_host:
        raise ValueError("no receipts: set DUBAN_MAIL_SMTP_HOST")
    return Server(
        settings.mail_smtp_host, settings.mail_smtp_port, settings.mail_smtp_security, settings.mail_smtp_user,
        settings.mail_smtp_password_file,
    )  # fmt: skip
