"""The ledger of the crash test sees whatever is missing, and whatever is there once too often."""

import pytest

from services.complaints.receipts import Receipts
from services.contracts.codec import decode, encode
from services.contracts.complaints import ComplaintAcceptedV1
from tests.support.filing_crowd import Filing, Receipt
from tests.support.filing_ledger import Books, doubled, missing
from tests.support.sources import T0

CODES = Receipts(b"k" * 32)
FILING = Filing.of(15)  # with a name and a file
RECEIPT = Receipt(FILING, "complaint-1", CODES.code("anonymous", FILING.key), "evidence-1")


def event(sequence):
    return encode(
        ComplaintAcceptedV1(), id=f"event-{sequence}", source="/complaints", subject="complaint-1", time=T0,
        sequence=sequence,
    )  # fmt: skip


@pytest.fixture
def books():
    """Everything that the receipt promises; the second event is still in the outbox."""
    history = [{"sequence": n, "id": f"event-{n}"} for n in (1, 2)]
    case = {"receipt": CODES.index(RECEIPT.code), "history": history, "text_ref": "text-1"}
    return Books(
        complaints={"complaint-1": case | {"outbox": [{"body": event(2)}]}}, texts={"text-1": {"text": FILING.text}},
        evidence={"evidence-1": {"case_id": "complaint-1"}}, files=frozenset({"evidence-1"}),
        identities={"identity-1": {"case_id": "complaint-1", "box": b"sealed"}},
        log={"complaint-1": [decode(event(1))]},
    )  # fmt: skip


def lost(books, all_published=False):
    return missing(CODES, books, [RECEIPT], all_published=all_published)


def test_what_is_whole_has_no_line(books):
    assert lost(books) == doubled(books, [RECEIPT]) == []


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("complaints", "no document"), ("texts", "under text-1 lies None"), ("evidence", "register: False, store"),
        ("files", "store: False"), ("identities", "no sealed name"), ("log", "'event-1') is in neither"),
    ],
)  # fmt: skip
def test_each_thing_that_is_gone_has_a_line(books, part, said):
    (line,) = lost(books._replace(**{part: type(getattr(books, part))()}))
    assert said in line
    assert line.startswith("complaint-1 (filing 15): ")


def test_an_event_that_was_never_published_is_lost_once_nothing_waits(books):
    (line,) = lost(books, all_published=True)
    assert "'event-2') is in neither log nor outbox" in line


def test_a_code_that_finds_nothing_and_a_step_that_is_gone_are_told(books):
    case = books.complaints["complaint-1"]
    assert "code of the receipt" in lost(books._replace(complaints={"complaint-1": case | {"receipt": "other"}}))[0]
    assert "2 steps" in lost(books._replace(complaints={"complaint-1": case | {"history": case["history"][:1]}}))[0]


def test_what_is_there_twice_is_told(books):
    other = books.complaints["complaint-1"]
    twice = books._replace(
        complaints=books.complaints | {"complaint-2": other}, files=frozenset({"evidence-1", "evidence-2"}),
        identities=books.identities | {"identity-2": {"case_id": "complaint-1"}},
        evidence=books.evidence | {"evidence-3": {"case_id": "complaint-1"}},
    )  # fmt: skip
    assert [line.partition(": ")[2] for line in doubled(twice, [RECEIPT])] == [
        "a case that nobody has a receipt for", "2 names in the vault", "2 files, and one was sent",
        "a file that no register knows",
    ]  # fmt: skip
