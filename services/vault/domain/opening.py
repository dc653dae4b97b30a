"""The life of one opening of an identity (row A3): asked for, approved by somebody else, made once. Pure.

    new ─request→ requested ─approve→ approved ─open→ opened
                      │                  │
                      ├─deny→ denied     └─(open_within has passed)→ expired
                      └─(approve_within has passed)→ expired

Who asked opens; another custodian approves or denies. Nothing here leads back: each opening needs a new request.
"""

from datetime import datetime
from typing import Literal

import msgspec

from services.vault.domain.policy import VaultPolicy

Status = Literal["requested", "approved", "denied", "opened", "expired"]
MIN_TEXT, MAX_TEXT = 10, 1000


class Refused(Exception):
    """An act that the opening does not allow; nothing has changed. `slug` names the kind, the message says why."""

    def __init__(self, slug: str, detail: str) -> None:
        super().__init__(detail)
        self.slug, self.detail = slug, detail


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """`reason` and `denial` are codes of the policy, `text` why this case needs it. `expires_at` ends the status it
    has now. `status` never reads "expired": that is `status_at`. `mac` is the vault's keyed hash over the rest: who
    can write the database alone cannot approve."""

    opening_id: str
    case_id: str
    identity_ref: str
    reason: str
    text: str
    requested_by: str
    requested_at: datetime
    expires_at: datetime
    status: Status = "requested"
    decided_by: str | None = None
    decided_at: datetime | None = None
    denial: str | None = None
    opened_at: datetime | None = None
    mac: str = ""


def status_at(opening: Opening, now: datetime) -> Status:
    """The status of `opening` at `now`: an act that nobody did in time is not there to be done any more."""
    if opening.status in ("requested", "approved") and now >= opening.expires_at:
        return "expired"
    return opening.status


def request(
    opening_id: str, case_id: str, identity_ref: str, reason: str, text: str, by: str, now: datetime,
    policy: VaultPolicy,
) -> Opening:  # fmt: skip
    """A new request. Raises Refused for a reason that policy does not list and for a text that says too little."""
    if reason not in policy.reasons:
        raise Refused("unlisted-reason", f"reason: one of {', '.join(policy.reasons)} was expected")
    if not MIN_TEXT <= len(text.strip()) <= MAX_TEXT:
        raise Refused("no-text", f"text: why this case needs it, in {MIN_TEXT} to {MAX_TEXT} characters")
    return Opening(
        opening_id=opening_id, case_id=case_id, identity_ref=identity_ref, reason=reason, text=text.strip(),
        requested_by=by, requested_at=now, expires_at=now + policy.approve_within,
    )  # fmt: skip


def approve(opening: Opening, by: str, now: datetime, policy: VaultPolicy) -> Opening:
    """The opening approved by a second person. Raises Refused."""
    _by_another(opening, by, now)
    return msgspec.structs.replace(
        opening, status="approved", decided_by=by, decided_at=now, expires_at=now + policy.open_within
    )


def deny(opening: Opening, by: str, now: datetime, denial: str, policy: VaultPolicy) -> Opening:
    """The opening denied by a second person. Raises Refused."""
    if denial not in policy.denials:
        raise Refused("unlisted-reason", f"reason: one of {', '.join(policy.denials)} was expected")
    _by_another(opening, by, now)
    return msgspec.structs.replace(opening, status="denied", decided_by=by, decided_at=now, denial=denial)


def open_once(opening: Opening, by: str, now: datetime) -> Opening:
    """The opening made. Raises Refused unless it is approved, in time, and `by` asked for it."""
    _in_status(opening, "approved", now)
    if by != opening.requested_by:
        raise Refused("not-yours", "only who asked for this opening may read what it opens")
    return msgspec.structs.replace(opening, status="opened", opened_at=now)


def _by_another(opening: Opening, by: str, now: datetime) -> None:
    _in_status(opening, "requested", now)
    if by == opening.requested_by:
        raise Refused("second-person", "a second custodian decides: not the one who asked")


def _in_status(opening: Opening, wanted: Status, now: datetime) -> None:
    status = status_at(opening, now)
    if status != wanted:
        raise Refused("illegal-transition", f"this opening is {status}: it would have to be {wanted}")
