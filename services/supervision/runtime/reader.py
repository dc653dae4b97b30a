"""Reads partitions with librdkafka, from where their stores are. Knows no group and no Faust; for one thread alone."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import msgspec
import structlog
from confluent_kafka import Consumer, TopicPartition

log = structlog.get_logger()
Place = tuple[str, int]
_PREFETCHED_KB = 32_768
_GATHER_SECONDS = 0.005


class ReadRecord(msgspec.Struct, array_like=True, gc=False):
    """A consumer record; `timestamp` in ms."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Any = None


class Reader:
    """A consumer that belongs to no group and commits nothing; `most` records a batch."""

    def __init__(self, brokers: str, most: int) -> None:
        self._most = most
        self._consumer = Consumer(
            {
                "bootstrap.servers": brokers,
                "group.id": "duban-reader",  # has to be given; nothing is ever committed to it
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "queued.max.messages.kbytes": _PREFETCHED_KB,
                "fetch.wait.max.ms": 50,
                "fetch.queue.backoff.ms": 10,
                "topic.metadata.refresh.interval.ms": 10_000,
                "reconnect.backoff.max.ms": 1000,
                "log_level": 2,
            }
        )

    def begin(self, place: Place, offset: int) -> None:
        """Read a partition from `offset` on, or from its first record when that is later."""
        self._consumer.incremental_assign([TopicPartition(*place, offset)])

    def end(self, place: Place) -> None:
        """Read it no more. Resumed first, or it would come back paused: librdkafka keeps that beyond assignments."""
        self._consumer.resume([TopicPartition(*place)])
        self._consumer.incremental_unassign([TopicPartition(*place)])

    def pause(self, places: Iterable[Place]) -> None:
        self._consumer.pause([TopicPartition(*place) for place in places])

    def resume(self, places: Iterable[Place]) -> None:
        self._consumer.resume([TopicPartition(*place) for place in places])

    def caught_up(self, place: Place, offset: int) -> bool:
        """Whether the log was not known to go on at `offset` when the last batch came from the broker."""
        _, end = self._consumer.get_watermark_offsets(TopicPartition(*place), cached=True)
        return end <= offset

    def poll(self, seconds: float) -> dict[Place, list[ReadRecord]]:
        """What has come, in order for each partition; waits up to `seconds` for the first record, and a little for
        those that come with it: every batch writes the states it touches."""
        found: defaultdict[Place, list[ReadRecord]] = defaultdict(list)
        messages = self._consumer.consume(1, seconds)
        if messages and self._most > 1:
            messages += self._consumer.consume(self._most - 1, _GATHER_SECONDS)
        for message in messages:
            if (error := message.error()) is not None:
                log.warning("reader.error", error=error.str())
                continue
            topic: Any = message.topic()
            partition: Any = message.partition()
            offset: Any = message.offset()
            found[topic, partition].append(
                ReadRecord(
                    topic, partition, offset, message.timestamp()[1], message.key(), message.value(), message.headers()
                )
            )
        return found
