"""The ledger of rewards: double entry, append-only, corrected by reversing entries alone (row A4). Pure.

    granted    expense +amount   owed −amount
    paid       owed    +amount   cash −amount
    reversal   the postings of the entry that it reverses, with the signs turned

A reward's entries lie in the reward's own document, so that a change of state and its entry are one write. The ledger
is the entries of all rewards.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Literal

import msgspec

from services.contracts.instants import to_micros

Account = Literal["expense", "owed", "cash"]
Kind = Literal["granted", "paid", "reversal"]
ACCOUNTS: tuple[Account, ...] = ("expense", "owed", "cash")
_SIDES: dict[Kind, tuple[Account, Account]] = {"granted": ("expense", "owed"), "paid": ("owed", "cash")}


class Posting(msgspec.Struct, frozen=True):
    """One line: debits are positive, credits negative, in fen."""

    account: Account
    fen: int


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One booking. `by` is an opaque account; `reverses` the entry that a reversal takes back."""

    entry_id: str
    kind: Kind
    at: datetime
    by: str
    postings: tuple[Posting, ...]
    reverses: str | None = None

    def __post_init__(self) -> None:
        if sum(posting.fen for posting in self.postings) != 0:
            raise ValueError(f"entry {self.entry_id} is not balanced")


def booked(entry_id: str, kind: Literal["granted", "paid"], fen: int, by: str, at: datetime) -> Entry:
    """The entry of a reward that is granted, or paid out."""
    debit, credit = _SIDES[kind]
    return Entry(entry_id=entry_id, kind=kind, at=at, by=by, postings=(Posting(debit, fen), Posting(credit, -fen)))


def reversal(entry_id: str, entry: Entry, by: str, at: datetime) -> Entry:
    """The entry that takes `entry` back."""
    turned = tuple(Posting(posting.account, -posting.fen) for posting in entry.postings)
    return Entry(entry_id=entry_id, kind="reversal", at=at, by=by, postings=turned, reverses=entry.entry_id)


def standing(entries: Iterable[Entry], kind: Kind) -> Entry | None:
    """The newest entry of `kind` that no later one has taken back."""
    listed = list(entries)
    taken_back = {entry.reverses for entry in listed}
    return next((e for e in reversed(listed) if e.kind == kind and e.entry_id not in taken_back), None)


def balances(entries: Iterable[Entry]) -> dict[Account, int]:
    """The balance of every account in fen; together they are 0."""
    found: dict[Account, int] = dict.fromkeys(ACCOUNTS, 0)
    for entry in entries:
        for posting in entry.postings:
            found[posting.account] += posting.fen
    return found


def digest(entry: Entry) -> str:
    """SHA-256 over every field of `entry`, 64 hexadecimal digits: what the audit trail says of it."""
    fields = [
        "duban-reward-entry", entry.entry_id, entry.kind, to_micros(entry.at), entry.by,
        [[posting.account, posting.fen] for posting in entry.postings], entry.reverses or "",
    ]  # fmt: skip
    return hashlib.sha256(msgspec.json.encode(fields)).hexdigest()
