"""An identity through the real stack: sealed at the front door, in nobody's reach on the way, opened by two custodians.

What is searched is searched for a marker too, which was not sealed: a search that finds nothing at all has not looked.
"""

import json

import httpx
import pytest
from pymongo import MongoClient
from typer.testing import CliRunner

from duban.main import app
from services.contracts.identifiers import new_id
from tests.support.canaries import Search
from tests.support.places import search_files, search_metrics, stolen_copy, stolen_keys
from tests.support.processes_of_sources import Process, bearer
from tests.support.stack import eventually
from tests.support.thief import rob, table

pytestmark = pytest.mark.stack
IDENTITY = {
    "name": "欧阳金丝雀", "phone": "13899990017", "address": "凌源市金丝雀胡同十七号",
    "email": "canary17@example.invalid", "id_number": "211382197002170017", "enterprise_contact": "canary-contact-0417",
}  # fmt: skip
WORDS = list(IDENTITY.values())
WHY = "the reply has to reach the person by letter"


@pytest.fixture(scope="module")
def marker():
    return f"marker-{new_id()}"


@pytest.fixture(scope="module")
def passwords(stack):
    lines = (stack.data / "users.txt").read_text().splitlines()
    return dict(line.split(" ", 1) for line in lines)


def duban(stack, *arguments, password="", code=0):
    answer = CliRunner().invoke(app, [*arguments, "--data", str(stack.data)], env={"DUBAN_PASSWORD": password})
    assert answer.exit_code == code, answer.output
    return answer.stdout


def file(stack, **body):
    answer = httpx.post(
        f"{stack.http}/complaints/v1/cases", json={"channel": "website", "agency": "tax", **body},
        headers={"Idempotency-Key": new_id()}, timeout=30,
    )  # fmt: skip
    assert answer.status_code == 201, answer.text
    return answer.json()


def waiting(stack):
    with MongoClient(stack.mongo) as client:
        return client.duban_complaints.complaints.count_documents({"sealed.identity_ref": {"$gt": ""}})


@pytest.fixture(scope="module")
def case(stack, marker, tmp_path_factory):
    """A case filed with a name while the vault is away; with it what a thief gets at that moment."""
    folder = tmp_path_factory.mktemp("stolen")
    stack.hold("vault")
    try:
        found = file(stack, place=marker, text="the office asks for a fee that is not published", identity=IDENTITY)
        assert waiting(stack) == 1
        loot = rob(stolen_copy(stack, folder / "mongo"), stack.brokers, stolen_keys(stack, folder / "keys"),
                   [*WORDS, marker])  # fmt: skip
    finally:
        stack.release("vault", 300)
    return found["case_id"], loot


@pytest.mark.timeout(600)
def test_a_thief_of_database_topics_and_keys_gets_no_identity_while_it_waits(case, marker):
    _, loot = case
    report = loot.report()
    print("\n" + table(report, [*WORDS, marker]))
    places = {hit.where.partition(" ")[0].partition("-")[0] for hit in loot.hits(marker)}
    assert {"file", "duban_complaints.complaints"} <= places, "the search did not look into the store"
    assert "complaints.v1" in places, "the search did not look into the topics"
    assert report["sealed_blobs"] >= 2, "nothing sealed was there to be stolen"
    assert report["keys_tried"] > 0
    assert report["boxes_opened"] == 0
    assert [hit for word in WORDS for hit in loot.hits(word)] == []


@pytest.mark.timeout(600)
def test_the_vault_takes_it_over_and_two_custodians_open_it_once(stack, case, passwords):
    case_id, _ = case
    eventually(lambda: waiting(stack) == 0, 60)
    with MongoClient(stack.mongo) as client:
        assert "sealed" not in client.duban_complaints.complaints.find_one({"_id": case_id})
        assert client.duban_vault.identities.count_documents({"case_id": case_id}) == 1
    first, second = passwords["custodian-1"], passwords["custodian-2"]
    asking = ("vault", "request", case_id, "--reason", "person_asks", "--text", WHY, "--as", "custodian-1", "--json")
    opening = json.loads(duban(stack, *asking, password=first))["opening_id"]
    duban(stack, "vault", "open", opening, "--as", "custodian-1", password=first, code=2)
    duban(stack, "vault", "approve", opening, "--as", "custodian-1", password=first, code=2)
    duban(stack, "vault", "approve", opening, "--as", "custodian-2", password=second)
    opened = json.loads(duban(stack, "vault", "open", opening, "--as", "custodian-1", "--json", password=first))
    assert opened["identity"] == IDENTITY
    duban(stack, "vault", "open", opening, "--as", "custodian-1", password=first, code=2)
    listed = json.loads(duban(stack, "vault", "openings", "--json"))["items"]
    assert [o["status"] for o in listed if o["opening_id"] == opening] == ["opened"]
    lines = duban(stack, "audit", "show", "--subject", f"{case_id}/{opening}", "--json").splitlines()
    steps = [(e["actor"], e["action"].removeprefix("identity.")) for e in map(json.loads, lines)]
    assert steps == [
        ("custodian-1", "opening-requested"),
        ("custodian-2", "opening-approved"),
        ("custodian-1", "opened"),
    ]


@pytest.mark.timeout(600)
def test_the_canaries_are_in_no_file_topic_log_or_metric_after_the_opening(stack, case, marker, tmp_path):
    loot = rob(stolen_copy(stack, tmp_path / "mongo"), stack.brokers, stolen_keys(stack, tmp_path / "keys"),
               [*WORDS, marker])  # fmt: skip
    search_files(stack, loot.search)
    search_metrics(stack, loot.search)
    assert [hit for word in WORDS for hit in loot.hits(word)] == []
    assert any(hit.where.endswith(".log") for hit in loot.hits(marker)), "the search did not look into Kafka's files"
    assert loot.opened == 0
    private = rob(None, None, stack.data / "keys" / "vault", WORDS)
    private.blobs = loot.blobs | _vault_blobs(stack)
    private.break_in()
    assert {hit.word for hit in private.search.hits} == set(WORDS), (
        "with the vault's key the thief does read: it can fail"
    )


def _vault_blobs(stack):
    with MongoClient(stack.mongo) as client:
        return {document[name] for document in client.duban_vault.identities.find({}) for name in ("box", "sealed_key")}


def test_a_city_token_is_no_custodian_at_the_vault(stack, case):
    body = {"case_id": case[0], "reason": "person_asks", "text": WHY}
    answer = httpx.post(f"{stack.plan.vault}/v1/openings", json=body, headers=bearer(stack, "custodian"))
    assert answer.status_code == 403


@pytest.mark.timeout(600)
def test_killed_between_the_vault_and_the_deletion_here_it_is_there_once(stack, case):
    before = _identities(stack)
    stack.hold("relay")
    file(stack, identity={"name": "欧阳金丝雀"})
    dying = Process(stack, "complaints", "relay", DUBAN_FAILPOINT="identity.kept")
    try:
        assert dying.process.wait(120) == -9
    finally:
        dying.kill()
    assert (_identities(stack), waiting(stack)) == (before + 1, 1)
    stack.release("relay", 300)
    eventually(lambda: waiting(stack) == 0, 60)
    assert _identities(stack) == before + 1


@pytest.mark.timeout(600)
def test_filed_while_the_vault_is_killed_again_and_again_nothing_is_lost(stack, case):
    before = _identities(stack)
    for _ in range(2):
        stack.wait_ready("vault", 120)
        file(stack, identity={"name": "欧阳金丝雀"})
        killed = stack.kill("vault")
        eventually(lambda killed=killed: stack.pids.get("vault") not in (None, killed), 60)
    stack.wait_ready("vault", 120)
    eventually(lambda: _identities(stack) == before + 2 and waiting(stack) == 0, 120)


def _identities(stack):
    with MongoClient(stack.mongo) as client:
        return client.duban_vault.identities.count_documents({})


def test_shredding_is_announced_counted_and_final(stack, case, passwords):
    assert json.loads(duban(stack, "vault", "shred", "--due", "--json"))["due"] == 0
    case_id = file(stack, identity={"name": "欧阳金丝雀"})["case_id"]
    eventually(lambda: waiting(stack) == 0, 60)
    with MongoClient(stack.mongo, tz_aware=True) as client:
        found = client.duban_vault.identities.find_one({"case_id": case_id})
        aged = found["kept_at"].replace(year=found["kept_at"].year - 4, day=1)
        client.duban_vault.identities.update_one({"_id": found["_id"]}, {"$set": {"kept_at": aged}})
    dry = json.loads(duban(stack, "vault", "shred", "--due", "--dry-run", "--json"))
    assert dry == {"due": 1, "shredded": 0, "dry_run": True}
    assert json.loads(duban(stack, "vault", "shred", "--due", "--json"))["shredded"] == 1
    with MongoClient(stack.mongo) as client:
        left = client.duban_vault.identities.find_one({"case_id": case_id})
    assert {"sealed_key", "box", "key_id"}.isdisjoint(left)
    asking = ("vault", "request", case_id, "--reason", "person_asks", "--text", WHY, "--as", "custodian-1")
    duban(stack, *asking, password=passwords["custodian-1"], code=2)
    shown = duban(stack, "audit", "show", "--action", "identity.shredded", "--json").splitlines()
    assert json.loads(shown[-1])["subject"] == found["_id"]


@pytest.mark.timeout(600)
def test_the_vault_shreds_by_itself_what_is_past_its_retention(stack, case):
    case_id = file(stack, identity={"name": "欧阳金丝雀"})["case_id"]
    eventually(lambda: waiting(stack) == 0, 60)
    with MongoClient(stack.mongo, tz_aware=True) as client:
        identities = client.duban_vault.identities
        found = identities.find_one({"case_id": case_id})
        ref, kept_at = found["_id"], found["kept_at"]
        identities.update_one({"_id": ref}, {"$set": {"kept_at": kept_at.replace(year=kept_at.year - 4, day=1)}})
        killed = stack.kill("vault")  # it starts again, and looks for what is due
        eventually(lambda: stack.pids.get("vault") not in (None, killed), 60)
        eventually(lambda: "sealed_key" not in identities.find_one({"_id": ref}), 120)
        assert {"box", "key_id"}.isdisjoint(identities.find_one({"_id": ref}))
    stack.wait_ready("vault", 120)
    shown = duban(stack, "audit", "show", "--action", "identity.shredded", "--subject", ref, "--json").splitlines()
    assert {(e["actor"], e["reason"]) for e in map(json.loads, shown)} == {("vault", "retention")}
    metrics = httpx.get(f"{stack.plan.vault}/metrics", timeout=30).text
    assert 'duban_vault_shredded_total{by="vault"} 1.0' in metrics
    eventually(lambda: json.loads(duban(stack, "vault", "shred", "--due", "--dry-run", "--json"))["due"] == 0, 60)


def test_a_rotated_key_is_used_at_once_and_what_was_sealed_before_still_opens(stack, case, passwords):
    new = json.loads(
        duban(stack, "vault", "rotate", "--as", "custodian-1", "--json", password=passwords["custodian-1"])
    )
    file(stack, identity={"name": "欧阳金丝雀"})
    with MongoClient(stack.mongo) as client:
        keys = lambda: client.duban_vault.identities.distinct("key_id", {"shredded_at": None})  # noqa: E731
        eventually(lambda: waiting(stack) == 0 and keys() == [new["key_id"]], 60)


def test_the_trail_of_all_this_is_whole_and_pinned(stack, case):
    eventually(lambda: json.loads(duban(stack, "audit", "verify", "--json"))["heads"] >= 2, 60)
    checked = json.loads(duban(stack, "audit", "verify", "--json"))
    assert checked["whole"], checked["findings"]
    assert checked["pinned"] > 0
    assert checked["entries"] >= 5


def test_each_reading_of_a_text_is_on_the_trail(stack, case):
    path = f"{stack.http}/complaints/v1/cases/{case[0]}/text"
    assert httpx.get(path, headers=bearer(stack, "clerk")).status_code == 200
    shown = duban(stack, "audit", "show", "--action", "complaint.text-read", "--json").splitlines()
    readings = [(e["actor"], e["subject"]) for e in map(json.loads, shown)]
    assert [reading for reading in readings if reading[1] == case[0]] == [("clerk-1", case[0])]


def test_a_search_sees_every_form_of_a_word():
    search = Search(["欧阳金丝雀"])
    for form in (
        "欧阳金丝雀".encode("gb18030"),
        json.dumps({"x": "欧阳金丝雀"}).encode(),
        b"\x00" + "欧阳金丝雀".encode(),
    ):
        before = len(search.hits)
        search.look("here", form)
        assert len(search.hits) > before
