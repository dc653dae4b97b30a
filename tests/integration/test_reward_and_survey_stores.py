"""Rewards, the register of supervisors and surveys on a real document store: many at once, and what lies there."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from bson import json_util
from pymongo import MongoClient

from services.complaints.rewards import repository as rewards
from services.complaints.rewards.domain import ledger, reward
from services.complaints.supervisors import repository as supervisors
from services.complaints.supervisors.domain.supervisor import Term, appointed
from services.complaints.surveys.domain.campaign import MAX_LINKS, Answer
from services.complaints.surveys.repository import Link, MongoSurveys
from services.complaints.surveys.service import hashed
from services.shared.mongo import connect_store
from tests.unit.complaints.test_rewards import POLICY, T0, claimed, proposed
from tests.unit.complaints.test_supervisors import DEPUTY, SPRING
from tests.unit.complaints.test_surveys import campaign

pytestmark = pytest.mark.stack
WRITERS = 8


@pytest.fixture(scope="module", autouse=True)
def store(infra):
    from duban.context import load

    connect_store(load(infra.data).settings(), "complaints")
    with MongoClient(infra.mongo) as client:
        yield client.duban_complaints


def at_once(act):
    barrier = threading.Barrier(WRITERS)

    def one(number):
        barrier.wait()
        return act(number)

    with ThreadPoolExecutor(WRITERS) as pool:
        return list(pool.map(one, range(WRITERS)))


def test_a_reward_reads_as_it_was_written_to_the_microsecond():
    kept = rewards.MongoRewards()
    one = proposed(reward_id="reward-r", proposed_at=T0 + timedelta(microseconds=123_457))
    assert kept.add(one)
    assert not kept.add(one)
    assert kept.load("reward-r") == one
    now = T0 + timedelta(microseconds=7)
    endorsed = reward.endorse(one, "office-1")
    kept.save(one, endorsed)
    granted = reward.approve(endorsed, "leader-1", now, "e1", 0, POLICY)
    kept.save(endorsed, granted)
    with_voucher = reward.claim(granted, "v-r", now, POLICY)
    kept.save(granted, with_voucher)
    assert kept.by_voucher("v-r") == with_voucher == kept.load("reward-r")
    back = reward.withdraw(with_voucher, "error", "leader-1", now, "e2", POLICY)
    kept.save(with_voucher, back)
    assert kept.load("reward-r") == back
    assert kept.by_voucher("v-r") is None
    assert back in kept.listed("withdrawn", 10)
    entries = [entry for reward_id, entry in kept.entries() if reward_id == "reward-r"]
    assert tuple(entries) == back.entries
    assert [ledger.digest(e) for e in entries] == [ledger.digest(e) for e in back.entries]


def test_of_eight_cashiers_with_one_voucher_one_pays():
    kept = rewards.MongoRewards()
    one = claimed("v-8")
    kept.add(one := reward.msgspec.structs.replace(one, reward_id="reward-8"))

    def redeem(number):
        before = kept.by_voucher("v-8")
        try:
            kept.save(before, reward.redeem(before, "v-8", f"cashier-{number}", T0, f"pay-{number}"))
        except (rewards.Conflict, reward.Refused):
            return 0
        return 1

    assert sum(at_once(redeem)) == 1
    entries = [entry for reward_id, entry in kept.entries() if reward_id == "reward-8"]
    assert [entry.kind for entry in entries] == ["granted", "paid"]
    assert ledger.balances(entries) == {"expense": 100_000, "owed": 0, "cash": -100_000}


def test_of_two_who_write_the_register_at_once_one_is_told():
    register = supervisors.MongoSupervisors()
    first = appointed(None, DEPUTY, SPRING)
    register.save(first)
    summer = Term(from_on=date(2026, 6, 1), to_on=date(2026, 8, 31))

    def appoint(_):
        try:
            register.save(appointed(first, DEPUTY, summer))
        except supervisors.Conflict:
            return 0
        return 1

    assert sum(at_once(appoint)) == 1
    assert register.load(DEPUTY.code).terms == (SPRING, summer)
    with pytest.raises(supervisors.Conflict):
        register.save(first)
    assert [s.code for s in register.listed()] == [DEPUTY.code]


def test_a_link_answered_by_eight_at_once_counts_once():
    surveys, link = MongoSurveys(), Link("spring", "tax")
    assert surveys.add(campaign())
    assert not surveys.add(campaign())
    assert surveys.campaign("spring") == campaign()
    assert surveys.issue(link, [hashed("one"), hashed("two")])
    assert surveys.link(hashed("one")) == link
    took = at_once(lambda n: surveys.accept(hashed("one"), Answer(levels={"speed": 1 + n % 5}, texts={"more": f"{n}"})))
    assert sum(took) == 1
    (found,) = surveys.tallies("spring")
    assert (found.issued, sum(found.counts["speed"].values()), len(found.texts["more"])) == (2, 1, 1)
    assert surveys.link(hashed("one")) is None
    assert not surveys.issue(link, ["x"] * (MAX_LINKS - 1))


def test_what_lies_there_of_an_answer_names_neither_its_link_nor_its_time_nor_its_order(store):
    surveys, link = MongoSurveys(), Link("summer", "finance")
    tokens = [f"token-{n}" for n in range(WRITERS)]
    surveys.issue(link, [hashed(token) for token in tokens])
    words = ["丙", "甲", "b", "乙", "a", "c", "丁", "d"]
    for token, said in zip(tokens, words, strict=True):
        assert surveys.accept(hashed(token), Answer(levels={"speed": 4, "fees": 2}, texts={"more": said}))
    document = store.survey_sheets.find_one({"_id": "summer/finance"})
    assert document.pop("_cls", None) in (None, "SheetDocument")
    assert document == {
        "_id": "summer/finance", "campaign_id": "summer", "agency": "finance", "issued": WRITERS, "open": [],
        "counts": {"speed": {"4": WRITERS}, "fees": {"2": WRITERS}}, "texts": {"more": sorted(words)},
    }  # fmt: skip
    kept = "".join(json_util.dumps(list(store[name].find())) for name in store.list_collection_names())
    assert not any(token in kept or hashed(token) in kept for token in tokens)
