"""Takes evidence in and gives it out: limits, kind, malware, cleaning, sealing. Free of HTTP.

What is sent is at no time in a file that has a name: until it is sealed it waits in memory or in an unlinked one.
"""

import hashlib
import hmac
import secrets
import tempfile
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import BinaryIO, cast

from services.complaints.attachments.cleaning import cleaned
from services.complaints.attachments.kinds import NotTaken, kind_of
from services.complaints.attachments.repository import Evidence, EvidenceRepository
from services.complaints.attachments.scanning import Scan
from services.complaints.attachments.sealing import opened, sealed
from services.complaints.attachments.store import Store
from services.complaints.telemetry import EVIDENCE

MAX_FILE = 20 * 1024 * 1024
MAX_FILES = 20
MAX_CASE = 100 * 1024 * 1024
_IN_MEMORY = 1024 * 1024


class Infected(Exception):
    """The malware hook found something. Nothing was kept."""


class Full(Exception):
    """The case holds as much evidence as it may. The message says how much that is."""


class Missing(Exception):
    """There is no such evidence in this case."""


def waiting_file() -> BinaryIO:
    """A place for what is being sent: memory, and an unlinked temporary file when it grows."""
    return cast(BinaryIO, tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY))


class Attachments:
    """The evidence of all cases."""

    def __init__(
        self, register: EvidenceRepository, store: Store, key: bytes, scan: Scan, clock: Callable[[], datetime]
    ) -> None:  # fmt: skip
        self._register, self._store, self._key, self._scan, self._clock = register, store, key, scan, clock

    def take(self, case_id: str, by: str, sent: BinaryIO, key: str | None = None) -> Evidence:
        """Keep the file `sent` as evidence of a case. `by` is an opaque account, or "person". With an Idempotency-Key
        the same file is kept once however often the request comes; another file under that key is another one.

        Raises NotTaken, Infected, Full, or ScannerFailed; then nothing was kept.
        """
        ref = f"evidence-{self._name(case_id, by, key, sent) if key else secrets.token_hex(16)}"
        if key and (known := self._register.get(ref)):
            return known
        try:
            evidence = self._take(ref, case_id, by, sent)
        except (NotTaken, Infected, Full) as refused:
            EVIDENCE.labels(type(refused).__name__.lower()).inc()
            raise
        EVIDENCE.labels(evidence.verdict).inc()
        return evidence

    def _name(self, case_id: str, by: str, key: str, sent: BinaryIO) -> str:
        """A name that a repeated request finds again, and that tells nothing about the file."""
        sent.seek(0)
        content = hashlib.file_digest(sent, "sha256").hexdigest()  # type: ignore[arg-type]
        return hmac.digest(self._key, "\x1f".join(["name", case_id, by, key, content]).encode(), "sha256").hex()[:32]

    def _take(self, ref: str, case_id: str, by: str, sent: BinaryIO) -> Evidence:
        kind = kind_of(sent)
        verdict = self._scan(sent)
        if verdict == "infected":
            raise Infected
        with waiting_file() as plain:
            is_clean = cleaned(kind, sent, plain)
            size = plain.seek(0, 2)
            plain.seek(0)
            if size > MAX_FILE:
                raise NotTaken(f"this file is larger than {MAX_FILE >> 20} MB once it is opened")
            if not self._register.reserve(case_id, size, MAX_FILES, MAX_CASE):
                raise Full(f"a complaint holds {MAX_FILES} files and {MAX_CASE >> 20} MB at most")
            evidence = Evidence(
                ref=ref, case_id=case_id, at=self._clock(), by=by,
                media_type=kind.media_type, suffix=kind.suffix, size=size, verdict=verdict, cleaned=is_clean,
            )  # fmt: skip
            try:
                self._store.write(evidence.ref, sealed(self._key, evidence.ref, plain))
                if not self._register.add(evidence):  # the same request came twice at once: the other one was first
                    self._register.release(case_id, size)
            except BaseException:
                self._register.release(case_id, size)
                raise
        return evidence

    def drop(self, case_id: str, refs: Iterable[str]) -> None:
        """Delete evidence that nothing refers to yet."""
        for ref in refs:
            evidence = self.find(case_id, ref)
            self._register.remove(ref)
            self._register.release(case_id, evidence.size)
            self._store.delete(ref)

    def of_case(self, case_id: str) -> list[Evidence]:
        """The evidence of a case, the first sent first."""
        return self._register.of_case(case_id)

    def find(self, case_id: str, ref: str) -> Evidence:
        """One piece of evidence of a case. Raises Missing."""
        found = self._register.get(ref)
        if found is None or found.case_id != case_id:
            raise Missing(ref)
        return found

    def content(self, evidence: Evidence) -> Iterator[bytes]:
        """The file in pieces. Raises FileNotFoundError or, at the piece that is not what was kept, Broken."""
        with self._store.read(evidence.ref) as file:
            yield from opened(self._key, evidence.ref, file)
