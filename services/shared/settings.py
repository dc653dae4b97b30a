"""What every process is told from outside: environment variables with the prefix DUBAN_. Free of defaults that bind."""

from pathlib import Path
from typing import Literal

from pydantic_settings import BaseSettings, SettingsConfigDict

MailSecurity = Literal["tls", "starttls", "none"]


class Settings(BaseSettings):
    """`brokers` is a comma-separated list, `mongo` a connection string without a database, times are in seconds."""

    model_config = SettingsConfigDict(env_prefix="DUBAN_", extra="ignore")

    brokers: str = "127.0.0.1:19092"
    mongo: str = "mongodb://127.0.0.1:27217"
    policies: Path = Path("policies")
    data: Path = Path(".duban")
    signing_key_file: Path = Path(".duban/keys/signing.jwk")
    users_file: Path = Path(".duban/keys/users.yaml")
    public_keys: Path = Path(".duban/keys/public")  # of custodians and of the audit trail: to be read by every process
    vault_keys: Path = Path(".duban/keys/vault")  # private ones and custodians' accounts: the vault's alone
    vault_url: str = "http://127.0.0.1:9106"
    vault_mongo: str = ""  # a server of the vault's own; `mongo` when empty
    audit_heads_file: Path = Path(".duban/audit/heads.jsonl")
    audit_head_seconds: float = 3600.0
    attachments: str = ""  # where evidence is kept, as an fsspec address; <data>/attachments when empty
    attachment_scanner: str = ""  # a command or an address that is given every file; none when empty
    state_dir: Path = Path(".duban/state")
    checkpoint_dir: Path = Path(".duban/checkpoints")
    board_url: str = "/"  # where the desk's navigation leads to the board, and the board's to the desk
    desk_url: str = "/complaints/desk"
    partitions: int = 4
    replication: int = 1
    tick_seconds: float = 1.0
    grace_seconds: float = 5.0
    log_level: str = "INFO"
    member: str = ""  # the static name in consumer groups; the host's name when empty
    batch: int = 2000  # most records a fetch
    checkpoint_seconds: float = 5.0
    watchdog_seconds: float = 60.0
    dead_letter_limit: int = 1000  # unreadable records in a row after which a partition stops
    public_url: str = ""  # of the public pages, as people outside reach them: for receipts by mail
    mail_imap_host: str = ""  # no mail when empty
    mail_imap_port: int = 993
    mail_imap_security: MailSecurity = "tls"
    mail_imap_user: str = ""
    mail_imap_password_file: Path | None = None
    mail_smtp_host: str = ""
    mail_smtp_port: int = 465
    mail_smtp_security: MailSecurity = "tls"
    mail_smtp_user: str = ""  # no signing in when empty
    mail_smtp_password_file: Path | None = None
    mail_sender: str = ""  # the address that people write to and that receipts come from
    mail_envelope_sender: str = ""  # where bounces of receipts go; empty as RFC 3834 wants it
    mail_filed: str = "Filed"  # the folder of mails that are done; empty deletes them
    mail_poll_seconds: float = 15.0
