"""The decoder on records that nobody should write: an event that can be folded, stored and passed on, or one refusal
that can be counted and shown. Nothing else is ever raised."""

import json
import re
from copy import deepcopy
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.contracts import codec
from services.contracts.clock import CalendarDecreedV1, ClockTickedV1
from services.contracts.codec import KINDS, MAX_EVENT, MAX_NAME, MAX_SEQUENCE, Undecodable, decode
from services.contracts.complaints import ComplaintAcceptedV1
from services.contracts.dead_letters import DeadLetterV1
from services.contracts.envelope import EventModel
from services.contracts.examples import examples
from services.contracts.instants import exists_in_utc, from_micros, to_micros
from tests.fuzz.effort import effort
from tests.fuzz.folding import can_be_folded
from tests.fuzz.oracle import judged
from tests.fuzz.spoiling import as_bytes, spoilt
from tests.fuzz.values import FIELDS, INSTANTS, NASTY

GOOD = examples()
FILED, EXTENDED, DISPATCHED = (GOOD[f"complaint.{name}.v1"] for name in ("filed", "extended", "dispatched"))
T0 = datetime(2026, 3, 2, 1, tzinfo=UTC)


@given(st.sampled_from(sorted(GOOD)).flatmap(lambda name: spoilt(GOOD[name])))
@effort(300)
def test_a_spoilt_record_is_an_event_that_can_be_kept_or_a_refusal_that_can_be_counted(value: bytes) -> None:
    judged(value)


SOURCES = sorted(name for name in GOOD if name.split(".")[0] in ("complaint", "approval", "directive", "inspection"))


@given(st.sampled_from([*SOURCES, "calendar.decreed.v1"]), st.data())
@effort(60)
def test_whatever_the_decoder_lets_through_the_rules_take_and_what_they_say_can_be_published(
    name: str, data: st.DataObject
) -> None:
    record = json.loads(GOOD[name])
    for _ in range(data.draw(st.integers(0, 3))):
        place = data.draw(st.sampled_from([record["data"], record["data"], record]))
        place[data.draw(st.sampled_from([*sorted(place), *FIELDS]))] = deepcopy(data.draw(st.sampled_from(NASTY)))
        if not isinstance(record.get("data"), dict):
            break
    can_be_folded(as_bytes(record))


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4), max_leaves=20,
).map(as_bytes))  # fmt: skip
@effort(100)
def test_what_was_never_a_record_is_refused(value: bytes) -> None:
    assert judged(value) in {"empty", "envelope"}


def with_field(value: bytes, name: str, json_value: bytes) -> bytes:
    """`value` with the first field called `name` set to raw JSON."""
    pattern = rb'"%s":("(?:[^"\\]|\\.)*"|\d+)' % name.encode()
    found, count = re.subn(pattern, lambda _: b'"%s":%s' % (name.encode(), json_value), value, count=1)
    assert count == 1
    return found


@pytest.mark.parametrize("name", ["id", "source", "subject", "timeline"])
@pytest.mark.parametrize("text", [b'""', b'"' + b"x" * (MAX_NAME + 1) + b'"'])
def test_a_name_is_not_empty_and_not_endless(name: str, text: bytes) -> None:
    assert judged(with_field(FILED, name, text)) == "name"
    assert judged(with_field(FILED, name, b'"' + b"x" * MAX_NAME + b'"')) == "complaint.filed.v1"


@pytest.mark.parametrize("name", ["subject", "timeline"])
def test_two_cases_never_share_a_key(name: str) -> None:
    """Timeline, NUL, subject: were NUL allowed in them, "a" and "b\\0c" would be the case of "a\\0b" and "c"."""
    for value in (FILED, GOOD["clock.ticked.v1"]):
        assert judged(with_field(value, name, b'"a\\u0000b"')) == "name"


@pytest.mark.parametrize("name", ["agency", "section", "officer"])
def test_a_code_is_fit_for_the_key_of_a_fact(name: str) -> None:
    """A fact's subject is made of it: what no reader of facts.v1 would take is refused where it enters."""
    record = json.loads(DISPATCHED)
    for code, verdict in (("c" * 200, "complaint.dispatched.v1"), ("c" * 201, "name"), ("a\0b", "name")):
        record["data"][name] = code
        assert judged(as_bytes(record)) == verdict


@pytest.mark.parametrize("number", [0, -1, MAX_SEQUENCE + 1, 2**64, -(2**70), 10**30, 10**4000])
def test_a_sequence_that_no_case_can_have_is_refused(number: int) -> None:
    """A zero would pass for a repetition of what was never seen; beyond 64 bits no store can hold it."""
    assert judged(with_field(FILED, "sequence", str(number).encode())) == "sequence"
    assert judged(with_field(FILED, "sequence", str(MAX_SEQUENCE).encode())) == "complaint.filed.v1"


DECREE = CalendarDecreedV1(year=2027, version="v", holidays=[], makeup_workdays=[])


@pytest.mark.parametrize("model", [ClockTickedV1(as_of=T0), DECREE])
def test_what_belongs_to_no_case_has_the_sequence_zero(model: EventModel) -> None:
    value = codec.encode(model, id="e", source="/s", subject="clock", time=T0, sequence=0)
    assert decode(value).sequence == 0


@pytest.mark.parametrize("instant", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("complaint.filed.v1", "time"), ("complaint.dispatched.v1", "due_at"), ("clock.ticked.v1", "as_of"),
        ("fact.recorded.v1", "known_at"), ("alert.settled.v1", "settled_at"), ("alert.settled.v1", "at"),
    ],
)  # fmt: skip
def test_an_instant_that_does_not_exist_in_utc_is_refused(name: str, field: str, instant: str) -> None:
    record = json.loads(GOOD[name])
    if field == "at":
        record["data"]["trail"][-1]["at"] = instant
    else:
        (record if field == "time" else record["data"])[field] = instant
    assert judged(as_bytes(record)) == "instant"


@pytest.mark.parametrize(
    "instant", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "0001-01-01T08:00:00+08:00"]
)
def test_the_first_and_the_last_instant_of_all_are_instants(instant: str) -> None:
    at = decode(with_field(FILED, "time", f'"{instant}"'.encode())).time
    assert from_micros(to_micros(at)) == at


@given(st.integers())
@example(2**62)
@example(-(2**62))
@effort(50)
def test_every_number_of_microseconds_is_an_instant(micros: int) -> None:
    at = from_micros(micros)
    assert exists_in_utc(at)
    assert to_micros(at) == micros or at in (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


def test_an_oversized_event_is_refused_and_an_oversized_dead_letter_is_not() -> None:
    padding = b"x" * MAX_EVENT
    assert judged(FILED.replace(b'"data":{', b'"data":{"padding":"%s",' % padding)) == "size"
    letter = DeadLetterV1(
        topic="t", partition=0, offset=1, consumer="c", reason="r", seen_at=T0, value=padding.decode()
    )
    value = codec.encode(letter, id="e", source="/s", subject="p", time=T0, sequence=1)
    assert judged(value) == "dead.letter.v1"


@pytest.mark.parametrize("channel", ["x" * 200_000, "first\nsecond", "\u2028", "\x1b[31m", "督" * 20_000])
def test_a_reason_is_one_short_printable_line_whatever_the_record_holds(channel: str) -> None:
    record = json.loads(FILED)
    record["data"]["channel"] = channel[: MAX_EVENT // 8]
    assert judged(as_bytes(record)) == "data"
    with pytest.raises(Undecodable, match=r"^complaint\.filed\.v1: Invalid enum value .* - at `\$\.channel`$"):
        decode(as_bytes(record))


def test_every_kind_of_refusal_is_met() -> None:
    """So that a count by reason has no reason that never comes; what the rules fail on is not the decoder's."""
    bad = [
        b"", b"{", FILED.replace(b"filed.v1", b"filed.v2"), FILED.replace(b"hotline", b"telepathy"),
        FILED.replace(b'"data":{', b'"data":{"p":"%s",' % (b"x" * MAX_EVENT)), with_field(FILED, "subject", b'""'),
        with_field(FILED, "sequence", b"0"), with_field(FILED, "time", f'"{INSTANTS[1]}"'.encode()),
    ]  # fmt: skip
    assert {judged(value) for value in bad} == set(KINDS) - {"key", "fold"}  # those are found out by who folds
    assert Undecodable("the fold failed: KeyError('x')").kind == "fold"


def test_what_the_rules_fail_on_is_told_in_one_printable_line_too() -> None:
    reason = str(Undecodable("the fold failed:\n\x1b[31mboom\u2028" + "督" * 1000))
    assert reason.isprintable()
    assert reason.startswith("the fold failed:")
    assert len(reason) <= 300


@pytest.mark.parametrize("bad", [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"])
@pytest.mark.parametrize(("place", "kind"), [(b'"subject":"', "envelope"), (b'"channel":"', "data")])
def test_what_is_no_utf_8_is_refused_wherever_it_stands(bad: bytes, place: bytes, kind: str) -> None:
    assert judged(FILED.replace(place, place + bad)) == kind


@pytest.mark.parametrize("amount", ["-1", "3661", "1e2", "5.0", '"5"', "null", "9" * 30, "9" * 5000, "NaN", "[5]"])
def test_a_limit_that_no_law_could_set_is_refused(amount: str) -> None:
    value = re.sub(rb'"amount":\d+', b'"amount":' + amount.encode(), EXTENDED)
    assert judged(value) in {"data", "envelope"}


def test_text_of_the_other_planes_survives() -> None:
    value = codec.encode(
        ComplaintAcceptedV1(agency="督办😀"), id="e", source="/s", subject="件-😀", time=T0, sequence=1
    )
    event = decode(value)
    assert (event.subject, event.data.agency) == ("件-😀", "督办😀")
    assert msgspec.json.decode(value)["subject"] == "件-😀"
