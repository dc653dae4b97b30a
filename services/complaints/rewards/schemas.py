"""The bodies of requests about rewards, and what is answered. No answer to a cashier names a case."""

from datetime import datetime
from typing import Annotated

import msgspec

from services.complaints.rewards.domain.ledger import Entry
from services.complaints.rewards.domain.reward import Reward, Status


class Reason(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A reason that policies/rewards.yaml lists."""

    reason: str


class Redemption(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the person shows, and what it is for."""

    voucher: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    amount_fen: Annotated[int, msgspec.Meta(ge=1)]


class Paid(msgspec.Struct, frozen=True):
    """The booking of a payment: all that a cashier is told."""

    entry_id: str
    amount_fen: int
    paid_at: datetime


class Shown(msgspec.Struct, frozen=True, omit_defaults=True):
    """A reward as the office and leaders see it: everything but the voucher's hash."""

    reward_id: str
    case_id: str
    status: Status
    amount_fen: int
    severity: str
    offence: str
    finding: str
    policy_version: str
    proposed_at: datetime
    version: int
    entries: tuple[Entry, ...]
    endorsed_by: str | None = None
    approved_by: str | None = None
    reason: str | None = None
    claim_until: datetime | None = None
    voucher_until: datetime | None = None
    paid_by: str | None = None


class Offered(msgspec.Struct, frozen=True, omit_defaults=True):
    """A reward as the person sees it; `voucher` only in the answer to their claim."""

    status: Status
    amount_fen: int
    claim_until: datetime | None = None
    voucher_until: datetime | None = None
    voucher: str | None = None


def shown(reward: Reward) -> Shown:
    return Shown(**{name: getattr(reward, name) for name in Shown.__struct_fields__})


def offered(reward: Reward, voucher: str | None = None) -> Offered:
    return Offered(reward.status, reward.amount_fen, reward.claim_until, reward.voucher_until, voucher)


def paid(entry: Entry) -> Paid:
    return Paid(entry.entry_id, entry.postings[0].fen, entry.at)
