"""Many file at once while broker, database and web server are killed: no receipt without its case, none twice."""

import os
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from pymongo import MongoClient

from deploy.embedded.stack import Stack
from services.complaints.receipts import Receipts
from services.contracts.envelope import LIVE
from tests.support.custodians import Custodians
from tests.support.filing_crowd import OWN_PAGE, PATIENCE, Crowd, Filing, Receipt, each
from tests.support.filing_ledger import Books, doubled, missing
from tests.support.processes_of_sources import bearer, firsts
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
    codes = Receipts.from_file(city.plan.signing_key_file.with_name("receipts.key"))
    at_once = missing(codes, Books.of(city), crowd.receipts, all_published=False)
    with MongoClient[dict[str, Any]](city.mongo) as store:
        eventually(lambda: _waiting(store) == 0, PATIENCE)
    books = Books.of(city)
    lost = at_once + missing(codes, books, crowd.receipts, all_published=True)
    twice = doubled(books, crowd.receipts)
    events = [event for found in books.log.values() for event in found]
    different = len({event.id for event in events})
    _print({
        "asked": FILINGS, "answered": len(crowd.receipts), **crowd.count, "cases": len(books.complaints),
        "events": different, "copies, known by their id": len(events) - different,
        "lost, in stores and log right after the last fault": len(at_once),
        "lost, once nothing waits any more": len(lost) - len(at_once), "doubled": len(twice),
        "killed": ", ".join(KILLED),
    })  # fmt: skip
    assert lost == []
    assert twice == []
    assert len(crowd.receipts) == len({receipt.code for receipt in crowd.receipts}) == FILINGS
    assert all(firsts(found) == sorted(firsts(found)) for found in books.log.values()), "out of order"
    assert crowd.count["hung up on"] > 0, "nobody hung up: the test did not test it"
    assert crowd.count["answered 503"] + crowd.count["broken off"] > 0, "the kills hurt nobody: they tested nothing"
    _everybody_is_shown_theirs(city, crowd)


def _everybody_is_shown_theirs(city: Stack, crowd: Crowd) -> None:
    """The same through the services: words by the code, files by role, names by two custodians."""
    named = [receipt for receipt in crowd.receipts if receipt.filing.identity]
    sent = [receipt for receipt in crowd.receipts if receipt.filing.evidence]
    read = each(lambda receipt: _thread(crowd, receipt), crowd.receipts)
    custodians = Custodians(city)
    opened = each(lambda receipt: custodians.open(receipt.case_id), named, at_once=4)
    given = each(lambda receipt: _file(city, crowd, receipt), sent)
    _print({
        "inboxes opened by their codes": len(read), "names opened by two custodians": len(opened),
        "files given out": len(given), **{k: v for k, v in crowd.count.items() if "while looking" in k},
    })  # fmt: skip
    assert {r.case_id for words, r in zip(read, crowd.receipts, strict=True) if words != r.filing.text} == set()
    assert {r.case_id for name, r in zip(opened, named, strict=True) if name != r.filing.identity} == set()
    assert {r.case_id for file, r in zip(given, sent, strict=True) if file != r.filing.evidence} == set()


def _waiting(store: MongoClient[dict[str, Any]]) -> int:
    """Cases whose events are not in the log yet, and names that the vault does not have yet."""
    complaints = store.duban_complaints.complaints
    away = {"$or": [{"pending.timeline": LIVE}, {"sealed.identity_ref": {"$gt": ""}}]}
    return complaints.count_documents(away)


def _thread(crowd: Crowd, receipt: Receipt) -> str:
    """The first words in the inbox that the code opens."""
    with httpx.Client(base_url=crowd.url, headers=OWN_PAGE, timeout=60) as client:
        opening = {"json": {"code": receipt.code}}
        answer = eventually(lambda: _later(client.post("/v1/inbox/session", **opening), crowd), PATIENCE)
        assert answer.status_code == 201, answer.text
        said = answer.json()["messages"]
        return said[0]["text"] if said else ""


def _file(city: Stack, crowd: Crowd, receipt: Receipt) -> bytes:
    path = f"{crowd.url}/v1/cases/{receipt.case_id}/evidence/{receipt.evidence_ref}"
    reading = {"headers": bearer(city, "clerk"), "timeout": 60}
    answer = eventually(lambda: _later(httpx.get(path, **reading), crowd), PATIENCE)
    assert answer.status_code == 200, f"{receipt.evidence_ref}: {answer.text}"
    return answer.content


def _later(answer: httpx.Response, crowd: Crowd) -> httpx.Response | None:
    """None for an answer that says "come again", which is counted."""
    if answer.status_code not in (429, 503):
        return answer
    crowd.count[f"asked to come again ({answer.status_code}) while looking"] += 1
    return None


def _print(ledger: dict[str, Any]) -> None:
    print()
    for name, value in ledger.items():
        print(f"{name:<52} {value}")
