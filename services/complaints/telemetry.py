"""Metrics of complaints alone; those of every source are in services.shared.source_telemetry."""

from prometheus_client import Counter, Gauge

RECEIPTS = Counter(
    "duban_receipt_lookups", "Receipt codes asked for, by outcome (found, unknown, limited)", ["outcome"]
)
EVIDENCE = Counter(
    "duban_evidence",
    "Files sent, by what became of them (clean, unscanned: kept; infected, nottaken, full: refused)",
    ["outcome"],
)
IDENTITIES_WAITING = Gauge("duban_identities_waiting", "Sealed identities that the vault has not taken yet")
IDENTITIES_HANDED_ON = Counter(
    "duban_identities_handed_on", "Sealed identities offered to the vault, by outcome (kept, refused)", ["outcome"]
)
MAILS = Counter(
    "duban_mails",
    "Mails dealt with (filed; filed and kept aside: too-large, undeliverable; aside unfiled: loop, bounce, automatic,"
    " list, malformed, failed)",
    ["outcome"],
)
MAIL_RECEIPTS = Counter(
    "duban_mail_receipts", "Receipts by mail, by outcome (sent, undeliverable, unanswerable: no address)", ["outcome"]
)
MAIL_WAITING = Gauge("duban_mail_waiting", "Mails that lie in the INBOX")
MAIL_RETRIES = Counter(
    "duban_mail_retries",
    "Times that mail had to wait, by what for (imap, smtp, store, scanner, custodians)",
    ["reason"],
)
