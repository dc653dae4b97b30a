"""Three brokers: every topic in three copies, and a killed broker stops nobody."""

from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer

from services.shared import topics_admin
from tests.support.stack import running_stack

pytestmark = [pytest.mark.stack, pytest.mark.slow]


def test_three_copies_survive_the_death_of_a_broker(tmp_path: Path) -> None:
    with running_stack(tmp_path / "city", ("kafka",), brokers=3) as stack:
        reports = topics_admin.check(stack.brokers, partitions=4, replication=3)
        assert [(r.name, r.state, r.replication) for r in reports] == [(r.name, "ok", 3) for r in reports]

        stack.hold("kafka-2")
        producer = Producer({"bootstrap.servers": stack.brokers, "acks": "all", "enable.idempotence": True})
        failures: list[str] = []
        for number in range(40):
            producer.produce(
                "complaints.v1", str(number).encode(), key=str(number).encode(),
                on_delivery=lambda error, _: failures.append(str(error)) if error else None,
            )  # fmt: skip
        assert producer.flush(60) == 0
        assert failures == []

        consumer = Consumer({
            "bootstrap.servers": stack.brokers, "group.id": "test", "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        })  # fmt: skip
        consumer.subscribe(["complaints.v1"])
        seen: set[bytes] = set()
        while len(seen) < 40:
            found = consumer.consume(40, timeout=30)
            assert found, f"only {len(seen)} of 40 records could be read"
            seen |= {record.value() for record in found if not record.error()}
        consumer.close()
        stack.release("kafka-2")
