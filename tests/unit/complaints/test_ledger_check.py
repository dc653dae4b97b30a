"""The ledger of rewards against the audit trail: whatever is changed on either side is found."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from services.complaints.policies import load_policy
from services.complaints.rewards.domain.checking import PREFIX, Said, check
from services.complaints.rewards.domain.ledger import Posting
from services.complaints.rewards.domain.policy import RewardPolicy
from services.complaints.rewards.domain.reward import Reward
from services.complaints.rewards.repository import Conflict, MemoryRewards
from services.complaints.rewards.service import RewardService
from services.complaints.rewards.vouchers import Vouchers
from services.shared.audit.trail import MemoryTrail

T0 = datetime(2026, 3, 2, 1, tzinfo=UTC)
POLICY = load_policy(Path("policies/rewards.yaml"), RewardPolicy)


class Office:
    """Rewards on a store and a trail of their own."""

    def __init__(self, rewards=None):
        self.rewards, self.trail, self.now = rewards or MemoryRewards(), MemoryTrail(lambda: self.now), T0
        self.service = RewardService(self.rewards, Vouchers(b"v" * 32), self.trail, POLICY, lambda: self.now)

    def granted(self, case):
        reward = Reward(
            reward_id=f"reward-{case}", case_id=case, amount_fen=100_000, severity="yellow",
            offence="arbitrary_charge", finding="verified", policy_version="1", proposed_at=T0,
        )  # fmt: skip
        self.rewards.add(reward)
        self.service.endorse(reward.reward_id, "office-1")
        self.service.approve(reward.reward_id, "leader-1")
        self.now += timedelta(hours=1)
        return reward.reward_id

    @property
    def ledger(self):
        return [entry for _, entry in self.rewards.entries()]

    @property
    def said(self):
        found = [e for e in self.trail.kept if e.action.startswith(PREFIX)]
        return [Said(e.subject, e.action.removeprefix(PREFIX), e.actor, e.reason) for e in found]


@pytest.fixture
def office():
    office = Office()
    office.granted("a")
    office.granted("b")
    office.service.withdraw("reward-b", "error", "leader-1")
    return office


def kinds(ledger, trail):
    return [found.kind for found in check(ledger, trail).differences]


def test_what_people_did_is_on_both_sides_and_equal(office):
    found = check(office.ledger, office.said)
    assert (found.entries, found.forestalled, found.differences) == (3, 0, [])


@pytest.mark.parametrize(
    "changes",
    [
        {"by": "leader-2"},
        {"at": T0 + timedelta(days=1)},
        {"kind": "paid"},
        {"postings": (Posting("expense", 1), Posting("owed", -1))},
        {"reverses": "another"},
    ],
)
def test_an_entry_that_was_changed_is_found(office, changes):
    first, *rest = office.ledger
    (difference,) = check([replace(first, **changes), *rest], office.said).differences
    assert (difference.kind, difference.entry_id) == ("changed", first.entry_id)


def test_an_entry_that_was_removed_added_or_doubled_is_found(office):
    first, *rest = office.ledger
    assert kinds(rest, office.said) == ["unbooked"]
    assert kinds([*office.ledger, replace(first, entry_id="forged")], office.said) == ["unrecorded"]
    assert kinds([first, *office.ledger], office.said) == ["repeated"]


def test_an_entry_that_the_trail_lost_or_tells_otherwise_is_found(office):
    first, *rest = office.said
    assert kinds(office.ledger, rest) == ["unrecorded"]
    assert kinds(office.ledger, [first._replace(digest="0" * 64), *rest]) == ["changed"]


class Overtaken(MemoryRewards):
    """Another leader is first, once."""

    overtaken = True

    def save(self, before, after):
        if self.overtaken and after.entries:
            self.overtaken = False
            raise Conflict(before.reward_id)
        super().save(before, after)


def test_a_booking_that_another_forestalled_is_no_difference():
    office = Office(Overtaken())
    with pytest.raises(Conflict):
        office.granted("a")
    office.service.approve("reward-a", "leader-2")
    found = check(office.ledger, office.said)
    assert (found.entries, found.forestalled, found.differences) == (1, 1, [])
