"""The dead letters on Kafka: read them all, and put the original record back where it lay, once.

The box is a log, so what has been replayed is remembered in it: a marker record with the header `replayed` carries the
key of the letter. The order is put back, then mark; a kill between the two leaves a letter that can be replayed again,
and its record, with the same event id and sequence, is recognised as a repeat by whoever reads it.
"""

from base64 import b64decode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from kafka import KafkaProducer
from kafka.errors import KafkaError

from services.contracts.codec import Undecodable, decode
from services.contracts.dead_letters import DeadLetterV1
from services.contracts.topics import DEAD_LETTERS
from services.shared.topic_records import KafkaUnreachable, records

REPLAYED, REPLAY_OF = "replayed", "replay-of"
_TIMEOUT_MS = 15_000


@dataclass(frozen=True)
class Letter:
    """`id` is the letter's event id. `replayed_at` is None until it has been put back."""

    id: str
    offset: int
    data: DeadLetterV1
    replayed_at: datetime | None = None


@dataclass(frozen=True)
class Box:
    """Letters in the order of arrival, one for each id, and records of the topic that are no dead letters at all."""

    letters: list[Letter]
    unreadable: list[int]


def read(brokers: str) -> Box:
    """Every letter that lies in dead-letters.v1 now. Raises KafkaUnreachable."""
    letters: dict[str, Letter] = {}
    replayed: dict[str, datetime] = {}
    unreadable: list[int] = []
    for record in records(brokers, DEAD_LETTERS):
        try:
            event = decode(record.value)
        except Undecodable:
            unreadable.append(record.offset)
            continue
        if not isinstance(event.data, DeadLetterV1):
            unreadable.append(record.offset)
        elif any(name == REPLAYED for name, _ in record.headers or ()):
            replayed[event.id] = event.time
        elif event.id not in letters:
            letters[event.id] = Letter(event.id, record.offset, event.data)
    found = [Letter(x.id, x.offset, x.data, replayed.get(x.id)) for x in letters.values()]
    return Box(sorted(found, key=lambda letter: letter.offset), unreadable)


def replay(
    brokers: str, letters: Sequence[Letter], marker: Callable[[Letter], bytes], done: Callable[[Letter], None]
) -> int:
    """Put each letter's bytes back under its key in its partition, then mark it; `marker` makes the marker's value.

    Letters that were replayed or are not replayable are left out. Returns how many were put back.
    Raises KafkaUnreachable at the first that the broker does not acknowledge; those before it are done and marked.
    """
    try:
        producer = KafkaProducer(
            bootstrap_servers=brokers.split(","), acks="all", enable_idempotence=True, request_timeout_ms=_TIMEOUT_MS
        )
    except KafkaError as error:
        raise KafkaUnreachable(f"no Kafka broker answers at {brokers}: {error}") from error
    count = 0
    try:
        for letter in letters:
            if letter.replayed_at is not None or not letter.data.replayable:
                continue
            data = letter.data
            producer.send(
                data.topic, key=_bytes(data.key), value=_bytes(data.value), partition=data.partition,
                headers=[(REPLAY_OF, letter.id.encode())],
            ).get(timeout=_TIMEOUT_MS / 1000)  # fmt: skip
            place = f"{data.topic}-{data.partition}-{data.offset}".encode()
            producer.send(DEAD_LETTERS, key=place, value=marker(letter), headers=[(REPLAYED, b"1")]).get(
                timeout=_TIMEOUT_MS / 1000
            )
            count += 1
            done(letter)
    except KafkaError as error:
        raise KafkaUnreachable(f"Kafka at {brokers} did not acknowledge: {error}") from error
    finally:
        producer.close()
    return count


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else b64decode(text)
