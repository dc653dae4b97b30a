"""Many file at once while broker, database and web server are killed: no receipt without its case, none twice."""

import os
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from pymongo import MongoClient

from deploy.embedded.stack import Stack
from services.contracts.envelope import LIVE, Event
from tests.support.custodians import Custodians
from tests.support.filing_crowd import OWN_PAGE, PATIENCE, Crowd, Filing, Receipt, each
from tests.support.processes_of_sources import bearer, cases, firsts, records
from tests.support.stack import eventually, running_stack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]
FILINGS = 1000 if "DUBAN_LONG" in os.environ else 100  # `make crash`; `make test` has the short form
KILLED = ("kafka-1", "mongo", "gateway")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A city in which nobody else files."""
    parts = ("kafka", "mongo", "vault", "gateway", "relay")
    with running_stack(tmp_path_factory.mktemp("city"), parts) as stack:
        yield stack


def test_every_receipt_has_its_case_its_events_its_words_and_its_name(city: Stack) -> None:
    crowd = Crowd(f"{city.http}/complaints", [Filing.of(number) for number in range(FILINGS)])
    with crowd.filing():
        for turn, name in enumerate(KILLED, 1):
            eventually(lambda turn=turn: len(crowd.receipts) >= FILINGS * turn // (len(KILLED) + 1), PATIENCE)
            assert len(crowd.receipts) < FILINGS, "all have filed before the last kill: nothing was tested"
            city.kill(name)
    for name in KILLED:
        city.wait_ready(name, 120)
    with MongoClient[dict[str, Any]](city.mongo) as store:
        eventually(lambda: _waiting(store) == 0, PATIENCE)
        stored = {found["_id"]: found for found in store.duban_complaints.complaints.find({})}
        identities = [found["case_id"] for found in store.duban_vault.identities.find({}, {"case_id": 1})]
        files = [found["_id"] for found in store.duban_complaints.evidence.find({}, {"_id": 1})]
    lying = records(city, "complaints.v1", LIVE)
    logged = cases(lying)
    named = [receipt for receipt in crowd.receipts if receipt.filing.identity]
    sent = [receipt for receipt in crowd.receipts if receipt.filing.evidence]

    read = each(lambda receipt: _thread(crowd, receipt), crowd.receipts)
    custodians = Custodians(city)
    opened = each(lambda receipt: custodians.open(receipt.case_id), named, at_once=4)
    given = each(lambda receipt: _file(city, crowd, receipt), sent)

    holders = {receipt.case_id for receipt in crowd.receipts}
    lost = {
        "receipts": FILINGS - len(crowd.receipts),
        "cases": len(holders - stored.keys()),
        "cases in the log": len(stored.keys() - logged.keys()),
        "events": sum(_history(found) != _ids(logged.get(case, [])) for case, found in stored.items()),
        "words": sum(words != r.filing.text for words, r in zip(read, crowd.receipts, strict=True)),
        "names": sum(name != r.filing.identity for name, r in zip(opened, named, strict=True)),
        "files": sum(file != r.filing.evidence for file, r in zip(given, sent, strict=True)),
    }
    doubled = {
        "receipts": FILINGS - len({receipt.code for receipt in crowd.receipts}),
        "cases": len(stored) - FILINGS,
        "cases in the log": len(logged) - FILINGS,
        "events": sum(firsts(events) != list(range(1, _length(r) + 1)) for r, events in _with(crowd, logged)),
        "names": len(identities) - len(named),
        "files": len(files) - len(sent),
    }
    events = [event for found in logged.values() for event in found]
    different = len({event.id for event in events})
    _print({
        "asked": FILINGS, "answered": len(crowd.receipts), **crowd.count, "cases": len(stored), "events": different,
        "copies, known by their id": len(events) - different, "names opened by two custodians": len(opened),
        "files given out": len(given), "lost": sum(lost.values()), "doubled": sum(doubled.values()),
        "killed": ", ".join(KILLED),
    })  # fmt: skip
    unread = [r.case_id for words, r in zip(read, crowd.receipts, strict=True) if words != r.filing.text]
    assert set(lost.values()) == {0}, f"{lost}; no words in {unread}"
    assert set(doubled.values()) == {0}, doubled
    assert crowd.count["hung up on"] > 0, "nobody hung up: the test did not test it"
    assert crowd.count["answered 503"] + crowd.count["broken off"] > 0, "the kills hurt nobody: they tested nothing"


def _waiting(store: MongoClient[dict[str, Any]]) -> int:
    """Cases whose events are not in the log yet, and names that the vault does not have yet."""
    complaints = store.duban_complaints.complaints
    away = {"$or": [{"pending.timeline": LIVE}, {"sealed.identity_ref": {"$gt": ""}}]}
    return complaints.count_documents(away)


def _length(receipt: Receipt) -> int:
    """Filed, and a message with the file."""
    return 2 if receipt.filing.evidence else 1


def _with(crowd: Crowd, logged: dict[str, list[Event]]) -> list[tuple[Receipt, list[Event]]]:
    return [(receipt, logged.get(receipt.case_id, [])) for receipt in crowd.receipts]


def _history(document: dict[str, Any]) -> list[tuple[int, str]]:
    return [(entry["sequence"], entry["id"]) for entry in document["history"]]


def _ids(events: list[Event]) -> list[tuple[int, str]]:
    return sorted({(event.sequence, event.id) for event in events})


def _thread(crowd: Crowd, receipt: Receipt) -> str:
    """The first words in the inbox that the code opens."""
    with httpx.Client(base_url=crowd.url, headers=OWN_PAGE, timeout=60) as client:
        opening = {"json": {"code": receipt.code}}
        answer = eventually(lambda: _unless(429, client.post("/v1/inbox/session", **opening), crowd), PATIENCE)
        assert answer.status_code == 201, answer.text
        said = answer.json()["messages"]
        return said[0]["text"] if said else ""


def _file(city: Stack, crowd: Crowd, receipt: Receipt) -> bytes:
    path = f"{crowd.url}/v1/cases/{receipt.case_id}/evidence/{receipt.evidence_ref}"
    reading = {"headers": bearer(city, "clerk"), "timeout": 60}
    answer = eventually(lambda: _unless(503, httpx.get(path, **reading), crowd), PATIENCE)
    assert answer.status_code == 200, f"{receipt.evidence_ref}: {answer.text}"
    return answer.content


def _unless(status: int, answer: httpx.Response, crowd: Crowd) -> httpx.Response | None:
    """None for an answer that says "later"; it is counted."""
    if answer.status_code != status:
        return answer
    crowd.count[f"asked to come again ({status}) while looking"] += 1
    return None


def _print(ledger: dict[str, Any]) -> None:
    print()
    for name, value in ledger.items():
        print(f"{name:<42} {value}")
