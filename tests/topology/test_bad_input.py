"""Bad records among good ones, through the whole fold of a partition on a real store.

Nothing stops the worker, also not when it is started again. Every record is folded, or recognised as a repetition, or a
dead letter that holds it whole and has a reason to count it by. The good records give the effects that they give alone.
"""

import json
import random
import re
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts import codec
from services.contracts.clock import CalendarDecreedV1, ClockTickedV1
from services.contracts.codec import KINDS, MAX_EVENT, Undecodable, decode
from services.contracts.dead_letters import DeadLetterV1
from services.contracts.instants import from_micros, to_micros
from services.contracts.topics import ALERTS, DEAD_LETTERS, FACTS
from services.supervision.domain.cases import CasesFold
from services.supervision.domain.subjects import SubjectsFold
from services.supervision.policy_files import load_policies
from services.supervision.runtime.partition import PartitionFold
from services.supervision.runtime.reader import ReadRecord
from services.supervision.runtime.store import PartitionStore, StoredEffect
from simulation.city.generate import generate
from simulation.replay import records
from tests.fuzz.effort import effort
from tests.fuzz.oracle import judged
from tests.fuzz.spoiling import VALUES, as_bytes, spoilt
from tests.support.folding import POLICIES
from tests.support.routing import laid_in

TOPIC, PARTITION = "approvals.v1", 2
PLACE = f"{TOPIC}-{PARTITION}"
COUNTS = {FACTS: 4, ALERTS: 4, DEAD_LETTERS: 1}
T0_MS = 1_700_000_000_000
KAFKA_TAKES = 1_000_000  # bytes of a record, as brokers and producers come
Headers = tuple[tuple[str, bytes], ...]


class Written(NamedTuple):
    """A record before it has a place."""

    key: bytes | None
    value: bytes | None
    headers: Headers = ()


@cache
def good() -> list[Written]:
    """Two months of permits of one partition with stages, pauses, breaches and ticks."""
    town = generate(POLICIES, seed=7, days=60)
    mine = [r for r in records(town.timeline, town.segments()) if (r.topic, r.partition) == (TOPIC, PARTITION)]
    return [Written(record.key, record.value) for record in mine]


@cache
def _events() -> list[bytes]:
    return [r.value for r in good() if r.key is not None and r.value is not None]


def laid(log: Sequence[Written], topic: str = TOPIC, partition: int = PARTITION, start: int = 0) -> list[ReadRecord]:
    return [ReadRecord(topic, partition, start + n, T0_MS + start + n, *record) for n, record in enumerate(log)]


def cases_fold(store: PartitionStore, **options: Any) -> PartitionFold:
    policies = load_policies(POLICIES)
    fold = CasesFold(policies.cases, policies.calendar)
    wiring: dict[str, Any] = {"upstream": frozenset(), "forward": (FACTS, ALERTS), "partitions": COUNTS}
    return PartitionFold(fold, store, PLACE, **wiring | {"dead_letter_limit": 10**6} | options)


def subjects_fold(store: PartitionStore) -> PartitionFold:
    policies = load_policies(POLICIES)
    fold = SubjectsFold(policies.subjects, policies.calendar)
    wiring: dict[str, Any] = {"upstream": frozenset({PLACE}), "forward": (ALERTS,), "partitions": COUNTS}
    return PartitionFold(fold, store, f"{FACTS}-0", **wiring, dead_letter_limit=10**6)


@contextmanager
def a_store() -> Iterator[PartitionStore]:
    with TemporaryDirectory() as folder:
        store = PartitionStore(Path(folder) / "store")
        yield store
        store.close()


def folded(worker: PartitionFold, log: Sequence[ReadRecord], batch: int = 500) -> list[StoredEffect]:
    parts = (log[at : at + batch] for at in range(0, len(log), batch))
    return [effect for part in parts for effects in worker.take(part) for effect in effects]


def said(effects: Sequence[StoredEffect]) -> list[tuple[str, int, bytes, bytes]]:
    """Everything but the dead letters, in order; without the offsets of their causes."""
    return [(e.topic, e.partition, e.key, e.value) for e in effects if e.topic != DEAD_LETTERS]


def letters(effects: Sequence[StoredEffect]) -> dict[int, DeadLetterV1]:
    """Offset -> the dead letter of the record that lay there."""
    found = [decode(effect.value).data for effect in effects if effect.topic == DEAD_LETTERS]
    assert len({letter.offset for letter in found}) == len(found), "one record, one letter"
    return {letter.offset: letter for letter in found}


@cache
def said_alone() -> list[tuple[str, int, bytes, bytes]]:
    with a_store() as store:
        effects = folded(cases_fold(store), laid(good()))
        assert not letters(effects)
        assert sum(effect.topic == ALERTS and effect.key != b"clock" for effect in effects) > 20
        return said(effects)


def mixed(bad: Sequence[Written], places: Sequence[float]) -> tuple[list[ReadRecord], dict[int, Written]]:
    """The good records with the bad ones put in at `places` (shares of the log), and offset -> bad record."""
    log = [(n, record, False) for n, record in enumerate(good())]
    extra = [(place * len(good()), record, True) for place, record in zip(places, bad, strict=True)]
    together = sorted([*log, *extra], key=lambda item: item[0])
    return laid([record for _, record, _ in together]), {
        offset: record for offset, (_, record, is_bad) in enumerate(together) if is_bad
    }


def state_of(store: PartitionStore, timeline: str, subject: str) -> Any:
    (value,) = store.states([f"{timeline}\0{subject}".encode()])
    return None if value is None else msgspec.msgpack.decode(value, type=CasesFold.state_type)


def verdict_on(record: Written) -> str:
    """The type of a record's event, or why it cannot be folded."""
    verdict = judged(record.value)
    if verdict in KINDS or verdict in ("clock.ticked.v1", "calendar.decreed.v1"):
        return verdict
    return verdict if decode(record.value).subject.encode() == record.key else "key"


def accounted(store: PartitionStore, effects: Sequence[StoredEffect], bad: dict[int, Written]) -> Counter[str]:
    """What became of each bad record; AssertionError when one of them is nowhere."""
    found, fate = letters(effects), Counter[str]()
    for offset, record in bad.items():
        verdict = verdict_on(record)
        if offset in found:
            letter = found[offset]
            assert (letter.topic, letter.partition, letter.consumer) == (TOPIC, PARTITION, "supervision.cases")
            assert _bytes(letter.key) == record.key
            assert _bytes(letter.value) == record.value
            assert letter.reason.isprintable()
            fate[f"dead letter: {verdict}"] += 1
            continue
        event = decode(record.value)
        if isinstance(event.data, ClockTickedV1 | CalendarDecreedV1):
            fate["tick or decree"] += 1
        else:
            assert state_of(store, event.timeline, event.subject).last >= event.sequence
            fate["folded or repeated"] += 1
    assert set(found) <= set(bad), "a good record became a dead letter"
    return fate


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else b64decode(text)


def elsewhere(value: bytes) -> bytes:
    """The same record as one of a case of its own, on a timeline of its own: what it does, it does to nobody else."""
    for name in (b"subject", b"timeline"):
        value = re.sub(rb'"%s":"[^"]*"' % name, b'"%s":"somewhere-else"' % name, value, count=1)
    return value


@st.composite
def bad_records(draw: st.DrawFn) -> Written:
    """A spoilt record of another case, under any key, with headers that may be nonsense."""
    value = draw(st.sampled_from(_events()).flatmap(lambda event: spoilt(elsewhere(event))))
    key = draw(st.sampled_from([None, b"", b"clock", b"\xff\xfe", b"somewhere-else", b"k" * 3000]))
    return Written(
        key, draw(st.sampled_from([value, value, value, b"", None])), draw(st.lists(_HEADERS, max_size=2).map(tuple))
    )


_HEADERS: st.SearchStrategy[tuple[str, bytes]] = st.tuples(
    st.sampled_from(["origin", "origin", "cause-ts", "replay-of", "", "traceparent"]),
    st.sampled_from([
        b"", b":", b"::", b"a:b:c", b"x:1", b"x:1:2:3", b"\xff:1:2", b"x:" + b"9" * 5000 + b":1", b"x:1.5:2", b"x: :",
    ]) | st.binary(max_size=12),
)  # fmt: skip


def harmless(value: bytes | None) -> bool:
    """Whether it can be read but speaks of the good cases' timeline or calendar: then it is no bad record but news."""
    try:
        event = decode(value)
    except Undecodable:
        return True
    return event.timeline == "somewhere-else" and not isinstance(event.data, CalendarDecreedV1)


@given(st.lists(bad_records().filter(lambda record: harmless(record.value)), min_size=1, max_size=12), st.randoms())
@effort(12)
def test_good_records_among_bad_ones_give_what_they_give_alone(bad: list[Written], chance: random.Random) -> None:
    log, spoiled = mixed(bad, [chance.random() for _ in bad])
    with TemporaryDirectory() as folder:
        path = Path(folder) / "store"
        store = PartitionStore(path)
        effects, worker = [], cases_fold(store)
        cut = chance.randrange(len(log))
        effects += folded(worker, log[:cut], chance.choice([3, 100, 1000]))
        store.close()
        store = PartitionStore(path)  # whatever was written, a worker that starts anew can read it
        effects += folded(cases_fold(store), log[cut:], chance.choice([3, 100, 1000]))
        assert store.offset == len(log)
        mine = [item for item in said(effects) if b'"timeline":"somewhere-else"' not in item[3]]
        assert mine == said_alone()
        assert accounted(store, effects, spoiled).total() == len(bad)
        store.close()


# Known kinds, one by one


def filed(**changes: Any) -> bytes:
    """An application of a case of its own; `changes` are of the envelope, or of the data for a field that it has."""
    record = json.loads(elsewhere(next(value for value in _events() if b"approval.applied.v1" in value)))
    for name, value in changes.items():
        (record["data"] if name in record["data"] else record)[name] = value
    return as_bytes(record)


def tick(as_of: str, timeline: str = "somewhere-else", source: Any = None) -> bytes:
    record = {"id": "t", "source": "/s", "type": "clock.ticked.v1", "subject": "clock", "time": "2026-03-02T00:00:00Z"}
    return as_bytes(record | {"sequence": 0, "timeline": timeline, "data": {"as_of": as_of, "source": source}})


HUGE = "督" * (MAX_EVENT // 8)
BAD: dict[str, tuple[bytes | None, str]] = {
    "nothing at all": (None, "empty"),
    "no bytes": (b"", "empty"),
    "no JSON": (b"\xff\xfe\x00", "envelope"),
    "deep nesting": (b'{"a":' * 50_000, "envelope"),
    "deep nesting in data": (
        filed().replace(b'"item"', b'"deep":' + b"[" * 9000 + b"]" * 9000 + b',"item"'), "envelope"),
    "NaN": (filed(sequence=float("nan")), "envelope"),
    "a number without end": (filed().replace(b'"sequence":1', b'"sequence":' + b"9" * 6000), "envelope"),
    "half a surrogate pair": (filed(subject="\ud800"), "envelope"),
    "no time zone": (filed(time="2026-03-02T09:00:00"), "envelope"),
    "an unknown version": (filed(type="approval.applied.v7"), "type"),
    "an unknown type": (filed(type="approval.forgotten.v1"), "type"),
    "a wrong type": (filed(item=["i"]), "data"),
    "a value of 100 kB that no enum has": (filed().replace(b"approval.applied", b"complaint.filed").replace(
        b'"item"', b'"channel":"' + HUGE.encode() + b'","item"'), "data"),
    "oversized": (filed(item="i" * MAX_EVENT), "size"),
    "as large as Kafka takes it": (filed(item="i" * 990_000), "size"),
    "no subject": (filed(subject=""), "name"),
    "NUL in the timeline": (filed(timeline="a\0b"), "name"),
    "NUL in the timeline of a tick": (tick("2026-03-03T00:00:00Z", "a\0b"), "name"),
    "an agency of a page": (filed(agency="督" * 201), "name"),
    "NUL in an agency": (filed(agency="a\0"), "name"),
    "sequence 0": (filed(sequence=0), "sequence"),
    "sequence -1": (filed(sequence=-1), "sequence"),
    "sequence 2^63": (filed(sequence=2**63), "sequence"),
    "sequence 2^64": (filed(sequence=2**64), "sequence"),
    "year 1 in the east": (filed(time="0001-01-01T00:00:00+08:00"), "instant"),
    "year 9999 in the west": (filed(time="9999-12-31T23:59:59-08:00"), "instant"),
    "a tick before all time": (tick("0001-01-01T00:00:00+14:00"), "instant"),
    "a tick after all time": (tick("9999-12-31T23:59:59-12:00"), "instant"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_record_is_one_dead_letter_whole_and_counted_by_its_reason(name: str) -> None:
    value, kind = BAD[name]
    log, bad = mixed([Written(b"somewhere-else", value)] * 2, [0.2, 0.7])
    with a_store() as store:
        worker = cases_fold(store)
        effects = folded(worker, log)
        assert accounted(store, effects, bad) == {f"dead letter: {kind}": 2}
        assert said(effects) == said_alone()
        assert worker.unreadable == {kind: 2}


def test_all_bad_records_at_once_and_the_reasons_can_be_counted_from_the_letters() -> None:
    bad = [Written(None, value) for value, _ in BAD.values()]
    log, spoiled = mixed(bad, [n / len(bad) for n in range(len(bad))])
    with a_store() as store:
        effects = folded(cases_fold(store), log)
        assert said(effects) == said_alone()
        expected = Counter(f"dead letter: {kind}" for _, kind in BAD.values())
        assert accounted(store, effects, spoiled) == expected
        reasons = Counter(re.split(r"[:\d]", letter.reason)[0] for letter in letters(effects).values())
        assert reasons["not a CloudEvents envelope"] == expected["dead letter: envelope"]


def test_a_record_under_another_key_is_a_dead_letter_for_it_may_lie_in_a_wrong_partition() -> None:
    log, bad = mixed([Written(b"somebody-else", filed()), Written(None, filed())], [0.3, 0.6])
    with a_store() as store:
        effects = folded(cases_fold(store), log)
        assert accounted(store, effects, bad) == {"dead letter: key": 2}
        assert said(effects) == said_alone()


def test_a_live_tick_ahead_of_the_brokers_clock_accuses_nobody() -> None:
    """The broker says when a tick came; a ticker whose clock runs ahead would make everybody late."""
    ticks = {n: from_micros((T0_MS + seconds * 1000) * 1000).isoformat() for n, seconds in enumerate((590, 660))}
    log = [ReadRecord(TOPIC, PARTITION, n, T0_MS, None, tick(as_of, "live")) for n, as_of in ticks.items()]
    with a_store() as store:
        effects = folded(cases_fold(store), log)
        assert store.marks() == {("live", PLACE): (T0_MS + 590_000) * 1000}
        assert {offset: letter.reason for offset, letter in letters(effects).items()} == {
            1: "a live tick 660 s ahead of the broker's clock"
        }


# The limit: a row of unreadable records says that something else is wrong


def test_ticks_do_not_break_a_row_of_unreadable_records() -> None:
    times = [f"2026-03-{2 + n:02}T00:00:00Z" for n in range(10)]
    log = laid([record for at in times for record in (Written(b"k", b"{"), Written(b"clock", tick(at)))])
    with a_store() as store:
        worker = cases_fold(store, dead_letter_limit=4)
        assert len(letters(folded(worker, log, 3))) == 4
        assert worker.stopped
        assert store.offset == 8
        again = cases_fold(store, dead_letter_limit=4)
        assert not folded(again, log[8:])
        assert again.stopped
        mended = cases_fold(store, dead_letter_limit=100)
        assert len(letters(folded(mended, log[8:]))) == 6
        assert store.offset == len(log)


class Broken(CasesFold):
    """Fails on everything, or on `only` some."""

    calls = 0
    only: tuple[str, ...] = ("fold", "wake", "recompute", "decreed")

    def _fails(self, what: str) -> None:
        type(self).calls += 1
        if what in self.only:
            raise ZeroDivisionError(f"a fault in {what}")

    def fold(self, *arguments):  # type: ignore[no-untyped-def]
        self._fails("fold")
        return super().fold(*arguments)

    def wake(self, *arguments):  # type: ignore[no-untyped-def]
        self._fails("wake")
        return super().wake(*arguments)

    def recompute(self, *arguments):  # type: ignore[no-untyped-def]
        self._fails("recompute")
        return super().recompute(*arguments)

    def decreed(self, event):  # type: ignore[no-untyped-def]
        self._fails("decreed")
        return self


def broken(store: PartitionStore, *only: str, limit: int = 10**6) -> PartitionFold:
    policies = load_policies(POLICIES)
    fold = Broken(policies.cases, policies.calendar)
    fold.only, Broken.calls = only, 0
    return PartitionFold(
        fold, store, PLACE, upstream=frozenset(), forward=(FACTS, ALERTS), partitions=COUNTS, dead_letter_limit=limit
    )


def test_a_fold_that_always_fails_is_tried_on_each_record_once_and_stops_at_the_limit() -> None:
    log = laid([record for record in good() if record.key is not None][:300])
    with a_store() as store:
        worker = broken(store, "fold")
        assert set(letters(folded(worker, log))) == set(range(300))
        assert worker.unreadable == {"fold": 300}
        assert Broken.calls == 300
    with a_store() as store:
        worker = broken(store, "fold", limit=20)
        assert len(letters(folded(worker, log))) == store.offset == 20
        assert worker.stopped.endswith("ZeroDivisionError('a fault in fold')")
        assert len(folded(cases_fold(store), log)) > 0  # a mended rule goes on where the broken one stopped
        assert store.offset == 300


@pytest.mark.parametrize("what", ["wake", "recompute", "decreed"])
def test_a_rule_that_fails_on_a_timer_or_a_decree_leaves_the_state_as_it_was(what: str) -> None:
    decree = {"year": 2027, "version": "cn-2027", "holidays": [], "makeup_workdays": []}
    record = {"id": "d", "source": "/s", "type": "calendar.decreed.v1", "subject": "calendar", "sequence": 0}
    record |= {"time": "2026-11-05T00:00:00Z", "timeline": "somewhere-else", "data": decree}
    limit = {"limit": {"amount": 300}, "promised_limit": {"amount": 300}, "statutory_limit": {"amount": 300}}
    accepted = filed(type="approval.accepted.v1", sequence=2, data={"agency": "a", **limit})
    log = laid([
        Written(b"somewhere-else", filed()),
        Written(b"somewhere-else", accepted),
        Written(b"calendar", as_bytes(record)),
        Written(b"clock", tick("2029-01-01T00:00:00Z")),
    ])  # fmt: skip
    with a_store() as store:
        worker = broken(store, what)
        (letter,) = letters(folded(worker, log)).values()
        assert f"a fault in {what}" in letter.reason
        assert worker.unreadable == {"fold": 1}
        assert store.offset == 4
        assert len(state_of(store, "somewhere-else", "somewhere-else").clocks) > 0
    with a_store() as store:
        worker = broken(store, what, limit=0)
        assert what == "decreed" or not letters(folded(worker, log))
        assert what == "decreed" or worker.stopped


READABLE = {
    "the first instant of all": filed(time="0001-01-01T00:00:00Z"),
    "the last instant of all": filed(time="9999-12-31T23:59:59.999999Z"),
    "the greatest sequence": filed(sequence=2**63 - 1),
    "a gap of a million": filed(sequence=1_000_001),
    "a text as long as an event may be": filed(item=HUGE),
    "names as long as they may be": filed(id="i" * 512, subject="督" * 512),
    "a procedure that nobody knows": filed(procedure=HUGE),
    "a stage without its application": filed(type="approval.stage_started.v1", stage="s"),
    "an alert on a topic of events": filed(type="alert.raised.v1"),
    "a tick at the first instant": tick("0001-01-01T00:00:00Z"),
    "a tick at the last instant": tick("9999-12-31T23:59:59.999999Z"),
    "a tick for another partition": tick("2030-01-01T00:00:00Z", source="complaints.v1-0"),
    "a tick of a source that is none": tick("2030-01-01T00:00:00Z", source="督\0" * 100),
}


@pytest.mark.parametrize("name", READABLE)
def test_odd_records_that_can_be_read_touch_nobody_else(name: str) -> None:
    value = READABLE[name]
    key = json.loads(value)["subject"].encode()
    log, bad = mixed([Written(key, value)] * 2, [0.2, 0.7])
    with TemporaryDirectory() as folder:
        store = PartitionStore(Path(folder))
        effects = folded(cases_fold(store), log)
        assert [i for i in said(effects) if b'"timeline":"somewhere-else"' not in i[3]] == said_alone()
        assert accounted(store, effects, bad).total() == 2
        store.close()
        store = PartitionStore(Path(folder))
        after = folded(cases_fold(store), laid([Written(None, tick("2031-01-01T00:00:00Z", "next"))], start=len(log)))
        assert {effect.key for effect in after} == {b"clock"}
        store.close()


def test_a_case_of_endless_texts_and_pauses_says_nothing_that_kafka_would_not_take() -> None:
    """Every effect but the dead letters fits a record, whatever a decodable event held."""
    stage, names = "s" * (MAX_EVENT - 3000), {"id": "i" * 512, "subject": "s" * 512, "timeline": "t" * 512}
    limit = {"limit": {"amount": 1}, "promised_limit": {"amount": 1}, "statutory_limit": {"amount": 1}}
    events: list[tuple[str, dict[str, Any]]] = [
        ("approval.applied.v1", {"item": "i", "agency": "a", "source_ref": "r" * (MAX_EVENT - 3000)}),
        ("approval.accepted.v1", {"agency": "a" * 200, "section": "s" * 200, "officer": "o" * 200, **limit}),
        ("approval.stage_started.v1", {"stage": stage, "agency": "a", **limit}),
    ]
    pause = {"agency": "a", "ground": "hearing", "notice_ref": "n"}
    events += [("approval.paused.v1", pause), ("approval.resumed.v1", {"agency": "a"})] * 300
    log = [
        Written(b"s" * 512, filed(type=name, sequence=n + 1, time="2026-03-02T01:00:00Z", data=data, **names))
        for n, (name, data) in enumerate(events)
    ]
    with a_store() as store:
        effects = folded(cases_fold(store), laid([*log, Written(None, tick("2026-04-02T01:00:00Z", "t" * 512))]))
        assert not letters(effects)
        raised = [effect for effect in effects if effect.topic == ALERTS and effect.key != b"clock"]
        assert len(raised) >= 5
        assert max(len(effect.value) for effect in effects) < KAFKA_TAKES


# Repetitions


@given(st.lists(st.floats(0, 0.999), min_size=1, max_size=30), st.sampled_from([1, 40, 2000]))
@effort(5)
def test_records_sent_again_at_any_later_place_change_nothing(shares: list[float], batch: int) -> None:
    """The relay's promise: at least once, never before its predecessor. Ticks again are repetitions too."""
    again = [(min(share + 0.1, 1.0), good()[int(share * len(good()))]) for share in shares]
    log, bad = mixed([record for _, record in again], [place for place, _ in again])
    with a_store() as store:
        effects = folded(cases_fold(store), log, batch)
        assert said(effects) == said_alone()
        assert not letters(effects)
        assert accounted(store, effects, bad).total() == len(again)


def test_a_skipped_record_is_counted_as_a_gap_and_the_rest_of_the_case_goes_on() -> None:
    events = [decode(record.value) for record in good() if record.key is not None]
    third = next(event for event in events if event.sequence == 3)
    rest = [r for r in good() if r.key is None or decode(r.value).id != third.id]
    with a_store() as store:
        folded(cases_fold(store), laid(rest))
        state = state_of(store, third.timeline, third.subject)
        assert state.gaps == 1
        assert state.last == max(event.sequence for event in events if event.subject == third.subject)


def test_a_dead_letter_put_back_ends_the_clocks_that_its_case_was_accused_by() -> None:
    """An unknown version is read at last, behind its successors: `duban dead-letters replay` undoes the accusation."""
    events = [(n, decode(r.value)) for n, r in enumerate(good()) if r.key is not None]
    delivered = {event.subject for _, event in events if event.type == "approval.delivered.v1"}
    place, decided = next((n, e) for n, e in events if e.type == "approval.decided.v1" and e.subject in delivered)
    record = good()[place]
    unknown = Written(record.key, (record.value or b"").replace(b"approval.decided.v1", b"approval.decided.v9"))
    log = laid([*good()[:place], unknown, *good()[place + 1 :], record])
    with a_store() as store:
        worker = cases_fold(store)
        assert set(letters(folded(worker, log[:-1]))) == {place}
        accused = {clock.name for clock in state_of(store, decided.timeline, decided.subject).clocks if clock.breach}
        assert accused >= {"statutory"}
        again = folded(worker, log[-1:])
        assert {decode(effect.value).type for effect in again} == {"alert.corrected.v1", "fact.recorded.v1"}
        assert state_of(store, decided.timeline, decided.subject).gaps == 0


# The second fold


@cache
def facts() -> list[Written]:
    with a_store() as store:
        effects = folded(cases_fold(store), laid(good()))
    return [Written(e.key, e.value, tuple(e.headers)) for e in effects if (e.topic, laid_in(e)) == (FACTS, 0)]


@cache
def judged_alone() -> list[tuple[str, int, bytes, bytes]]:
    with a_store() as store:
        effects = folded(subjects_fold(store), laid(facts(), FACTS, 0))
        assert any(key != b"clock" for _, _, key, _ in said(effects))
        return said(effects)


@st.composite
def bad_facts(draw: st.DrawFn) -> Written:
    fact = draw(st.sampled_from([r.value for r in facts() if r.value is not None and r.key != b"clock"]))
    record = json.loads(fact) | {"timeline": "somewhere-else"}
    record["data"][draw(st.sampled_from(sorted(record["data"])))] = draw(VALUES)
    return Written(
        draw(st.sampled_from([None, b"k", record["subject"].encode()])),
        draw(spoilt(as_bytes(record)) | st.just(as_bytes(record))),
    )


@given(st.lists(bad_facts().filter(lambda r: harmless(r.value)), min_size=1, max_size=12), st.randoms())
@effort(12)
def test_good_facts_among_bad_ones_are_counted_as_if_they_were_alone(bad: list[Written], chance: random.Random) -> None:
    log: list[Written] = list(facts())
    for record in bad:
        log.insert(chance.randrange(len(log) + 1), record)
    with a_store() as store:
        effects = folded(subjects_fold(store), laid(log, FACTS, 0), chance.choice([1, 50, 2000]))
        assert [i for i in said(effects) if b'"timeline":"somewhere-else"' not in i[3]] == judged_alone()
        for offset, letter in letters(effects).items():
            assert _bytes(letter.value) == log[offset].value
            assert any(log[offset] is record for record in bad)


@pytest.mark.parametrize("value", [filed(), filed(type="alert.raised.v1")], ids=["an application", "an alert"])
def test_a_readable_event_on_the_topic_of_facts_is_a_dead_letter_or_touches_nobody(value: bytes) -> None:
    log = [Written(b"somewhere-else", value), *facts()]
    with a_store() as store:
        effects = folded(subjects_fold(store), laid(log, FACTS, 0))
        assert set(letters(effects)) <= {0}
        assert said(effects) == judged_alone()


def test_times_in_dead_letters_are_those_of_the_log() -> None:
    with a_store() as store:
        (letter,) = letters(folded(cases_fold(store), [ReadRecord(TOPIC, PARTITION, 0, -1, None, b"{")])).values()
        assert to_micros(letter.seen_at) == -1000
    with a_store() as store:
        far = ReadRecord(TOPIC, PARTITION, 0, 2**62, None, b"{")
        (letter,) = letters(folded(cases_fold(store), [far])).values()
        assert letter.seen_at == from_micros(2**62)


def test_a_dead_letter_survives_the_codec() -> None:
    with a_store() as store:
        (effect,) = folded(cases_fold(store), laid([Written(b"\xff", b"\x00\xff")]))
        event = decode(effect.value)
        again = codec.encode(
            event.data, id=event.id, source=event.source, subject=event.subject, time=event.time, sequence=1
        )
        assert again == effect.value
