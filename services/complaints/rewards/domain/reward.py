"""The life of a reward as one table (row A4): proposed by the machine, granted by two people, paid to a voucher. Pure.

    new ─propose→ proposed ─endorse→ endorsed ─approve→ granted ─claim→ claimed ─redeem→ paid
                     │                   │                 │  ↑           │ ↑ │            │
                     └─decline→ declined ┘                 │  └───────────┼─┼─┼──reverse───┘
                                                           │              │ └─┘ claim (another voucher)
                                                           ├──────────────┤
                                                  withdraw ↓              ↓ lapse (nobody came in time)
                                                       withdrawn        lapsed

The office endorses, another account, a leader's, approves; a leader reverses a payment that was never handed over.
Of vouchers only the newest counts, and each but once.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

from services.complaints.rewards.domain import ledger
from services.complaints.rewards.domain.ledger import Entry
from services.complaints.rewards.domain.policy import RewardPolicy
from services.contracts.complaints import Finding, Offence, Severity
from services.contracts.identifiers import name_of

Status = Literal["proposed", "endorsed", "granted", "claimed", "paid", "declined", "withdrawn", "lapsed"]
Command = Literal["endorse", "approve", "decline", "claim", "redeem", "reverse", "withdraw", "lapse"]
TABLE: Mapping[Status, Mapping[Command, Status]] = {
    "proposed": {"endorse": "endorsed", "decline": "declined"},
    "endorsed": {"approve": "granted", "decline": "declined"},
    "granted": {"claim": "claimed", "withdraw": "withdrawn", "lapse": "lapsed"},
    "claimed": {"claim": "claimed", "redeem": "paid", "withdraw": "withdrawn", "lapse": "lapsed"},
    "paid": {"reverse": "granted"},
    "declined": {}, "withdrawn": {}, "lapsed": {},
}  # fmt: skip


class Refused(Exception):
    """An act that the reward does not allow; nothing has changed. `slug` names the kind, the message says why."""

    def __init__(self, slug: str, detail: str) -> None:
        super().__init__(detail)
        self.slug, self.detail = slug, detail


class Reward(msgspec.Struct, frozen=True, kw_only=True):
    """`voucher` is the slow keyed hash of the voucher that counts, or that was paid. Accounts (`…_by`) are opaque.
    `entries` only ever grow."""

    reward_id: str
    case_id: str
    amount_fen: int
    severity: Severity
    offence: Offence
    finding: Finding
    policy_version: str
    proposed_at: datetime
    status: Status = "proposed"
    version: int = 1
    endorsed_by: str | None = None
    approved_by: str | None = None
    reason: str | None = None
    claim_until: datetime | None = None
    voucher: str | None = None
    voucher_until: datetime | None = None
    paid_by: str | None = None
    entries: tuple[Entry, ...] = ()


def reward_id(case_id: str) -> str:
    """The one reward that a complaint can have."""
    return f"reward-{name_of('reward', case_id)}"


def endorse(reward: Reward, by: str) -> Reward:
    """The first of two approvals. Raises Refused."""
    return _moved(reward, "endorse", endorsed_by=by)


def approve(reward: Reward, by: str, now: datetime, entry_id: str, granted_fen: int, policy: RewardPolicy) -> Reward:
    """The second approval, by another account: from now on the amount is owed. `granted_fen` is what the year has
    granted already. Raises Refused."""
    after = _moved(reward, "approve", approved_by=by, claim_until=now + policy.claim_within)
    if by == reward.endorsed_by:
        raise Refused("second-person", "a second person approves: not the one who endorsed it")
    if granted_fen + reward.amount_fen > policy.year_cap_fen:
        left = max(0, policy.year_cap_fen - granted_fen)
        raise Refused("year-cap", f"{left} fen are left of this year's rewards, {reward.amount_fen} would be needed")
    return _with(after, ledger.booked(entry_id, "granted", reward.amount_fen, by, now))


def decline(reward: Reward, reason: str, policy: RewardPolicy) -> Reward:
    """No reward, with a listed reason. Raises Refused."""
    return _moved(reward, "decline", reason=_listed(reason, policy))


def claim(reward: Reward, voucher: str, now: datetime, policy: RewardPolicy) -> Reward:
    """The person claims: `voucher` is the hash of the one that counts from now on. The same again changes nothing.
    Raises Refused."""
    after = _moved(reward, "claim", voucher=voucher, voucher_until=now + policy.voucher_holds)
    if reward.voucher == voucher:
        return reward
    if reward.claim_until is None or now >= reward.claim_until:
        raise Refused("too-late", "the time to claim this reward has passed")
    return after


def redeem(reward: Reward, voucher: str, by: str, now: datetime, entry_id: str) -> Reward:
    """Paid out against the voucher. Raises Refused: a second time, too late, or for a voucher that no longer counts."""
    if reward.status == "paid" and reward.voucher == voucher:
        raise Refused("already-redeemed", "this voucher has been paid out before")
    after = _moved(reward, "redeem", paid_by=by)
    if reward.voucher != voucher or reward.voucher_until is None or now >= reward.voucher_until:
        raise Refused("voucher-expired", "this voucher no longer counts: the person can get another one in the inbox")
    return _with(after, ledger.booked(entry_id, "paid", reward.amount_fen, by, now))


def reverse(reward: Reward, by: str, now: datetime, entry_id: str, policy: RewardPolicy) -> Reward:
    """A payment that was booked but not handed over is taken back, by somebody else than who booked it: the person can
    claim again. Raises Refused."""
    after = _moved(
        reward, "reverse", voucher=None, voucher_until=None, paid_by=None, claim_until=now + policy.claim_within
    )
    if by == reward.paid_by:
        raise Refused("second-person", "somebody else reverses a payment: not the one who booked it")
    return _with(after, _reversal(reward, "paid", entry_id, by, now))


def withdraw(reward: Reward, reason: str, by: str, now: datetime, entry_id: str, policy: RewardPolicy) -> Reward:
    """Granted, but not to be paid after all, with a listed reason. Raises Refused."""
    after = _moved(reward, "withdraw", reason=_listed(reason, policy), voucher=None)
    return _with(after, _reversal(reward, "granted", entry_id, by, now))


def lapse(reward: Reward, by: str, now: datetime, entry_id: str) -> Reward:
    """Nobody claimed in time, or nobody came with the last voucher: it is no longer owed. Raises Refused."""
    after = _moved(reward, "lapse", voucher=None)
    if any(until is not None and now < until for until in (reward.claim_until, reward.voucher_until)):
        raise Refused("too-early", "the person can still claim this reward, or come with the voucher")
    return _with(after, _reversal(reward, "granted", entry_id, by, now))


def _moved(reward: Reward, command: Command, **changes: object) -> Reward:
    following = TABLE[reward.status].get(command)
    if following is None:
        allowed = ", ".join(TABLE[reward.status]) or "nothing more"
        detail = f"{command} does not fit a reward that is {reward.status}: it accepts {allowed}"
        raise Refused("illegal-transition", detail)
    return msgspec.structs.replace(reward, status=following, version=reward.version + 1, **changes)


def _with(reward: Reward, entry: Entry) -> Reward:
    return msgspec.structs.replace(reward, entries=(*reward.entries, entry))


def _reversal(reward: Reward, kind: ledger.Kind, entry_id: str, by: str, now: datetime) -> Entry:
    entry = ledger.standing(reward.entries, kind)
    assert entry is not None, f"{reward.reward_id} is {reward.status} without an entry {kind}"
    return ledger.reversal(entry_id, entry, by, now)


def _listed(reason: str, policy: RewardPolicy) -> str:
    if reason not in policy.reasons:
        raise Refused("unlisted-reason", f"reason: one of {', '.join(policy.reasons)} was expected")
    return reason
