"""`duban rewards check` on a real document store: whole as people leave it, and every tampering is told."""

import json

import pytest
from pymongo import MongoClient
from typer.testing import CliRunner

from duban.context import load
from duban.main import app
from services.complaints.rewards.repository import MongoRewards
from services.complaints.rewards.service import RewardService
from services.complaints.rewards.vouchers import Vouchers
from services.shared.audit.trail import MongoTrail
from services.shared.clock import utc_now
from services.shared.mongo import connect_store
from tests.unit.complaints.test_rewards import POLICY, proposed

pytestmark = pytest.mark.stack


@pytest.fixture
def ledger(infra):
    """The service, and the rewards' collection with two proposals; both places are put back as they were."""
    settings = load(infra.data).settings()
    for database in ("complaints", "audit"):
        connect_store(settings, database)
    with MongoClient(infra.mongo) as client:
        places = client.duban_complaints.rewards, client.duban_audit.entries
        before = [list(place.find({})) for place in places]
        for place in places:
            place.delete_many({})
        rewards = MongoRewards()
        service = RewardService(rewards, Vouchers(b"v" * 32), MongoTrail(utc_now), POLICY, utc_now)
        for case in ("granted", "withdrawn"):
            rewards.add(proposed(reward_id=f"reward-{case}", case_id=case))
        yield service, places[0]
        for place, documents in zip(places, before, strict=True):
            place.delete_many({})
            if documents:
                place.insert_many(documents)


def check(infra):
    """The exit code, and what it says as JSON."""
    done = CliRunner().invoke(app, ["rewards", "check", "--data", str(infra.data), "--json"])
    return done.exit_code, json.loads(done.stdout)


def test_what_people_left_is_whole_and_each_tampering_is_told(infra, ledger):
    service, kept = ledger
    for reward in [document["_id"] for document in kept.find({})]:
        service.endorse(reward, "office-1")
        service.approve(reward, "leader-1")
    service.withdraw("reward-withdrawn", "error", "leader-1")
    code, told = check(infra)
    assert (code, told["whole"], told["entries"], told["differences"]) == (0, True, 3, [])

    before = kept.find_one({"_id": "reward-withdrawn"})

    def after(change):
        kept.update_one({"_id": "reward-withdrawn"}, change)
        code, told = check(infra)
        kept.replace_one({"_id": "reward-withdrawn"}, before)
        return code, sorted({difference["kind"] for difference in told["differences"]})

    turned = [{"account": "expense", "fen": 1}, {"account": "owed", "fen": -1}]
    assert after({"$set": {"entries.0.postings": turned}}) == (1, ["changed"])
    assert after({"$set": {"entries.0.by": "somebody"}}) == (1, ["changed"])
    assert after({"$pop": {"entries": 1}}) == (1, ["unbooked"])
    assert after({"$set": {"entries.0.entry_id": "forged"}}) == (1, ["unbooked", "unrecorded"])
    assert after({"$push": {"entries": before["entries"][0]}}) == (1, ["repeated"])
    kept.update_one({"_id": "reward-withdrawn"}, {"$set": {"entries.0.postings.0.fen": 7}})
    lopsided = CliRunner().invoke(app, ["rewards", "check", "--data", str(infra.data)])
    assert lopsided.exit_code == 1
    assert "is not balanced" in lopsided.stderr
    assert len(lopsided.stderr.splitlines()) == 1


def test_help_has_an_example():
    assert "duban rewards check --json" in CliRunner().invoke(app, ["rewards", "check", "--help"]).stdout
