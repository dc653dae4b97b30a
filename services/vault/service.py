"""What the vault does: keep, open by two custodians, forget. Whatever it does is on the audit trail first.

Audit first, then the effect: a kill or a lost race between the two leaves an entry about something that did not come
about, never an act without its entry. Plaintext exists in `open` alone, after that entry.
"""

import hmac
from collections.abc import Callable
from datetime import datetime

import msgspec
import structlog

from services.contracts.identifiers import new_id
from services.contracts.identity import Identity, KeptIdentity, SealedIdentity
from services.shared.audit.trail import Trail
from services.vault.domain import opening as rules
from services.vault.domain.opening import Opening
from services.vault.domain.policy import VaultPolicy
from services.vault.keyring import Keyring, UnknownKey, Unreadable
from services.vault.repository import Record, VaultRepository
from services.vault.telemetry import OVERDUE, REWRAPPED, SHREDDED

VAULT = "vault"
LISTED = 500
_log = structlog.get_logger()


class NotFound(Exception):
    """No such opening, or no identity came with that case."""


class Shredded(Exception):
    """The data key was destroyed: nobody can read this identity any more."""


class Conflict(Exception):
    """Another custodian acted on this opening at the same time."""


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """How many identities are past their retention; `before`: those kept before it are."""

    due: int
    before: datetime


class KeyState(msgspec.Struct, frozen=True, kw_only=True):
    """One custodians' key. A replaced one is destroyed after `kept_until`, once nothing is sealed to it (`used`)."""

    key_id: str
    made_at: datetime
    replaced_at: datetime | None
    kept_until: datetime | None
    used: bool


class VaultService:
    """The vault on a repository, a ring of private keys, the audit trail and a policy."""

    def __init__(
        self, vault: VaultRepository, keyring: Keyring, trail: Trail, policy: VaultPolicy,
        clock: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self.vault, self.keyring, self.trail, self.policy, self._clock = vault, keyring, trail, policy, clock

    def keep(self, kept: KeptIdentity) -> bool:
        """Keep what an intake sealed; False when it was there. Raises UnknownKey or Unreadable for what could never be
        opened."""
        self.keyring.check(kept.sealed)
        return self.vault.keep(kept, self._now(), self._filed_under(kept.sealed.identity_ref, kept.case_id))

    def request(self, case_id: str, reason: str, text: str, by: str) -> Opening:
        """Ask for an opening. Raises Refused, NotFound, Shredded or Unreadable."""
        record = self.vault.of_case(case_id)
        if record is None:
            raise NotFound
        self._sealed(record, case_id)
        asked = rules.request(new_id(), case_id, record.identity_ref, reason, text, by, self._now(), self.policy)
        self.trail.append(by, "identity.opening-requested", _subject(asked), reason)
        self.vault.add_opening(self._signed(asked))
        return asked

    def approve(self, opening_id: str, by: str) -> Opening:
        """Approve as a second person. Raises Refused, NotFound or Conflict."""
        before = self._opening(opening_id)
        after = rules.approve(before, by, self._now(), self.policy)
        return self._save(before, after, by, "identity.opening-approved", before.reason)

    def deny(self, opening_id: str, by: str, denial: str) -> Opening:
        """Deny as a second person. Raises Refused, NotFound or Conflict."""
        before = self._opening(opening_id)
        after = rules.deny(before, by, self._now(), denial, self.policy)
        return self._save(before, after, by, "identity.opening-denied", denial)

    def open(self, opening_id: str, by: str) -> tuple[Opening, Identity]:
        """The opening made and the identity, once.

        Raises Refused, NotFound, Conflict, Shredded, or Unreadable and UnknownKey for what no key of the ring opens.
        """
        before = self._opening(opening_id)
        after = rules.open_once(before, by, self._now())
        record = self.vault.identity(before.identity_ref)
        if record is None:
            raise Shredded
        sealed = self._sealed(record, before.case_id)
        self.keyring.check(sealed)
        opened = self._save(before, after, by, "identity.opened", before.reason)
        return opened, self.keyring.open(sealed)

    def openings(self) -> list[Opening]:
        """The newest openings, each with the status that it has now and without its keyed hash."""
        now = self._now()
        found = self.vault.openings(LISTED)
        return [msgspec.structs.replace(o, status=rules.status_at(o, now), mac="") for o in found]

    def read(self, opening_id: str) -> Opening:
        """One opening as `openings` lists it. Raises NotFound, or Unreadable for one that was tampered with."""
        found = self._opening(opening_id)
        return msgspec.structs.replace(found, status=rules.status_at(found, self._now()), mac="")

    def keys(self) -> list[KeyState]:
        """The ring, the current key first."""
        keys = [self.keyring.current, *reversed(self.keyring.replaced)]
        return [
            KeyState(
                key_id=key.key_id, made_at=key.made_at, replaced_at=key.replaced_at,
                kept_until=key.replaced_at + self.policy.old_keys if key.replaced_at else None,
                used=self.vault.uses(key.key_id),
            )
            for key in keys
        ]  # fmt: skip

    def due(self) -> Due:
        """What policy's retention says is to be shredded now."""
        before = self._kept_before()
        due = self.vault.count_due(before)
        OVERDUE.set(due)
        return Due(due=due, before=before)

    def shred(self, limit: int, by: str) -> int:
        """Destroy the data keys of at most `limit` identities past their retention; how many it were."""
        refs = self.vault.due(self._kept_before(), limit)
        for ref in refs:
            self.trail.append(by, "identity.shredded", ref, "retention")
            self.vault.shred(ref, self._now())
            SHREDDED.labels("vault" if by == VAULT else "command").inc()
        return len(refs)

    def rotate(self, by: str) -> str:
        """A new custodians' key; returns its id. `rewrap` seals the data keys to it by and by."""
        before = self.keyring.current.key_id
        self.trail.append(by, "custodians-key.replaced", before)
        return self.keyring.rotate(self._now()).key_id

    def rewrap(self, limit: int) -> int:
        """Seal at most `limit` data keys of replaced keys to the current one; how many it were."""
        done = 0
        for sealed in self.vault.under_other_keys(self.keyring.current.key_id, limit):
            try:
                self.vault.rewrap(sealed, self.keyring.rewrap(sealed))
            except (UnknownKey, Unreadable) as error:
                _log.error("cannot_rewrap", ref=sealed.identity_ref, error=type(error).__name__)
            else:
                done += 1
        REWRAPPED.inc(done)
        return done

    def destroy_old_keys(self) -> list[str]:
        """Destroy the replaced keys that nothing is sealed to and that are older than policy says; their ids."""
        destroyed = []
        for key in self.keyring.replaced:
            old = key.replaced_at is not None and key.replaced_at + self.policy.old_keys <= self._now()
            if old and not self.vault.uses(key.key_id):
                self.trail.append(VAULT, "custodians-key.destroyed", key.key_id, "policy")
                self.keyring.destroy(key.key_id)
                destroyed.append(key.key_id)
        return destroyed

    def _kept_before(self) -> datetime:
        """What was kept before it is past its retention, by the own clock and by the store's: of two clocks one that
        runs ahead destroys nothing."""
        return min(self._now(), self.vault.now()) - self.policy.retention

    def _opening(self, opening_id: str) -> Opening:
        found = self.vault.opening(opening_id)
        if found is None:
            raise NotFound
        if not hmac.compare_digest(found.mac, self._signed(found).mac):
            _log.error("opening_tampered_with", opening=opening_id)
            raise Unreadable(found.identity_ref)
        return found

    def _sealed(self, record: Record, case_id: str) -> SealedIdentity:
        """What `record` holds, if it is still readable and belongs to this case. Raises Shredded or Unreadable."""
        if record.sealed is None:
            raise Shredded
        if not hmac.compare_digest(record.mac, self._filed_under(record.identity_ref, case_id)):
            _log.error("identity_tampered_with", ref=record.identity_ref)
            raise Unreadable(record.identity_ref)
        return record.sealed

    def _filed_under(self, identity_ref: str, case_id: str) -> str:
        return self.keyring.mac(msgspec.json.encode(["identity", identity_ref, case_id]))

    def _signed(self, opening: Opening) -> Opening:
        content = msgspec.json.encode(msgspec.structs.replace(opening, mac=""))
        return msgspec.structs.replace(opening, mac=self.keyring.mac(content))

    def _now(self) -> datetime:
        """The store keeps milliseconds: what it gives back is what was hashed."""
        now = self._clock()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def _save(self, before: Opening, after: Opening, by: str, action: str, reason: str) -> Opening:
        self.trail.append(by, action, _subject(before), reason)
        if not self.vault.save_opening(before, self._signed(after)):
            raise Conflict
        return after


def _subject(opening: Opening) -> str:
    return f"{opening.case_id}/{opening.opening_id}"
