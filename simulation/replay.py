"""Segments as the very records that lie on the topics, in order. Free of connections to Kafka."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

import msgspec

from services.contracts import codec
from services.contracts.clock import ClockTickedV1
from services.contracts.envelope import Envelope
from services.contracts.identifiers import case_id, name_of
from services.contracts.registry import event_type
from services.contracts.topics import SOURCE_TOPICS
from services.shared.partitioner import partition_of
from simulation.stream import SERVICES, Command, Segment


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A Kafka record to be appended to `topic`-`partition`; `key` is the case id, None for a tick."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes


def records(timeline: str, segments: Iterable[Segment], partitions: int | Mapping[str, int] = 4) -> Iterator[Record]:
    """Each segment's tick in every partition of every source topic, then its events.

    Event ids are names of (timeline, case, ordinal), so sending a segment again sends the same events again.
    """
    counts = {topic: partitions if isinstance(partitions, int) else partitions[topic] for topic in SOURCE_TOPICS}
    for segment in segments:
        for topic in SOURCE_TOPICS:
            for partition in range(counts[topic]):
                yield tick(timeline, segment.as_of, topic, partition)
        for command in segment.commands:
            yield event(timeline, command, counts[SERVICES[command.kind].topic])


def event(timeline: str, command: Command, partitions: int) -> Record:
    """The record of the event that `command` stands for, in the partition that the relay would choose."""
    service = SERVICES[command.kind]
    subject = case_id(command.kind, timeline, command.source_ref)
    envelope = Envelope(
        id=name_of("event", timeline, subject, command.ordinal), source=f"/{service.name}",
        type=event_type(service.models[command.command]), subject=subject, time=command.occurred_at.astimezone(UTC),
        sequence=command.ordinal, timeline=timeline, data=command.data,
    )  # fmt: skip
    key = subject.encode()
    return Record(
        topic=service.topic, partition=partition_of(key, partitions), key=key, value=codec.encode_json(envelope)
    )


def tick(timeline: str, as_of: datetime, topic: str, partition: int) -> Record:
    """The record that says: every event of this timeline before `as_of` stands earlier in this partition."""
    at = as_of.astimezone(UTC)
    value = codec.encode(
        ClockTickedV1(as_of=at), id=name_of("tick", timeline, at.isoformat(), topic, partition),
        source="/" + topic.partition(".")[0], subject="clock", time=at, sequence=0, timeline=timeline,
    )  # fmt: skip
    return Record(topic=topic, partition=partition, key=None, value=value)
