"""Heads of the audit trail on audit-heads.v1 (architecture rule 11): what cannot be taken back once it is published."""

from datetime import date

from services.contracts.envelope import EventModel
from services.contracts.instants import Instant


class AuditSealedV1(EventModel):
    """The audit trail up to and including entry `trail_sequence` has the hash `trail_hash`.

    `day` is the city's day of that entry; the last head of a day is the day's. `signature` is Ed25519, in base64, over
    the other fields, by the key that `key_id` names. It tells nothing of what the entries say.
    """

    trail_sequence: int
    trail_hash: str
    day: date
    sealed_at: Instant
    key_id: str
    signature: str
