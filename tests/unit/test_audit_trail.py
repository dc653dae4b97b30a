"""The audit chain without a server: every way of tampering has its finding, and an honest chain has none."""

from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
from nacl.signing import SigningKey

from services.shared.audit.chain import GENESIS, Entry, day_of, digest, follow, is_signed, key_id, sign_head
from services.shared.audit.checking import check
from services.shared.audit.trail import MemoryTrail

T0 = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
KEY = SigningKey(b"k" * 32)
KEYS = {key_id(KEY.verify_key): KEY.verify_key}


def chain(length: int = 10) -> list[Entry]:
    found: list[Entry] = []
    for n in range(length):
        last = found[-1] if found else None
        found.append(follow(last, T0 + timedelta(hours=n), f"custodian-{n % 2}", "identity.opened", f"case-{n}", "x"))
    return found


def kinds(entries, *heads):
    return [(f.kind, f.sequence) for f in check(entries, {"file": heads}, KEYS).findings]


def rewritten(entries, start):
    """The chain from `start` on with all hashes made anew, as somebody who can write the database would."""
    found = list(entries[: start - 1])
    for entry in entries[start - 1 :]:
        at = datetime.fromtimestamp(entry.at / 1e6, UTC)
        found.append(follow(found[-1] if found else None, at, "nobody", entry.action, entry.subject, entry.reason))
    return found


def test_an_honest_chain_has_no_finding_and_says_how_far_it_is_pinned():
    entries = chain()
    checked = check(entries, {"file": [sign_head(entries[6], T0, KEY)]}, KEYS)
    assert (checked.entries, checked.heads, checked.pinned, checked.findings) == (10, 1, 7, [])
    assert (entries[0].previous, entries[1].previous) == (GENESIS, entries[0].hash)


@pytest.mark.parametrize(
    "change",
    [{"actor": "x"}, {"action": "x"}, {"subject": "x"}, {"reason": "y"}, {"at": 1}, {"previous": "0" * 64}],
)  # fmt: skip
def test_a_changed_field_is_found_where_it_is(change):
    entries = chain()
    entries[4] = msgspec.structs.replace(entries[4], **change)
    assert ("changed", 5) in kinds(entries)


def test_a_changed_entry_with_a_hash_that_fits_is_no_longer_followed():
    entries = chain()
    draft = msgspec.structs.replace(entries[4], actor="x")
    entries[4] = msgspec.structs.replace(draft, hash=digest(draft))
    assert kinds(entries) == [("unlinked", 6)]


def test_removed_entries_leave_a_gap():
    entries = chain()
    assert kinds(entries[:3] + entries[5:]) == [("removed", 4)]
    assert kinds(entries[1:]) == [("removed", 1)]


def test_reordered_entries_do_not_follow():
    entries = chain()
    a, b = entries[3], entries[4]
    entries[3] = msgspec.structs.replace(b, sequence=a.sequence)
    entries[4] = msgspec.structs.replace(a, sequence=b.sequence)
    found = kinds(entries)
    assert {("changed", 4), ("changed", 5), ("unlinked", 4)} <= set(found)


def test_a_cut_tail_shows_by_the_head_and_only_by_it():
    entries = chain()
    head = sign_head(entries[8], T0, KEY)
    assert kinds(entries[:6]) == []
    assert kinds(entries[:6], head) == [("cut-tail", 7)]
    assert kinds([], head) == [("cut-tail", 1)]


def test_a_chain_made_anew_shows_by_every_head_behind_the_change():
    entries = chain()
    heads = [sign_head(entries[n], T0, KEY) for n in (1, 4, 9)]
    assert kinds(rewritten(entries, 4), *heads) == [("rewritten", 5), ("rewritten", 10)]


def test_a_tail_that_was_cut_and_grown_again_differs_from_the_head():
    entries = chain()
    grown = entries[:5]
    while len(grown) < 12:
        grown.append(follow(grown[-1], T0 + timedelta(days=1), "x", "identity.denied", "case", ""))
    assert kinds(grown, sign_head(entries[8], T0, KEY)) == [("rewritten", 9)]


def test_a_head_by_another_key_or_with_another_hash_vouches_for_nothing():
    entries = chain()
    head = sign_head(entries[9], T0, KEY)
    stranger = sign_head(entries[9], T0, SigningKey(b"x" * 32))
    lying = msgspec.structs.replace(head, trail_hash="f" * 64)
    torn = msgspec.structs.replace(head, signature="?")
    claimed = msgspec.structs.replace(stranger, key_id=head.key_id)
    for forged in (stranger, lying, torn, claimed):
        assert not is_signed(forged, KEYS)
        assert kinds(entries, forged) == [("forged-head", 10)]


def test_two_signed_heads_that_differ_are_told():
    entries = chain()
    other = rewritten(entries, 1)
    found = check(entries, {"file": [sign_head(entries[9], T0, KEY)], "topic": [sign_head(other[9], T0, KEY)]}, KEYS)
    assert [(f.kind, f.sequence) for f in found.findings] == [("heads-differ", 10)]


def test_a_clock_that_runs_back_does_not_backdate_an_entry():
    first = follow(None, T0, "a", "x", "y", "")
    second = follow(first, T0 - timedelta(days=1), "a", "x", "y", "")
    assert second.at == first.at
    assert kinds([first, second]) == []


def test_the_day_is_the_citys():
    late = follow(None, datetime(2026, 3, 2, 16, 30, tzinfo=UTC), "a", "x", "y", "")
    assert day_of(late) == date(2026, 3, 3)


def test_an_entry_without_an_actor_or_with_a_story_in_it_is_refused():
    trail = MemoryTrail(lambda: T0)
    for fields in (("", "x", "y"), ("a", "", "y"), ("a", "x", ""), ("a", "x", "y" * 201), ("a", "x", "y", "r" * 201)):
        with pytest.raises(ValueError, match="audit entry"):
            trail.append(*fields)
    assert trail.kept == []
