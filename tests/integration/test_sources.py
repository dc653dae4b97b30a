"""The sources on a real server: writers at once, requests repeated, servers killed, stores away."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from pymongo import MongoClient

from services.approvals.documents import ApprovalDocument
from services.complaints.documents import ComplaintDocument
from services.complaints.domain.receipt_code import holds
from services.contracts.identifiers import new_id
from tests.support.processes_of_sources import Process, bearer, running
from tests.support.stack import eventually

pytestmark = pytest.mark.stack
FILING = {"channel": "website", "agency": "tax", "offence": "delay"}
WRITERS = 8


@pytest.fixture(scope="module")
def complaints(infra):
    with running(infra, "complaints", "serve") as process:
        yield process


@pytest.fixture
def documents(infra):
    with MongoClient(infra.mongo) as client:
        yield client.duban_complaints.complaints


def at_once(count, request):
    """What `count` threads get that all send at the same moment; `request` is given a client and its number."""
    barrier = threading.Barrier(count)

    def one(number):
        with httpx.Client(timeout=30) as client:
            client.get(f"{request.url}/health/live")
            barrier.wait()
            return request(client, number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


class Post:
    """POST to a path, every sender its own body and headers."""

    def __init__(self, url, path, body, headers):
        self.url, self._path, self._body, self._headers = url, path, body, headers

    def __call__(self, client, number):
        path, body, headers = (f(number) if callable(f) else f for f in (self._path, self._body, self._headers))
        return client.post(self.url + path, json=body, headers=headers)


def test_of_writers_at_once_one_wins_and_the_others_are_told(infra, complaints, documents):
    clerk = bearer(infra, "clerk")
    outcomes = Counter()
    for _ in range(12):
        case = httpx.post(f"{complaints.url}/v1/cases", json=FILING).json()["case_id"]
        path = lambda n, case=case: f"/v1/cases/{case}/{('accept', 'refuse')[n % 2]}"  # noqa: E731
        body = lambda n: ({}, {"reason": "in_litigation"})[n % 2]  # noqa: E731
        answers = at_once(WRITERS, Post(complaints.url, path, body, clerk))
        assert sorted(a.status_code for a in answers) == [200] + [409] * (WRITERS - 1)
        for loser in (a.json() for a in answers if a.status_code == 409):
            assert loser["type"] in {"urn:duban:problem:conflict", "urn:duban:problem:illegal-transition"}
            assert loser["case_status"] in {"accepted", "refused"}
            outcomes[loser["type"].rsplit(":", 1)[1]] += 1
        stored = documents.find_one({"_id": case})
        assert (stored["version"], stored["sequence"]) == (2, 2)
        assert [entry["sequence"] for entry in stored["history"]] == [1, 2]
    assert outcomes["conflict"] > 0, "no two writers ever met: the test did not test anything"


def test_a_lost_race_for_a_named_version_is_412(infra, complaints):
    case = httpx.post(f"{complaints.url}/v1/cases", json=FILING).json()["case_id"]
    headers = bearer(infra, "clerk") | {"If-Match": '"1"'}
    answers = at_once(WRITERS, Post(complaints.url, f"/v1/cases/{case}/accept", {}, headers))
    assert sorted(a.status_code for a in answers) == [200] + [412] * (WRITERS - 1)


def test_one_key_sent_at_once_files_one_complaint_with_one_receipt(complaints, documents):
    key = {"Idempotency-Key": new_id()}
    answers = at_once(WRITERS, Post(complaints.url, "/v1/cases", FILING, key))
    assert {a.status_code for a in answers} == {201}
    assert len({a.content for a in answers}) == 1
    assert holds(answers[0].json()["receipt_code"])
    assert sum("idempotency-replayed" in a.headers for a in answers) == WRITERS - 1
    stored = documents.find_one({"_id": answers[0].json()["case_id"]})
    assert len(stored["history"]) == 1


def test_one_key_sent_at_once_to_a_case_is_one_command(infra, complaints, documents):
    case = httpx.post(f"{complaints.url}/v1/cases", json=FILING).json()["case_id"]
    headers = bearer(infra, "clerk") | {"Idempotency-Key": new_id()}
    answers = at_once(WRITERS, Post(complaints.url, f"/v1/cases/{case}/accept", {}, headers))
    assert {a.status_code for a in answers} == {200}
    assert {a.json()["version"] for a in answers} == {2}
    assert len(documents.find_one({"_id": case})["history"]) == 2


def test_a_server_killed_between_saving_and_answering_has_filed_once(infra, complaints, documents):
    headers = {"Idempotency-Key": new_id()}
    dying = Process(infra, "complaints", "serve", DUBAN_FAILPOINT="command.saved").ready()
    with pytest.raises(httpx.HTTPError):
        httpx.post(f"{dying.url}/v1/cases", json=FILING, headers=headers, timeout=20)
    assert dying.process.wait(10) == -9
    before = documents.count_documents({})
    again = httpx.post(f"{complaints.url}/v1/cases", json=FILING, headers=headers)
    assert again.status_code == 201
    assert again.headers["idempotency-replayed"] == "true"
    inbox = httpx.post(f"{complaints.url}/v1/inbox/session", json={"code": again.json()["receipt_code"]})
    assert (inbox.status_code, inbox.json()["status"]) == (201, "filed")
    assert documents.count_documents({}) == before


def lines(log, cases, length=5):
    steps = [
        ("file", {"channel": "open311"}), ("accept", {}), ("dispatch", {"agency": "tax"}),
        ("conclude", {"agency": "tax", "finding": "verified"}), ("reply", {}),
    ]  # fmt: skip
    return [
        {
            "source_ref": f"{log}-{case}", "ordinal": n, "command": command, "data": data,
            "occurred_at": f"2015-01-{n:02d}T08:00:00Z",
        }
        for case in range(cases)
        for n, (command, data) in enumerate(steps[:length], start=1)
    ]  # fmt: skip


def test_what_was_answered_before_the_store_was_killed_is_there_after(infra, complaints, documents):
    office, answered = bearer(infra, "office"), {}
    killed = threading.Event()

    def file(_):
        with httpx.Client(base_url=complaints.url, timeout=60) as client:
            while not killed.is_set():
                filed = client.post("/v1/cases", json=FILING)
                if filed.status_code != 201:
                    break
                case, version = filed.json()["case_id"], 1
                if client.post(f"/v1/cases/{case}/accept", json={}, headers=office).status_code == 200:
                    version = 2
                answered[case] = version

    with ThreadPoolExecutor(WRITERS) as pool:
        writers = [pool.submit(file, number) for number in range(WRITERS)]
        eventually(lambda: len(answered) >= 10 * WRITERS, 120)
        infra.kill("mongo")
        killed.set()
        for writer in writers:
            writer.result()
    infra.wait_ready("mongo", 120)
    kept = {
        found["_id"]: found["version"] for found in documents.find({"_id": {"$in": list(answered)}}, {"version": 1})
    }
    assert {case for case, version in answered.items() if kept.get(case, 0) < version} == set()


def test_one_log_imported_by_two_at_once_is_in_once(infra, complaints, documents):
    timeline = f"log-{new_id()}"
    headers = bearer(infra, "importer")
    for length in (2, 5):
        body = {"timeline": timeline, "commands": lines("a", 60, length)}
        answers = at_once(3, Post(complaints.url, "/v1/imports", body, headers))
        assert {a.status_code for a in answers} == {200}
        assert all(a.json()["refused"] == [] for a in answers)
        assert all(a.json()["applied"] + a.json()["repeated"] == 60 * length for a in answers)
    stored = list(documents.find({"timeline": timeline}))
    assert len(stored) == 60
    assert all([e["sequence"] for e in s["history"]] == [1, 2, 3, 4, 5] for s in stored)
    assert all([e["sequence"] for e in s["outbox"]] == [1, 2, 3, 4, 5] for s in stored)


def test_what_is_stored_fits_the_documents_schema(infra, complaints):
    case = httpx.post(f"{complaints.url}/v1/cases", json=FILING, headers={"Idempotency-Key": new_id()}).json()
    with MongoClient(infra.mongo) as client, running(infra, "approvals", "serve") as approvals:
        ComplaintDocument._from_son(client.duban_complaints.complaints.find_one({"_id": case["case_id"]})).validate()
        body = {"item": "x", "agency": "tax"}
        url, window = f"{approvals.url}/v1", bearer(infra, "window", "tax")
        item = {"agency": "tax", "version": "1", "promised_limit": {"amount": 3}, "stages": [{"code": "a"}]}
        assert httpx.put(f"{url}/items/x", json=item, headers=bearer(infra, "office")).status_code == 201
        applied = httpx.post(f"{url}/cases", json=body, headers=window).json()
        accepted = httpx.post(f"{url}/cases/{applied['case_id']}/accept", json={"agency": "tax"}, headers=window)
        assert accepted.json()["version"] == 2
        stored = client.duban_approvals.approvals.find_one({"_id": applied["case_id"]})
        assert stored["promised_limit"] == {"amount": 3, "unit": "working_days"}
        ApprovalDocument._from_son(stored).validate()
        read = httpx.get(f"{url}/cases/{applied['case_id']}", headers=window).json()
        assert read["history"][1]["data"]["promised_limit"]["amount"] == 3
        assert httpx.get(f"{url}/items/x").json()["revision"] == 1


def test_while_the_store_is_away_the_answer_is_a_problem_that_says_what_to_do(infra, complaints):
    infra.hold("mongo")
    try:
        away = httpx.post(f"{complaints.url}/v1/cases", json=FILING, timeout=30)
        assert away.status_code == 503
        assert away.headers["content-type"] == "application/problem+json"
        assert "Idempotency-Key" in away.json()["detail"]
        assert httpx.get(f"{complaints.url}/health/ready", timeout=30).status_code == 503
        assert httpx.get(f"{complaints.url}/health/live").status_code == 200
    finally:
        infra.release("mongo")
    assert httpx.post(f"{complaints.url}/v1/cases", json=FILING, timeout=30).status_code == 201
