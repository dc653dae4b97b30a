"""A complaint's whole life on a real server: merged cases and suggestions in the store, a kill between two cases."""

import httpx
import pytest
from pymongo import MongoClient

from services.complaints.documents import ComplaintDocument
from services.contracts.identifiers import new_id
from tests.support.processes_of_sources import Process, bearer, running
from tests.support.stack import eventually

pytestmark = pytest.mark.stack
CONCLUSION = {"agency": "tax", "finding": "unfounded", "offence": "delay"}


@pytest.fixture(scope="module")
def complaints(infra):
    with running(infra, "complaints", "serve") as process:
        yield process


class Desk:
    """Files and moves complaints as whoever may."""

    def __init__(self, infra, url):
        self._infra, self.url = infra, url

    def file(self, **fields):
        body = {"channel": "hotline", "agency": "tax", "offence": "delay", "item": "vat-refund", **fields}
        headers = bearer(self._infra, "clerk")
        return httpx.post(f"{self.url}/v1/cases", json=body, headers=headers, timeout=60).json()["case_id"]

    def does(self, case, command, role, body=None, agency=None, **headers):
        answer = self.send(case, command, role, body, agency, **headers)
        assert answer.status_code == 200, answer.text
        return answer.json()["status"]

    def send(self, case, command, role, body=None, agency=None, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.post(
            f"{self.url}/v1/cases/{case}/{command}", json=body or {}, timeout=60,
            headers=bearer(self._infra, role, agency) | named,
        )  # fmt: skip

    def get(self, path, role):
        return httpx.get(f"{self.url}{path}", headers=bearer(self._infra, role), timeout=60).json()

    def concluded(self, case):
        self.does(case, "accept", "clerk")
        self.does(case, "dispatch", "clerk", {"agency": "tax", "assisting": ["finance/budget"]})
        assert self.does(case, "conclude", "agency", CONCLUSION, "tax") == "concluded"

    def status(self, case):
        return self.get(f"/v1/cases/{case}", "office")["status"]


@pytest.fixture
def documents(infra):
    with MongoClient(infra.mongo) as client:
        yield client.duban_complaints.complaints


@pytest.fixture
def desk(infra, complaints):
    return Desk(infra, complaints.url)


def test_a_life_with_every_turn_is_stored_and_read_back(documents, desk):
    case = desk.file(offence="extortion", place=f"place-{new_id()}")
    desk.does(case, "accept", "clerk")
    desk.does(case, "dispatch", "clerk", {"agency": "tax", "assisting": ["finance/budget"]})
    desk.does(case, "sign-in", "agency", {"agency": "tax"}, "tax")
    desk.does(case, "advise", "agency", {"agency": "finance", "text": "意见"}, "finance")
    found = CONCLUSION | {"finding": "verified", "offence": "extortion", "evidence_refs": ["e-1"]}
    assert desk.does(case, "conclude", "agency", found, "tax") == "awaiting_sign_off"
    assert desk.does(case, "sign-off", "head", {"agency": "tax"}, "tax") == "concluded"
    assert desk.does(case, "reply", "agency", {"agency": "tax"}, "tax") == "replied"
    rated = {"way": "telephone", "outcome": "rated", "satisfaction": 5}
    assert desk.does(case, "call-back", "clerk", rated) == "called_back"
    assert desk.send(case, "close", "clerk").json()["type"] == "urn:duban:problem:correction-due"
    desk.does(case, "correct", "agency", {"agency": "tax", "evidence_refs": ["e-2"]}, "tax")
    assert desk.does(case, "close", "clerk") == "closed"
    read = desk.get(f"/v1/cases/{case}", "office")
    assert (read["severity"], read["correction_due"], read["handlers"]) == ("red", False, ["agency-1", "head-1"])
    ComplaintDocument._from_son(documents.find_one({"_id": case})).validate()
    assert [step["sequence"] for step in read["history"]] == list(range(1, 12))


def test_suggestions_come_from_the_store(desk):
    place = f"place-{new_id()}"
    first, second, _ = desk.file(place=place), desk.file(place=place), desk.file(place=place, item="stamp-duty")
    found = desk.get(f"/v1/cases/{second}/similar", "clerk")["items"]
    assert first in [s["case_id"] for s in found if "place" in s["agrees"]]
    assert all(s["case_id"] != second for s in found)
    assert {tuple(s["agrees"][:2]) for s in found} == {("agency", "item")}


def test_an_answer_that_a_dying_server_left_untold_is_told_beside_the_relay(infra, desk, documents):
    first, second = desk.file(), desk.file()
    desk.does(second, "merge", "clerk", {"into": first})
    desk.concluded(first)
    dying = Process(infra, "complaints", "serve", DUBAN_FAILPOINT="command.saved").ready()
    with pytest.raises(httpx.HTTPError):
        Desk(infra, dying.url).send(first, "reply", "agency", {"agency": "tax"}, "tax")
    assert dying.process.wait(30) == -9
    assert [desk.status(case) for case in (first, second)] == ["replied", "merged"]
    assert "untold" in documents.find_one({"_id": first})
    with running(infra, "complaints", "relay"):
        eventually(lambda: desk.status(second) == "replied", 60)
        eventually(lambda: "untold" not in documents.find_one({"_id": first}), 60)
    assert documents.count_documents({"untold": {"$gt": 0}}) == 0


def test_the_answer_reaches_all_that_were_merged_also_when_the_server_dies_between_two(infra, desk):
    first, second, third = desk.file(), desk.file(), desk.file()
    desk.does(third, "merge", "clerk", {"into": second})
    desk.does(second, "merge", "clerk", {"into": first})
    desk.concluded(first)
    key, reply = {"Idempotency_Key": new_id()}, {"agency": "tax", "text": "答复"}
    dying = Process(infra, "complaints", "serve", DUBAN_FAILPOINT="command.saved").ready()
    with pytest.raises(httpx.HTTPError):
        Desk(infra, dying.url).send(first, "reply", "agency", reply, "tax", **key)
    assert dying.process.wait(30) == -9
    assert [desk.status(case) for case in (first, second, third)] == ["replied", "merged", "merged"]
    assert desk.does(first, "reply", "agency", reply, "tax", **key) == "replied"
    assert [desk.status(case) for case in (first, second, third)] == ["replied"] * 3
    desk.does(first, "reply", "agency", reply, "tax", **key)
    histories = [desk.get(f"/v1/cases/{case}", "office")["history"] for case in (first, second, third)]
    replies = [[s["data"] for s in history if s["type"] == "complaint.replied.v1"] for history in histories]
    assert [len(found) for found in replies] == [1, 1, 1]
    assert [found[0].get("lead") for found in replies] == [None, first, second]
