"""The audit trail on a real database and a real topic: writers at once, and every way of tampering with it."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from pymongo import MongoClient
from typer.testing import CliRunner

from deploy.embedded import seeding
from duban.main import app
from services.contracts.topics import AUDIT_HEADS
from services.shared.audit.chain import digest, follow
from services.shared.audit.heads import Sealer, load_signing_key
from services.shared.audit.trail import MongoTrail, document_of, entry_of
from services.shared.clock import utc_now
from services.shared.mongo import connect_store
from services.shared.relay import KafkaLog
from services.vault.keyring import AUDIT_KEY_FILE

pytestmark = pytest.mark.stack
WRITERS, EACH = 6, 10
TOTAL = WRITERS * EACH


@pytest.fixture(scope="module")
def settings(infra):
    from duban.context import load

    return load(infra.data).settings()


@pytest.fixture(scope="module")
def sealer(infra, settings):
    seeding.seed_vault(infra.plan.vault_keys, infra.plan.public_keys, infra.data / "users.txt")
    log = KafkaLog(infra.brokers, AUDIT_HEADS)
    key = load_signing_key(settings.vault_keys / AUDIT_KEY_FILE)
    yield Sealer(
        MongoTrail(utc_now), key, settings.audit_heads_file, lambda value: log.append([(0, b"audit", value)], _no_wait),
        utc_now, timedelta(0),
    )  # fmt: skip
    log.close()


def _no_wait():
    """The broker answers."""


@pytest.fixture(scope="module")
def trail(settings, sealer):
    """60 entries of 6 writers at once, with heads between them and at the end."""
    connect_store(settings, "audit")
    barrier = threading.Barrier(WRITERS)

    def write(number):
        own = MongoTrail(utc_now)
        barrier.wait()
        for n in range(EACH):
            own.append(f"writer-{number}", "test.acted", f"subject-{n}", "x")
            if number == 0:
                sealer.turn()

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))
    sealer.turn()
    return MongoTrail(utc_now)


@pytest.fixture
def entries(infra, trail):
    """The collection, put back as it was after the test has tampered with it."""
    with MongoClient(infra.mongo) as client:
        collection = client.duban_audit.entries
        before = list(collection.find({}))
        yield collection
        collection.delete_many({})
        collection.insert_many(before)


def verify(infra, *arguments, code):
    answer = CliRunner().invoke(app, ["audit", "verify", "--data", str(infra.data), "--json", *map(str, arguments)])
    assert answer.exit_code == code, answer.output
    return json.loads(answer.stdout)


def kinds(infra, *arguments):
    return [(f["kind"], f["sequence"]) for f in verify(infra, *arguments, code=1)["findings"]]


def test_writers_at_once_leave_one_chain_without_gaps_and_no_entry_is_lost(infra, trail):
    found = list(trail.entries())
    assert [e.sequence for e in found] == list(range(1, TOTAL + 1))
    by_writer = {w: [e.subject for e in found if e.actor == f"writer-{w}"] for w in range(WRITERS)}
    assert all(subjects == [f"subject-{n}" for n in range(EACH)] for subjects in by_writer.values())
    checked = verify(infra, code=0)
    assert (checked["whole"], checked["entries"], checked["pinned"]) == (True, TOTAL, TOTAL)
    assert checked["heads"] >= 4
    assert len({e.actor for e in found[:EACH]}) > 1, "the writers did not meet: the test did not test anything"


def test_a_changed_entry(infra, entries):
    entries.update_one({"_id": 7}, {"$set": {"actor": "nobody"}})
    assert set(kinds(infra)) - {("rewritten", 7)} == {("changed", 7)}  # a head may have been signed at this very entry


def test_a_field_taken_away(infra, entries):
    entries.update_one({"_id": 7}, {"$unset": {"reason": ""}})
    assert set(kinds(infra)) - {("rewritten", 7)} == {("changed", 7)}  # a head may have been signed at this very entry


def test_a_changed_entry_whose_hash_was_made_to_fit(infra, entries):
    changed = entry_of(entries.find_one({"_id": 7}) | {"actor": "nobody"})
    entries.update_one({"_id": 7}, {"$set": {"actor": "nobody", "hash": digest(changed)}})
    assert ("unlinked", 8) in kinds(infra)


def test_a_removed_entry(infra, entries):
    entries.delete_one({"_id": 7})
    assert kinds(infra) == [("removed", 7)]


def test_two_entries_exchanged(infra, entries):
    a, b = entries.find_one({"_id": 7}), entries.find_one({"_id": 8})
    entries.replace_one({"_id": 7}, b | {"_id": 7})
    entries.replace_one({"_id": 8}, a | {"_id": 8})
    assert {("changed", 7), ("changed", 8), ("unlinked", 7)} <= set(kinds(infra))


def test_a_cut_tail(infra, entries):
    entries.delete_many({"_id": {"$gt": TOTAL - 3}})
    assert kinds(infra) == [("cut-tail", TOTAL - 2)]


def test_an_emptied_trail(infra, entries):
    entries.delete_many({})
    assert kinds(infra) == [("cut-tail", 1)]


def test_a_tail_cut_and_grown_again(infra, entries):
    entries.delete_many({"_id": {"$gt": TOTAL - 3}})
    for _ in range(5):
        MongoTrail(utc_now).append("nobody", "test.acted", "another")
    assert ("rewritten", TOTAL) in kinds(infra)


def test_a_chain_made_anew_from_one_entry_on(infra, entries):
    """Who can write the database and knows this code leaves a chain that fits in itself."""
    found = [entry_of(d) for d in entries.find({}).sort("_id", 1)]
    anew = found[:6]
    for entry in found[6:]:
        anew.append(follow(anew[-1], utc_now(), "nobody", entry.action, entry.subject, entry.reason))
    entries.delete_many({})
    entries.insert_many([document_of(entry) for entry in anew])
    assert {kind for kind, _ in kinds(infra)} == {"rewritten"}


def test_heads_taken_out_of_the_file(infra, settings, entries):
    lines = settings.audit_heads_file.read_bytes().splitlines(keepends=True)
    settings.audit_heads_file.write_bytes(b"".join(lines[:-1]))
    try:
        assert kinds(infra) == [("heads-differ", TOTAL)]
        entries.delete_many({"_id": {"$gt": TOTAL - 3}})
        assert ("cut-tail", TOTAL - 2) in kinds(infra), "the topic still has the head"
    finally:
        settings.audit_heads_file.write_bytes(b"".join(lines))


def test_a_head_that_somebody_changed(infra, settings, tmp_path, trail):
    lines = settings.audit_heads_file.read_bytes().splitlines()
    lines[0] = lines[0].replace(json.loads(lines[0])["trail_hash"].encode(), b"f" * 64)
    (tmp_path / "heads.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    assert kinds(infra, "--heads", tmp_path / "heads.jsonl")[0][0] == "forged-head"


def test_a_torn_head_line_is_completed_and_an_unreadable_file_is_told(infra, settings, sealer, trail):
    with settings.audit_heads_file.open("ab") as file:
        file.write(b'{"trail_seq')
    answer = CliRunner().invoke(app, ["audit", "verify", "--data", str(infra.data)])
    assert answer.exit_code == 2
    trail.append("writer-0", "test.acted", "after the kill")
    sealer.turn()
    assert verify(infra, code=0)["pinned"] == TOTAL + 1


def test_findings_are_one_line_each_and_show_shows(infra, entries):
    shown = CliRunner().invoke(app, ["audit", "show", "--data", str(infra.data), "--limit", "3", "--json"])
    assert len(shown.stdout.splitlines()) == 3
    entries.delete_one({"_id": 7})
    answer = CliRunner().invoke(app, ["audit", "verify", "--data", str(infra.data)])
    assert answer.exit_code == 1
    assert answer.stderr.splitlines() == ["removed at 7: entry 7 is missing"]
