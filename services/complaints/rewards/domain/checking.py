"""The ledger of rewards against the audit trail (row A4): each has what the other has. Free of storage and of clocks.

Every booking is on the trail before it is made, with its digest; one that another act forestalled is on the trail as
`ledger.forestalled` too.
"""

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

import msgspec

from services.complaints.rewards.domain.ledger import Entry, balances, digest

PREFIX = "ledger."
FORESTALLED = "forestalled"
Kind = Literal["unrecorded", "changed", "repeated", "unbooked", "unbalanced"]


class Said(NamedTuple):
    """What an entry of the trail says of a booking: `what` is its kind, or that it was forestalled."""

    entry_id: str
    what: str
    by: str
    digest: str


class Difference(msgspec.Struct, frozen=True):
    """Something that ledger and trail do not agree about."""

    kind: Kind
    entry_id: str
    detail: str


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """How many entries the ledger has, how many bookings were forestalled, and every difference."""

    entries: int
    forestalled: int
    differences: list[Difference]


def check(ledger: Iterable[Entry], trail: Iterable[Said]) -> Checked:
    """Every entry of the ledger is on the trail and equal, every booking on the trail is in the ledger, and the
    balances are 0 together."""
    said: dict[str, Said] = {}
    forestalled: set[str] = set()
    for each in trail:
        if each.what == FORESTALLED:
            forestalled.add(each.entry_id)
        else:
            said[each.entry_id] = each
    entries = list(ledger)
    differences = [*_entries(entries, said)]
    for entry_id in said.keys() - {entry.entry_id for entry in entries} - forestalled:
        detail = f"the trail has it as {said[entry_id].what}, by {said[entry_id].by}; the ledger has not"
        differences.append(Difference("unbooked", entry_id, detail))
    if left := sum(balances(entries).values()):
        differences.append(Difference("unbalanced", "", f"all accounts together are {left} fen, not 0"))
    return Checked(
        entries=len(entries), forestalled=len(forestalled),
        differences=sorted(differences, key=lambda found: (found.entry_id, found.kind)),
    )  # fmt: skip


def _entries(entries: Iterable[Entry], said: dict[str, Said]) -> Iterator[Difference]:
    seen: set[str] = set()
    for entry in entries:
        if entry.entry_id in seen:
            yield Difference("repeated", entry.entry_id, "it is in the ledger twice")
        seen.add(entry.entry_id)
        found = said.get(entry.entry_id)
        if found is None:
            yield Difference("unrecorded", entry.entry_id, f"{entry.kind} by {entry.by}: the trail does not have it")
        elif (found.what, found.by, found.digest) != (entry.kind, entry.by, digest(entry)):
            yield Difference("changed", entry.entry_id, f"it is not the {found.what} by {found.by} that the trail has")
