"""The codec refuses what is no event with one reason, whatever the bytes, and never raises anything else."""

import json
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts import codec
from services.contracts.clock import ClockTickedV1
from services.contracts.complaints import ComplaintFiledV1
from services.contracts.examples import examples
from services.contracts.instants import from_micros, to_micros
from services.contracts.registry import MODELS, event_type, topic_models
from services.contracts.topics import SOURCE_TOPICS, TOPICS, topic

FILED = examples()["complaint.filed.v1"]


def _decoded_or_refused(value: bytes) -> None:
    reason = ""
    try:
        codec.decode(value)
    except codec.Undecodable as error:
        reason = str(error)
    assert "\n" not in reason, "a reason fits one line of a dead letter"


@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_refused(value: bytes) -> None:
    _decoded_or_refused(value)


@given(st.sampled_from(sorted(examples())), st.data())
def test_damaged_records_are_decoded_or_refused(name: str, data: st.DataObject) -> None:
    value = bytearray(examples()[name])
    at = data.draw(st.integers(0, len(value) - 1))
    value[at : at + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=40))
    _decoded_or_refused(bytes(value))


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "empty record"),
        (b"", "empty record"),
        (b"[1]", "not a CloudEvents envelope"),
        (b"[" * 100_000, "not a CloudEvents envelope"),
        (FILED.replace(b"filed.v1", b"filed.v9"), "unknown event type 'complaint.filed.v9'"),
        (FILED.replace(b"hotline", b"telepathy"), "complaint.filed.v1: Invalid enum value 'telepathy'"),
        (FILED.replace(b'"1.0"', b'"0.3"'), "Invalid enum value '0.3'"),
        (FILED.replace(b'"sequence":1', b'"sequence":"1"'), "Expected `int`, got `str`"),
    ],
)
def test_refusal_says_why(value: bytes | None, reason: str) -> None:
    with pytest.raises(codec.Undecodable) as refused:
        codec.decode(value)
    assert reason in str(refused.value)


def test_record_without_optional_attributes_is_live() -> None:
    record = json.loads(FILED)
    for name in ("timeline", "specversion", "datacontenttype"):
        del record[name]
    assert codec.decode(json.dumps(record).encode()).timeline == "live"


@given(st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.timezones()))  # noqa: DTZ001
def test_instant_survives_as_microseconds(at: datetime) -> None:
    assert from_micros(to_micros(at)) == at.astimezone(UTC)


def test_naive_instant_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        to_micros(datetime(2026, 3, 2))  # noqa: DTZ001 (that is the case)


def test_instants_of_one_moment_in_two_zones_are_the_same() -> None:
    city = datetime(2026, 3, 2, 8, tzinfo=timezone(timedelta(hours=8)))
    assert to_micros(city) == to_micros(datetime(2026, 3, 2, tzinfo=UTC))


def test_event_type_follows_from_the_class() -> None:
    assert event_type(ComplaintFiledV1) == "complaint.filed.v1"
    assert all(event_type(model) == name for name, model in MODELS.items())


def test_every_topic_but_dead_letters_and_heads_carries_ticks() -> None:
    ticked = {t.name for t in TOPICS if event_type(ClockTickedV1) in topic_models(t.name)}
    assert ticked == {t.name for t in TOPICS} - {"dead-letters.v1", "audit-heads.v1"}
    assert all("calendar.decreed.v1" in topic_models(name) for name in SOURCE_TOPICS)


def test_unknown_topic_is_refused_with_the_known_ones() -> None:
    with pytest.raises(KeyError, match=r"no topic 'complaints.v2': there are complaints\.v1"):
        topic("complaints.v2")


def test_events_are_immutable() -> None:
    event = codec.decode(FILED)
    with pytest.raises(AttributeError):
        event.data.channel = "letter"
    assert msgspec.structs.replace(event.data, channel="letter").channel == "letter"
