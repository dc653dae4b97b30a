"""Everything that lies in a topic now, for commands that look at it once. Free of groups and of offsets kept."""

from collections.abc import Iterator
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError


class KafkaUnreachable(RuntimeError):
    """Kafka did not answer, or did not acknowledge."""


def records(brokers: str, topic: str) -> Iterator[Any]:
    """Every record of every partition up to the end as it is at the start. Raises KafkaUnreachable."""
    try:
        consumer = KafkaConsumer(
            bootstrap_servers=brokers.split(","), enable_auto_commit=False, auto_offset_reset="earliest", group_id=None
        )
    except KafkaError as error:
        raise KafkaUnreachable(f"no Kafka broker answers at {brokers}: {error}") from error
    try:
        numbers = consumer.partitions_for_topic(topic) or set()
        partitions = [TopicPartition(topic, number) for number in sorted(numbers)]
        if not partitions:
            return
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        ends = consumer.end_offsets(partitions)
        while any(consumer.position(partition) < end for partition, end in ends.items()):
            for found in consumer.poll(timeout_ms=1000).values():
                yield from found
    except KafkaError as error:
        raise KafkaUnreachable(f"Kafka at {brokers} did not answer: {error}") from error
    finally:
        consumer.close()
