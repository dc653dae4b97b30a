"""Checks a chain of audit entries against itself and against published heads. Pure: free of storage and of clocks."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

import msgspec
from nacl.signing import VerifyKey

from services.contracts.audit import AuditSealedV1
from services.shared.audit.chain import GENESIS, Entry, digest, is_signed

Kind = Literal["changed", "removed", "repeated", "unlinked", "backdated", "rewritten", "cut-tail", "forged-head",
               "heads-differ"]  # fmt: skip


class Finding(msgspec.Struct, frozen=True):
    """One sign of tampering, at `sequence`."""

    kind: Kind
    sequence: int
    detail: str


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What a check found. `pinned` is the last sequence that a signed head vouches for."""

    entries: int
    heads: int
    pinned: int
    findings: list[Finding]


def check(
    entries: Iterable[Entry], heads: Mapping[str, Iterable[AuditSealedV1]], keys: dict[str, VerifyKey]
) -> Checked:
    """Everything wrong with `entries`, given in the order of their sequence, and with `heads`, by where they lay.

    A changed entry has another hash; a removed one leaves a gap; a reordered or replaced one does not follow the one
    before it; a chain made anew differs from the heads; a cut tail ends before the last head.
    """
    findings: list[Finding] = []
    pins: dict[int, str] = {}
    count = 0
    for place, found in heads.items():
        for head in found:
            count += 1
            findings += _pin(head, place, pins, keys)
    hashes = dict.fromkeys(pins, "")
    last: Entry | None = None
    seen = 0
    for entry in entries:
        seen += 1
        findings += _follows(entry, last)
        if entry.sequence in hashes:
            hashes[entry.sequence] = digest(entry)
        if last is None or entry.sequence > last.sequence:
            last = entry
    end = last.sequence if last else 0
    findings += _against(pins, hashes, end)
    return Checked(entries=seen, heads=count, pinned=max(pins, default=0), findings=findings)


def _pin(
    head: AuditSealedV1, place: str, pins: dict[int, str], keys: dict[str, VerifyKey]
) -> Iterator[Finding]:  # fmt: skip
    sequence = head.trail_sequence
    if not is_signed(head, keys):
        yield Finding("forged-head", sequence, f"the head in the {place} bears no good signature of a known key")
    elif pins.setdefault(sequence, head.trail_hash) != head.trail_hash:
        yield Finding("heads-differ", sequence, f"the head in the {place} differs from another signed one")


def _follows(entry: Entry, last: Entry | None) -> Iterator[Finding]:
    expected = last.sequence + 1 if last else 1
    if digest(entry) != entry.hash:
        yield Finding("changed", entry.sequence, "the entry's fields do not give its hash")
    if entry.sequence > expected:
        gone = f"entry {expected} is" if entry.sequence == expected + 1 else f"{expected} to {entry.sequence - 1} are"
        yield Finding("removed", expected, f"{gone} missing")
    elif entry.sequence < expected:
        yield Finding("repeated", entry.sequence, "another entry has this sequence")
    elif entry.previous != (last.hash if last else GENESIS):
        yield Finding(
            "unlinked", entry.sequence, f"it does not follow entry {expected - 1}: reordered, replaced or rewritten"
        )
    if last and entry.at < last.at:
        yield Finding("backdated", entry.sequence, "it is dated before the entry that it follows")


def _against(pins: Mapping[int, str], hashes: Mapping[int, str], end: int) -> Iterator[Finding]:
    for sequence in sorted(pins):
        if sequence > end:
            yield Finding("cut-tail", end + 1, f"the trail ends at {end}, a signed head vouches for {sequence}")
            return
        if hashes[sequence] and hashes[sequence] != pins[sequence]:
            yield Finding("rewritten", sequence, "the entry here is not the one that the signed head vouches for")
