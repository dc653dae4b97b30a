"""Rewards: load, decide, record on the audit trail, save (row A4). Free of HTTP.

Whoever must not act unrecorded is recorded first: an act that another writer then forestalls leaves an entry on the
trail of an attempt, marked as forestalled, never a booking without its entry.
"""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Literal, get_args
from zoneinfo import ZoneInfo

import msgspec

from services.complaints.rewards.domain import ledger, reward
from services.complaints.rewards.domain.checking import FORESTALLED, PREFIX
from services.complaints.rewards.domain.ledger import Account, Entry
from services.complaints.rewards.domain.policy import RewardPolicy
from services.complaints.rewards.domain.reward import Reward, Status, reward_id
from services.complaints.rewards.repository import Conflict, RewardRepository, grown
from services.complaints.rewards.vouchers import Vouchers
from services.contracts.identifiers import new_id
from services.shared.audit.trail import Trail
from services.shared.commands import NotFound

PERSON = "person"
Decision = Literal["endorse", "approve", "decline", "withdraw", "lapse", "reverse"]
DECISIONS: tuple[Decision, ...] = get_args(Decision)
REASONED: frozenset[Decision] = frozenset({"decline", "withdraw"})
CITY_TIME = ZoneInfo("Asia/Shanghai")


class Booked(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the ledger and the reward that it belongs to."""

    reward_id: str
    entry: Entry


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """Every entry in the order of its instant, and the balance of each account in fen."""

    entries: list[Booked]
    balances: dict[Account, int]


class RewardService:
    """The acts of the office, a leader, the person and the cashier."""

    def __init__(
        self, rewards: RewardRepository, vouchers: Vouchers, trail: Trail, policy: RewardPolicy,
        clock: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self._rewards, self._vouchers = rewards, vouchers
        self._trail, self.policy, self._clock = trail, policy, clock

    # People decide

    def endorse(self, reward_id: str, by: str) -> Reward:
        """The office's approval. This and the following raise NotFound, Refused and Conflict."""
        before = self.read(reward_id)
        return self._saved(before, reward.endorse(before, by), "reward.endorsed", by)

    def approve(self, reward_id: str, by: str) -> Reward:
        """A leader's approval. Two approvals at the same moment may each see the year without the other."""
        before, now = self.read(reward_id), self._clock()
        after = reward.approve(before, by, now, new_id(), self._granted_in_year_of(now), self.policy)
        return self._saved(before, after, "reward.granted", by)

    def decline(self, reward_id: str, reason: str, by: str) -> Reward:
        before = self.read(reward_id)
        return self._saved(before, reward.decline(before, reason, self.policy), "reward.declined", by, reason)

    def withdraw(self, reward_id: str, reason: str, by: str) -> Reward:
        before = self.read(reward_id)
        after = reward.withdraw(before, reason, by, self._clock(), new_id(), self.policy)
        return self._saved(before, after, "reward.withdrawn", by, reason)

    def lapse(self, reward_id: str, by: str) -> Reward:
        before = self.read(reward_id)
        return self._saved(before, reward.lapse(before, by, self._clock(), new_id()), "reward.lapsed", by)

    def reverse(self, reward_id: str, by: str) -> Reward:
        before = self.read(reward_id)
        after = reward.reverse(before, by, self._clock(), new_id(), self.policy)
        return self._saved(before, after, "reward.reversed", by)

    def decide(self, command: Decision, reward_id: str, by: str, reason: str = "") -> Reward:
        """Any of these acts by its name; `reason` is for those that need a listed one."""
        match command:
            case "decline":
                return self.decline(reward_id, reason, by)
            case "withdraw":
                return self.withdraw(reward_id, reason, by)
            case "endorse":
                return self.endorse(reward_id, by)
            case "approve":
                return self.approve(reward_id, by)
            case "lapse":
                return self.lapse(reward_id, by)
            case "reverse":
                return self.reverse(reward_id, by)

    # The person claims, the cashier pays

    def of_case(self, case_id: str) -> Reward | None:
        """The reward of a complaint, if there is one."""
        return self._rewards.load(reward_id(case_id))

    def offered(self, case_id: str) -> Reward | None:
        """The reward that the person is told of: one that was granted, whatever became of it."""
        found = self.of_case(case_id)
        return found if found and found.claim_until else None

    def claim(self, case_id: str, key: str | None = None) -> tuple[Reward, str]:
        """The reward and the voucher that counts from now on: told here, kept nowhere. The same `key` gives the same
        one. Raises NotFound, Refused and Conflict."""
        before = self.of_case(case_id)
        if before is None:
            raise NotFound(case_id)
        code = self._vouchers.code(case_id, key)
        after = reward.claim(before, self._vouchers.index(code), self._clock(), self.policy)
        if after is not before:
            self._saved(before, after, "reward.claimed", PERSON)
        return after, code

    def worth(self, voucher: str) -> int:
        """What a voucher that could be paid out now is worth, in fen. Raises NotFound, and Refused as `redeem` does."""
        index = self._vouchers.index(voucher)
        before = self._rewards.by_voucher(index)
        if before is None:
            raise NotFound
        reward.redeem(before, index, PERSON, self._clock(), new_id())  # decided, not saved
        return before.amount_fen

    def redeem(self, voucher: str, amount_fen: int, by: str) -> Entry:
        """Book the payment. A voucher that is none and one for another amount are answered alike: NotFound."""
        index = self._vouchers.index(voucher)
        before = self._rewards.by_voucher(index)
        if before is None or before.amount_fen != amount_fen:
            raise NotFound
        after = reward.redeem(before, index, by, self._clock(), new_id())
        self._saved(before, after, "reward.paid", by)
        return after.entries[-1]

    # Reading

    def read(self, reward_id: str) -> Reward:
        """Raises NotFound."""
        found = self._rewards.load(reward_id)
        if found is None:
            raise NotFound(reward_id)
        return found

    def listed(self, status: Status | None, limit: int) -> list[Reward]:
        return self._rewards.listed(status, limit)

    def ledger(self) -> Ledger:
        """The whole ledger."""
        booked = [Booked(reward_id=reward_id, entry=entry) for reward_id, entry in self._rewards.entries()]
        booked.sort(key=lambda b: (b.entry.at, b.entry.entry_id))
        return Ledger(entries=booked, balances=ledger.balances(b.entry for b in booked))

    def case_ids(self, reward_ids: Collection[str]) -> dict[str, str]:
        """Reward -> case, of those of `reward_ids` that there are."""
        return self._rewards.case_ids(reward_ids)

    def _granted_in_year_of(self, now: datetime) -> int:
        year = now.astimezone(CITY_TIME).year
        entries = (entry for _, entry in self._rewards.entries())
        return ledger.balances(e for e in entries if e.at.astimezone(CITY_TIME).year == year)["expense"]

    def _saved(self, before: Reward, after: Reward, action: str, by: str, reason: str = "") -> Reward:
        self._trail.append(by, action, before.reward_id, reason)
        for entry in grown(before, after):
            self._trail.append(by, PREFIX + entry.kind, entry.entry_id, ledger.digest(entry))
        try:
            self._rewards.save(before, after)
        except Conflict:
            for entry in grown(before, after):
                self._trail.append(by, PREFIX + FORESTALLED, entry.entry_id, ledger.digest(entry))
            raise
        return after
