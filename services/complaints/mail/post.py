"""Receipts on their way by SMTP, one at a time. Free of what they say."""

import smtplib

from services.complaints.mail.servers import SECONDS, Away, Server, tls

# What a server says of an address or a mail (RFC 5321, RFC 7504). Other codes from 500 on come from our settings.
_FOR_GOOD = frozenset({521, 550, 551, 552, 553, 554, 556})


class Undeliverable(Exception):
    """The server does not take this mail, now or later."""


class Post:
    """Hands mails to one server. `envelope_sender` is where bounces go; empty, there are none (RFC 3834)."""

    def __init__(self, server: Server, envelope_sender: str) -> None:
        self._server, self._envelope_sender = server, envelope_sender

    def send(self, to: str, mail: bytes) -> None:
        """Hand `mail` over for `to`. Raises Away, or Undeliverable."""
        try:
            with self._connected() as smtp:
                smtp.sendmail(self._envelope_sender, [to], mail)
        except smtplib.SMTPRecipientsRefused as refused:
            raise _refusal(*(code for code, _ in refused.recipients.values())) from None
        except smtplib.SMTPDataError as refused:
            raise _refusal(refused.smtp_code) from None
        except smtplib.SMTPException as error:
            raise Away("smtp", type(error).__name__) from None
        except OSError as error:
            raise Away("smtp", f"{type(error).__name__}: {error.strerror or 'no answer'}") from None

    def _connected(self) -> smtplib.SMTP:
        host, port, security = self._server.host, self._server.port, self._server.security
        if security == "tls":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=SECONDS, context=tls())
        else:
            smtp = smtplib.SMTP(host, port, timeout=SECONDS)
        try:
            if security == "starttls":
                smtp.starttls(context=tls())
            if self._server.user:
                smtp.login(self._server.user, self._server.password())
        except BaseException:
            smtp.close()
            raise
        return smtp


def _refusal(code: int) -> Exception:
    return Undeliverable(f"refused with {code}") if code in _FOR_GOOD else Away("smtp", f"answered {code}")
