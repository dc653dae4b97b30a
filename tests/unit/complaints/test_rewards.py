"""Rewards as rules: the schedule, the table walked at random, and a ledger that always balances and only grows."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.complaints.policies import load_policy
from services.complaints.rewards.domain import ledger, reward
from services.complaints.rewards.domain.ledger import Entry, Posting
from services.complaints.rewards.domain.policy import RewardPolicy
from services.complaints.rewards.domain.reward import TABLE, Refused, Reward
from services.complaints.rewards.repository import MemoryRewards, grown

T0 = datetime(2026, 3, 2, 1, tzinfo=UTC)
POLICY = load_policy(Path("policies/rewards.yaml"), RewardPolicy)
DAY = timedelta(days=1)


def proposed(**changes):
    fields = {
        "reward_id": "reward-1", "case_id": "complaint-1", "amount_fen": 100_000, "severity": "yellow",
        "offence": "arbitrary_charge", "finding": "verified", "policy_version": "1", "proposed_at": T0,
    }  # fmt: skip
    return Reward(**(fields | changes))


def granted():
    return reward.approve(reward.endorse(proposed(), "office-1"), "leader-1", T0, "e1", 0, POLICY)


def claimed(voucher="v1"):
    return reward.claim(granted(), voucher, T0, POLICY)


def paid():
    return reward.redeem(claimed(), "v1", "cashier-1", T0, "e2")


@pytest.mark.parametrize(
    ("channel", "severity", "offence", "finding", "fen"),
    [
        ("website", "yellow", "arbitrary_charge", "verified", 200_000),
        ("website", "yellow", "arbitrary_charge", "partly", 100_000),
        ("hotline", "red", "extortion", "verified", 1_000_000),
        ("hotline", "red", "suppression", "partly", 375_000),
        ("website", "notice", "bad_attitude", "partly", 5_000),
        ("website", "red", "service_request", "verified", 0),
        ("website", "yellow", "delay", "unfounded", 0),
        ("supervisor", "red", "extortion", "verified", 0),
    ],
)
def test_the_schedule(channel, severity, offence, finding, fen):
    assert POLICY.amount_fen(channel, severity, offence, finding) == fen


def test_no_single_reward_is_above_the_cap():
    policy = msgspec.structs.replace(POLICY, cap_fen=150_000)
    assert policy.amount_fen("website", "red", "extortion", "verified") == 150_000


@pytest.mark.parametrize(
    "broken",
    [
        "base_fen: {notice: 1, warning: 1, yellow: 1}",
        "finding_percent: {verified: 100}",
        "cap_fen: 60000000",
        "cap_fen: -1",
        "reasons: {error: {zh: 错}}",
        "unknown: 1",
    ],
)
def test_a_schedule_with_a_gap_is_refused_with_its_place(tmp_path, broken):
    name = broken.partition(":")[0]
    lines = Path("policies/rewards.yaml").read_text("utf-8").partition("reasons:")[0].splitlines()
    kept = [line for line in lines if not line.startswith(f"{name}:")]
    path = tmp_path / "rewards.yaml"
    path.write_text("\n".join([*kept, *([] if name == "reasons" else ["reasons: {}"]), broken]), "utf-8")
    with pytest.raises(ValueError, match=r"rewards\.yaml"):
        load_policy(path, RewardPolicy)


def test_two_people_approve_or_nobody():
    endorsed = reward.endorse(proposed(), "both-1")
    with pytest.raises(Refused, match="second person"):
        reward.approve(endorsed, "both-1", T0, "e1", 0, POLICY)
    assert reward.approve(endorsed, "leader-1", T0, "e1", 0, POLICY).status == "granted"
    with pytest.raises(Refused, match="approve does not fit a reward that is proposed"):
        reward.approve(proposed(), "leader-1", T0, "e1", 0, POLICY)


def test_the_year_has_a_cap():
    endorsed = reward.endorse(proposed(), "office-1")
    left = POLICY.year_cap_fen - endorsed.amount_fen
    assert reward.approve(endorsed, "leader-1", T0, "e1", left, POLICY).status == "granted"
    with pytest.raises(Refused, match="99999 fen are left"):
        reward.approve(endorsed, "leader-1", T0, "e1", left + 1, POLICY)


def test_a_voucher_is_paid_once():
    with pytest.raises(Refused, match="paid out before"):
        reward.redeem(paid(), "v1", "cashier-2", T0, "e3")


def test_only_the_newest_voucher_counts():
    again = reward.claim(claimed(), "v2", T0, POLICY)
    with pytest.raises(Refused, match="no longer counts"):
        reward.redeem(again, "v1", "cashier-1", T0, "e2")
    assert reward.redeem(again, "v2", "cashier-1", T0, "e2").status == "paid"


def test_a_voucher_holds_to_its_last_instant_and_the_person_can_get_another_one():
    end = T0 + POLICY.voucher_holds
    assert reward.redeem(claimed(), "v1", "cashier-1", end - timedelta(microseconds=1), "e2").status == "paid"
    with pytest.raises(Refused, match="no longer counts"):
        reward.redeem(claimed(), "v1", "cashier-1", end, "e2")
    assert reward.redeem(reward.claim(claimed(), "v2", end, POLICY), "v2", "cashier-1", end, "e2").status == "paid"


def test_nothing_is_claimed_after_its_time_nor_lapses_before_it():
    end = T0 + POLICY.claim_within
    with pytest.raises(Refused, match="has passed"):
        reward.claim(granted(), "v1", end, POLICY)
    with pytest.raises(Refused, match="can still"):
        reward.lapse(granted(), "office-1", end - DAY, "e2")
    late = reward.claim(granted(), "v1", end - DAY, POLICY)
    with pytest.raises(Refused, match="can still"):
        reward.lapse(late, "office-1", end, "e2")
    assert ledger.balances(reward.lapse(granted(), "office-1", end, "e2").entries) == dict.fromkeys(ledger.ACCOUNTS, 0)


def test_a_payment_is_reversed_by_somebody_else_and_its_voucher_never_counts_again():
    with pytest.raises(Refused, match="somebody else"):
        reward.reverse(paid(), "cashier-1", T0, "e3", POLICY)
    back = reward.reverse(paid(), "leader-1", T0, "e3", POLICY)
    assert (back.status, back.voucher) == ("granted", None)
    assert ledger.balances(back.entries) == {"expense": 100_000, "owed": -100_000, "cash": 0}
    again = reward.redeem(reward.claim(back, "v2", T0, POLICY), "v2", "cashier-1", T0, "e4")
    assert ledger.balances(again.entries) == {"expense": 100_000, "owed": 0, "cash": -100_000}
    assert [entry.kind for entry in again.entries] == ["granted", "paid", "reversal", "paid"]


def test_reasons_are_listed_ones():
    with pytest.raises(Refused, match="one of known_before"):
        reward.decline(proposed(), "did not like it", POLICY)


def test_an_unbalanced_entry_cannot_be_made():
    with pytest.raises(ValueError, match="not balanced"):
        Entry(entry_id="e", kind="paid", at=T0, by="x", postings=(Posting("owed", 2), Posting("cash", -1)))


def test_the_store_takes_no_changed_entry_and_no_shorter_ledger():
    store, before = MemoryRewards(), granted()
    store.add(before)
    entry = ledger.booked("e1", "granted", 1, "leader-1", T0)
    for entries in ((entry,), ()):
        with pytest.raises(ValueError, match="never changed"):
            store.save(before, msgspec.structs.replace(before, entries=entries))


def test_the_digest_covers_every_field_of_an_entry():
    entry = paid().entries[1]
    others = {
        "entry_id": "e9", "kind": "reversal", "at": T0 + DAY, "by": "x", "reverses": "e1",
        "postings": (Posting("owed", 1), Posting("cash", -1)),
    }  # fmt: skip
    assert set(others) == set(Entry.__struct_fields__)
    assert len({ledger.digest(msgspec.structs.replace(entry, **{n: v})) for n, v in others.items()}) == len(others)


def act(command, before, now, number):
    """`command` by somebody, with whatever fits it."""
    entry_id, who = f"e{number}", f"{command}-{number % 2}"
    match command:
        case "endorse":
            return reward.endorse(before, who)
        case "approve":
            return reward.approve(before, who, now, entry_id, 0, POLICY)
        case "decline":
            return reward.decline(before, "error", POLICY)
        case "claim":
            return reward.claim(before, f"v{number}", now, POLICY)
        case "redeem":
            return reward.redeem(before, before.voucher or "none", who, now, entry_id)
        case "reverse":
            return reward.reverse(before, who, now, entry_id, POLICY)
        case "withdraw":
            return reward.withdraw(before, "error", who, now, entry_id, POLICY)
    return reward.lapse(before, who, now, entry_id)


COMMANDS = sorted({command for row in TABLE.values() for command in row})


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(COMMANDS), st.integers(0, 120)), max_size=25))
def test_whatever_is_done_the_ledger_balances_and_no_entry_is_ever_changed(acts):
    now, now_is, trail = T0, proposed(), []
    for number, (command, days) in enumerate(acts):
        now += days * DAY
        try:
            after = act(command, now_is, now, number)
        except Refused:
            continue
        if after is not now_is:
            assert after.status == TABLE[now_is.status][command]
            assert after.version == now_is.version + 1
        trail += grown(now_is, after)
        now_is = after
    assert list(now_is.entries) == trail
    found = ledger.balances(trail)
    assert sum(found.values()) == 0
    owes, spent, out = -found["owed"], found["expense"], -found["cash"]
    worth = now_is.amount_fen
    expected = {"granted": (worth, worth, 0), "claimed": (worth, worth, 0), "paid": (0, worth, worth)}
    assert (owes, spent, out) == expected.get(now_is.status, (0, 0, 0))
