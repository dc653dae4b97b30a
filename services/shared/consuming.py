"""A Kafka reader for projections: batches in, unreadable records to dead letters, commit only after batches are kept.

At least once: whoever handles a batch must make repeats harmless. A failure of the handler is taken for transient and
tried again in place; nothing is skipped (architecture rules 6 and 9).
"""

import threading
import time
from base64 import b64encode
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec
import structlog
from kafka import KafkaConsumer, KafkaProducer

from services.contracts.codec import Kind, Undecodable, decode, encode
from services.contracts.dead_letters import DeadLetterV1
from services.contracts.envelope import Event
from services.contracts.identifiers import name_of
from services.contracts.topics import DEAD_LETTERS, MAX_DEAD_LETTER

log = structlog.get_logger()
PATIENCE_SECONDS = 20.0
COMMIT_SECONDS = 1.0  # the most that is read again after a crash
RETRY_SECONDS = (0.1, 0.5, 1.0, 2.0, 5.0)


class Record(Protocol):
    """A consumer record; `timestamp` in ms."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


class Received(msgspec.Struct, frozen=True):
    """An event and where it lay. `cause_ts` is the Kafka time (ms) of the record that caused it, when that is known."""

    event: Event
    topic: str
    partition: int
    offset: int
    timestamp: int
    cause_ts: int | None = None


def dead_letter(consumer: str, record: Record, reason: str, seen_at: datetime) -> tuple[bytes, bytes]:
    """Key and value of the dead letter of an unreadable record; the id is the same however often it is met."""
    place = f"{record.topic}-{record.partition}-{record.offset}"
    letter = DeadLetterV1(
        topic=record.topic, partition=record.partition, offset=record.offset, consumer=consumer, reason=reason,
        seen_at=seen_at, key=_base64(record.key), value=_base64(record.value),
    )  # fmt: skip
    name = name_of("dead-letter", consumer, place)
    value = encode(letter, id=name, source=f"/{consumer}", subject=place, time=seen_at, sequence=1)
    return place.encode(), value


def received(record: Record) -> Received:
    """The event in a consumer record. Raises Undecodable."""
    cause = next((v for k, v in record.headers or () if k == "cause-ts"), None)
    return Received(
        event=decode(record.value),
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp=record.timestamp,
        cause_ts=int(cause) if cause and len(cause) < 20 and cause.isdigit() else None,
    )


class BatchReader:
    """Reads `topics` as the group `group` and hands over batches in partition order until `stop` is set.

    `name` signs dead letters; `on_dead_letter(topic, reason)` lets telemetry count.
    A fixed `instance` makes a restart take its partitions back at once and fences an older copy of itself.
    """

    def __init__(
        self,
        *,
        brokers: str,
        name: str,
        topics: Sequence[str],
        instance: str,
        handle: Callable[[list[Received]], None],
        on_dead_letter: Callable[[str, Kind], None],
        on_retry: Callable[[], None] = lambda: None,
        max_records: int = 2000,
    ) -> None:
        self.name = name
        self._topics = tuple(topics)
        self._handle = handle
        self._on_dead_letter = on_dead_letter
        self._on_retry = on_retry
        self._max_records = max_records
        self._servers = brokers.split(",")
        self._instance = instance
        self._consumer = self._connect()
        self._producer: KafkaProducer | None = None
        self.ready = False  # it has partitions and its last batch is written

    def _connect(self) -> KafkaConsumer:
        return KafkaConsumer(
            bootstrap_servers=self._servers,
            client_id=f"duban-{self.name}",
            group_id=f"duban-{self.name}",
            group_instance_id=f"{self.name}-{self._instance}",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_records=self._max_records,
            fetch_max_wait_ms=1_000,  # an answer with records in it does not wait
            session_timeout_ms=15_000,
            heartbeat_interval_ms=3_000,
            metadata_max_age_ms=10_000,  # a topic that was not seen at the start is found soon
        )

    def partitions(self, topics: Sequence[str]) -> dict[str, int]:
        """How many partitions each of `topics` has, as the broker says; a topic that does not exist is left out."""
        counts = {topic: len(self._consumer.partitions_for_topic(topic) or ()) for topic in topics}
        return {topic: count for topic, count in counts.items() if count}

    def run(self, stop: threading.Event) -> None:
        """Read until `stop` is set; what has been handled is committed, what has not will be read again."""
        self._consumer.subscribe(self._topics)
        patience = PATIENCE_SECONDS
        since = time.monotonic()
        kept_since: float | None = None  # batches have been kept since then and not been committed
        try:
            while not stop.is_set():
                if self._consumer.assignment():
                    since = time.monotonic()
                elif time.monotonic() - since > patience:  # a spare copy, or a join that hangs
                    log.warning("group.rejoined", consumer=self.name, after_s=patience)
                    self._consumer.close()
                    self._consumer = self._connect()
                    self._consumer.subscribe(self._topics)
                    since, patience = time.monotonic(), patience * 2
                polled = self._consumer.poll(timeout_ms=200, max_records=self._max_records)
                now = time.monotonic()
                if polled:
                    kept_since = (kept_since or now) if self._done(polled, stop) else None
                if kept_since is not None and (not polled or now - kept_since > COMMIT_SECONDS):
                    self._consumer.commit()
                    kept_since = None
                self.ready = bool(self._consumer.assignment())
            if kept_since is not None:
                self._consumer.commit()
        finally:
            self._consumer.close()
            if self._producer is not None:
                self._producer.close()

    def _done(self, polled: dict[Any, list[Any]], stop: threading.Event) -> bool:
        batch: list[Received] = []
        for records in polled.values():
            for record in records:
                try:
                    batch.append(received(record))
                except Undecodable as error:
                    self._bury(record, error)
        attempt = 0
        while not stop.is_set():
            try:
                if self._producer is not None:
                    self._producer.flush()
                if batch:
                    self._handle(batch)
                return True
            except Exception as error:  # transient by assumption: the store is away, so wait and repeat
                pause = RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)]
                log.warning("batch.retried", consumer=self.name, error=repr(error)[:500], pause_s=pause)
                self._on_retry()
                self.ready = False
                attempt += 1
                stop.wait(pause)
        return False

    def _bury(self, record: Record, error: Undecodable) -> None:
        if self._producer is None:
            self._producer = KafkaProducer(
                bootstrap_servers=self._servers, acks="all", enable_idempotence=True, max_request_size=MAX_DEAD_LETTER
            )
        key, value = dead_letter(self.name, record, str(error), datetime.now(UTC))
        self._producer.send(DEAD_LETTERS, key=key, value=value)
        self._on_dead_letter(record.topic, error.kind)
        log.error("record.undecodable", place=key.decode(), reason=str(error))


def now_ms() -> int:
    """The wall clock in Kafka's unit."""
    return time.time_ns() // 1_000_000


def _base64(value: bytes | None) -> str | None:
    return b64encode(value).decode() if value is not None else None
