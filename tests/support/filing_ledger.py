"""What the stores and the log hold for each receipt that somebody was given, read from them directly, without asking a
service: what lies nowhere is missing, and the ledger says what, of which case, and where it looked."""

from collections import Counter
from typing import Any, NamedTuple, Self

from pymongo import MongoClient

from deploy.embedded.stack import Stack
from services.complaints.receipts import Receipts
from services.contracts.codec import decode
from services.contracts.envelope import LIVE, Event
from tests.support.filing_crowd import Receipt
from tests.support.processes_of_sources import cases, records

Documents = dict[str, dict[str, Any]]


class Books(NamedTuple):
    """Everything as it lay there at one moment. The stores were read before the log: an event that is no longer in the
    outbox was in the log before."""

    complaints: Documents
    texts: Documents
    evidence: Documents
    identities: Documents
    files: frozenset[str]
    log: dict[str, list[Event]]

    @classmethod
    def of(cls, city: Stack) -> Self:
        with MongoClient[dict[str, Any]](city.mongo) as store:
            found = [_by_id(store.duban_complaints[name]) for name in ("complaints", "texts", "evidence")]
            identities = _by_id(store.duban_vault.identities)
        kept = (city.data / "attachments").rglob("evidence-*")
        files = frozenset(path.name for path in kept if path.suffix != ".part")  # what a kill left of one is no file
        return cls(*found, identities, files, cases(records(city, "complaints.v1", LIVE)))

    def published(self, case_id: str) -> set[tuple[int, str]]:
        """(sequence, id) of the case's events in the log."""
        return {(event.sequence, event.id) for event in self.log.get(case_id, ())}


def missing(codes: Receipts, books: Books, receipts: list[Receipt], *, all_published: bool) -> list[str]:
    """A line for each thing that a receipt promises and that lies nowhere. Until the relay is done (`all_published`)
    an event may still be in its case's outbox, and a name with the case, sealed. `codes` has the city's pepper."""
    return [
        f"{receipt.case_id} (filing {receipt.filing.number}): {what}"
        for receipt in receipts
        for what in _missing_of(books, receipt, codes.index(receipt.code), all_published)
    ]


def _missing_of(books: Books, receipt: Receipt, index: str, all_published: bool) -> list[str]:
    document = books.complaints.get(receipt.case_id)
    if document is None:
        events = len(books.published(receipt.case_id))
        return [f"no document under this id; {events} of its events are in the log"]
    found = []
    if document.get("receipt") != index:
        found.append("the document is not found by the code of the receipt")
    history = {(entry["sequence"], entry["id"]) for entry in document["history"]}
    steps = 2 if receipt.filing.evidence else 1  # filed, and a message with the file
    if sorted(sequence for sequence, _ in history) != list(range(1, steps + 1)):
        found.append(f"its history is {sorted(history)}, and {steps} steps were answered for")
    waiting = {(event.sequence, event.id) for event in (decode(e["body"]) for e in document.get("outbox", ()))}
    there = books.published(receipt.case_id) | (set() if all_published else waiting)
    found += [f"event {event} is in neither log nor outbox ({len(waiting)} there)" for event in sorted(history - there)]
    text = books.texts.get(document.get("text_ref") or "", {}).get("text")
    if text != receipt.filing.text:
        found.append(f"under {document.get('text_ref')} lies {text!r}")
    if receipt.filing.identity:
        kept = [one for one in books.identities.values() if one["case_id"] == receipt.case_id and one.get("box")]
        sealed = "sealed" in document and not all_published
        if not kept and not sealed:
            found.append(f"no sealed name {document.get('identity_ref')} in the vault, nor with the case")
    if receipt.evidence_ref and not (receipt.evidence_ref in books.evidence and receipt.evidence_ref in books.files):
        where = f"register: {receipt.evidence_ref in books.evidence}, store: {receipt.evidence_ref in books.files}"
        found.append(f"the file {receipt.evidence_ref} is not there ({where})")
    return found


def doubled(books: Books, receipts: list[Receipt]) -> list[str]:
    """A line for everything that lies there once too often, or that nobody has a receipt for."""
    known = {receipt.case_id for receipt in receipts}
    found = [f"{case}: a case that nobody has a receipt for" for case in sorted(books.complaints.keys() - known)]
    found += [
        f"{case}: in the log, and not in the store" for case in sorted(books.log.keys() - books.complaints.keys())
    ]
    for case in known:
        sequences = [sequence for sequence, _ in books.published(case)]
        found += [f"{case}: two events with the sequence {s}" for s in set(sequences) if sequences.count(s) > 1]
    for case, identities in Counter(one["case_id"] for one in books.identities.values()).items():
        found += [f"{case}: {identities} names in the vault"] if identities > 1 else []
    for case, files in Counter(one["case_id"] for one in books.evidence.values()).items():
        found += [f"{case}: {files} files, and one was sent"] if files > 1 else []
    found += [f"{name}: a file that no register knows" for name in sorted(books.files - books.evidence.keys())]
    return found


def _by_id(collection: Any) -> Documents:
    return {document["_id"]: document for document in collection.find({})}
