"""The inbox and its evidence on a real server and a real document store: many at once, and where no code may be."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from bson import json_util
from pymongo import MongoClient

from services.complaints.attachments.service import MAX_FILES
from services.complaints.domain.receipt_code import DIGITS, grouped, holds, with_check
from tests.support.processes_of_sources import bearer, running

pytestmark = pytest.mark.stack
OWN = {"Sec-Fetch-Site": "same-origin"}
WRITERS = 8


@pytest.fixture(scope="module")
def complaints(infra):
    with running(infra, "complaints", "serve") as process:
        yield process


def filed(url, **body):
    answer = httpx.post(f"{url}/v1/cases", json={"channel": "website", "agency": "tax", **body}, timeout=30)
    assert answer.status_code == 201
    return answer.json()


@contextmanager
def opened(url, code):
    """A client with a session of the inbox that `code` opens."""
    with httpx.Client(base_url=url, headers=OWN, timeout=30) as client:
        assert client.post("/v1/inbox/session", json={"code": code}).status_code == 201
        yield client


def at_once(count, act):
    barrier = threading.Barrier(count)

    def one(number):
        barrier.wait()
        return act(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def test_everybody_who_files_at_once_gets_a_code_that_opens_their_own_complaint(complaints):
    found = at_once(WRITERS * 4, lambda n: filed(complaints.url, text=f"第{n}件"))
    assert len({case["receipt_code"] for case in found}) == len(found)
    for number, case in enumerate(found):
        assert holds(case["receipt_code"])
        with opened(complaints.url, grouped(case["receipt_code"])) as client:
            assert [said["text"] for said in client.get("/v1/inbox").json()["messages"]] == [f"第{number}件"]


def test_two_hands_writing_to_one_case_lose_no_word(infra, complaints):
    case = filed(complaints.url)
    clerk = bearer(infra, "clerk")

    def act(number):
        if number % 2:
            path = f"{complaints.url}/v1/cases/{case['case_id']}/ask"
            return httpx.post(path, json={"text": f"问 {number}"}, headers=clerk, timeout=30)
        with opened(complaints.url, case["receipt_code"]) as client:
            return client.post("/v1/inbox/messages", json={"text": f"说 {number}"})

    answers = at_once(WRITERS, act)
    assert {a.status_code for a in answers} <= {200, 201, 409}
    done = sum(a.status_code != 409 for a in answers)
    with opened(complaints.url, case["receipt_code"]) as client:
        messages = client.get("/v1/inbox").json()["messages"]
    assert len(messages) == done
    assert [said["sequence"] for said in messages] == list(range(2, done + 2))


def test_uploads_at_once_do_not_pass_the_limit_together(infra, complaints):
    case = filed(complaints.url)
    path = f"{complaints.url}/v1/cases/{case['case_id']}/evidence"
    clerk = bearer(infra, "clerk")

    def send(number):
        return [httpx.post(path, content=f"证据 {number} {n}", headers=clerk, timeout=60).status_code for n in range(4)]

    sent = [status for statuses in at_once(WRITERS, send) for status in statuses]
    assert sorted(sent) == [201] * MAX_FILES + [409] * (WRITERS * 4 - MAX_FILES)
    evidence = httpx.get(path, headers=clerk).json()["evidence"]
    assert len(evidence) == MAX_FILES
    for kept in evidence[:3]:
        content = httpx.get(f"{path}/{kept['ref']}", headers=clerk).content.decode()
        assert content.startswith("证据 ")


def test_a_large_file_goes_in_and_out_in_pieces(infra, complaints):
    case = filed(complaints.url)
    clerk = bearer(infra, "clerk")
    path = f"{complaints.url}/v1/cases/{case['case_id']}/evidence"
    pieces = [f"{n:06d} 一行证据\n".encode() * 100 for n in range(3000)]
    sent = httpx.post(path, content=iter(pieces), headers=clerk, timeout=120)
    assert sent.status_code == 201
    with httpx.stream("GET", f"{path}/{sent.json()['ref']}", headers=clerk, timeout=120) as given:
        assert b"".join(given.iter_bytes()) == b"".join(pieces)
    too_large = httpx.post(path, content=iter([b"x" * 1024 * 1024] * 21), headers=clerk, timeout=120)
    assert too_large.status_code == 413


def test_no_code_lies_anywhere(infra, complaints):
    key = {"Idempotency-Key": "0123456789abcdef"}
    code = httpx.post(f"{complaints.url}/v1/cases", json={"channel": "website"}, headers=key).json()["receipt_code"]
    wrong = with_check("9" * DIGITS)
    with opened(complaints.url, code) as client:
        client.post("/v1/inbox/messages", json={"text": "补充"})
    httpx.post(f"{complaints.url}/v1/inbox/session", json={"code": wrong})
    httpx.post(f"{complaints.url}/inbox/open", data={"code": grouped(code)}, headers=OWN)
    httpx.post(f"{complaints.url}/inbox/open", data={"code": code})
    with MongoClient(infra.mongo) as store:
        database = store.duban_complaints
        kept = "".join(json_util.dumps(list(database[name].find())) for name in database.list_collection_names())
    assert "补充" in kept or "\\u8865" in kept, "the search does not see what is there"
    logs = "".join(path.read_text("utf-8", "replace") for path in (Path(infra.data) / "logs").glob("complaints-*.log"))
    metrics = httpx.get(f"{complaints.url}/metrics").text
    for part in (code, code[:DIGITS], grouped(code), wrong, grouped(wrong)):
        assert part not in kept + logs + metrics
