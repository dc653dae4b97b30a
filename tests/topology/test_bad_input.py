"""Bad records among good ones, through the whole fold of a partition on a real store.

Nothing stops the worker, also not when it is started again. Every record is folded, or recognised as a repetition, or a
dead letter that holds it whole and has a reason to count it by. The good records give the effects that they give alone.
"""

import json
import random
import re
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts import codec
from services.contracts.codec import MAX_EVENT, decode
from services.contracts.instants import from_micros, to_micros
from services.contracts.topics import ALERTS
from services.supervision.runtime.reader import ReadRecord
from services.supervision.runtime.store import PartitionStore
from tests.fuzz.effort import effort
from tests.fuzz.spoiling import spoilt
from tests.topology.among_good import (
    HUGE,
    KAFKA_TAKES,
    PARTITION,
    PLACE,
    T0_MS,
    TOPIC,
    Written,
    a_store,
    accounted,
    cases_fold,
    elsewhere,
    events,
    filed,
    folded,
    harmless,
    laid,
    letters,
    mixed,
    said,
    said_alone,
    tick,
)


@st.composite
def bad_records(draw: st.DrawFn) -> Written:
    """A spoilt record of another case, under any key, with headers that may be nonsense."""
    value = draw(st.sampled_from(events()).flatmap(lambda event: spoilt(elsewhere(event))))
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
