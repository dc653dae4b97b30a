"""Signs heads of the audit trail and publishes them to a file and to audit-heads.v1; reads both again.

1. When the last head is old enough and there are entries behind it, sign a head and keep it in the database.
2. Append every head that is not marked published to the file and to the topic, then mark it.
A kill between any two of these repeats a head, with the same event id: harmless. A broker that is away delays 2 only.
"""

import os
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import structlog
from nacl.encoding import HexEncoder
from nacl.signing import SigningKey, VerifyKey
from prometheus_client import Counter, Gauge

from services.contracts.audit import AuditSealedV1
from services.contracts.codec import encode
from services.contracts.identifiers import name_of
from services.shared.audit.chain import CITY_TIME, key_id, sign_head
from services.shared.audit.trail import MongoTrail

HEADS = Counter("duban_audit_heads", "Heads of the audit trail that file and topic have")
RETRIES = Counter("duban_audit_head_retries", "Times that signing or publishing a head had to wait")
UNSEALED = Gauge("duban_audit_unsealed_entries", "Entries of the audit trail that no signed head vouches for yet")
_IDLE_SECONDS = 1.0
_log = structlog.get_logger()


def create_signing_key(private: Path, public: Path) -> None:
    """A new Ed25519 key in `private` (0600), its public half as a line of `public`, unless there is a private one."""
    private.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    public.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(private, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    key = SigningKey.generate()
    with os.fdopen(handle, "wb") as file:
        file.write(key.encode(HexEncoder) + b"\n")
    with public.open("ab") as file:  # keys of before stay: heads that they signed are still to be checked
        file.write(key.verify_key.encode(HexEncoder) + b"\n")


def load_signing_key(path: Path) -> SigningKey:
    """The key in `path`. Raises OSError or ValueError."""
    return SigningKey(path.read_bytes().strip(), HexEncoder)


def load_verify_keys(path: Path) -> dict[str, VerifyKey]:
    """Key id -> key, of every line of `path`. Raises OSError or ValueError."""
    keys = [VerifyKey(line.strip(), HexEncoder) for line in path.read_bytes().splitlines() if line.strip()]
    return {key_id(key): key for key in keys}


def read_file(path: Path) -> Iterator[AuditSealedV1]:
    """The heads in a file, one JSON object a line; none when there is no file. Raises ValueError for another line."""
    if not path.exists():
        return
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            yield msgspec.json.decode(line, type=AuditSealedV1)
        except msgspec.DecodeError as error:
            raise ValueError(f"{path}, line {number}: not a head: {error}") from None


def record_of(head: AuditSealedV1) -> bytes:
    """The record of `head` on audit-heads.v1, the same whenever it is published again."""
    return encode(
        head, id=name_of("audit-head", head.trail_sequence, head.trail_hash), source="/audit", subject="audit",
        time=head.sealed_at, sequence=head.trail_sequence,
    )  # fmt: skip


class Sealer:
    """Seals one trail. `publish` appends a record to the topic and returns when all replicas have it."""

    def __init__(
        self, trail: MongoTrail, key: SigningKey, file: Path, publish: Callable[[bytes], None],
        clock: Callable[[], datetime], every: timedelta,
    ) -> None:  # fmt: skip
        self._trail, self._key, self._file = trail, key, file
        self._publish, self._clock, self._every = publish, clock, every

    def run(self, stop: threading.Event) -> None:
        """Seal until `stop` is set. What cannot be done now is repeated until it can."""
        while not stop.wait(_IDLE_SECONDS):
            try:
                self.turn()
            except Exception as error:
                RETRIES.inc()
                _log.warning("audit_sealer_waits", error=str(error)[:300])

    def turn(self) -> None:
        """Steps 1 and 2 once."""
        last, head, now = self._trail.last(), self._trail.newest_head(), self._clock()
        behind = (last.sequence if last else 0) - (head.trail_sequence if head else 0)
        UNSEALED.set(behind)
        if last and behind > 0 and (head is None or self._is_old(head, now)):
            self._trail.keep_head(sign_head(last, now, self._key))
        for waiting in self._trail.unpublished():
            self._append(waiting)
            self._publish(record_of(waiting))
            self._trail.mark_published(waiting)
            HEADS.inc()

    def _is_old(self, head: AuditSealedV1, now: datetime) -> bool:
        """Also on the first occasion of a new day: a day's last head is then its newest."""
        another_day = now.astimezone(CITY_TIME).date() != head.sealed_at.astimezone(CITY_TIME).date()
        return another_day or now - head.sealed_at >= self._every

    def _append(self, head: AuditSealedV1) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a+b") as file:
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)  # a kill left half a line: that head comes again, whole
            file.write(msgspec.json.encode(head) + b"\n")
            file.flush()
            os.fsync(file.fileno())
