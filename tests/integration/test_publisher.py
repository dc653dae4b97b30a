"""What the publisher leaves to librdkafka lies where everybody else would lay it."""

import pytest
from confluent_kafka import Consumer, TopicPartition

from deploy.embedded.stack import Stack
from services.contracts.topics import Topic
from services.shared import topics_admin
from services.shared.partitioner import partition_of
from services.supervision.runtime.publisher import Publisher
from services.supervision.runtime.store import BY_KEY, StoredEffect
from tests.support.stack import eventually

pytestmark = pytest.mark.stack


def test_effects_lie_by_key_where_the_relay_lays_the_same_key(infra: Stack) -> None:
    topic = Topic(name="by-key.v1", about="-", key="subject", producers=(), consumers=())
    topics_admin.apply(infra.brokers, partitions=4, replication=1, topics=(topic,))
    keys = [f"agency:{number}/{'科' * (number % 9)}".encode() for number in range(300)] + [b"x", b"\x00\xff\x80"]
    publisher = Publisher(infra.brokers)
    publisher.send(StoredEffect(topic.name, BY_KEY, key, b"{}", [("origin", b"a:1:1")]) for key in keys)
    publisher.flush()
    consumer = Consumer({"bootstrap.servers": infra.brokers, "group.id": "by-key", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic.name, number, 0) for number in range(4)])
    found: dict[bytes, int] = {}
    eventually(
        lambda: [found.update({m.key(): m.partition()}) for m in consumer.consume(100, 1)] and len(found) == len(keys),
        30,
    )
    consumer.close()
    assert found == {key: partition_of(key, 4) for key in keys}
    assert len(set(found.values())) == 4
