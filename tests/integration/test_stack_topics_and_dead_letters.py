"""Topics and dead letters on a real broker, through the command line."""

import json
import subprocess
import sys
from base64 import b64encode
from datetime import UTC, datetime

import pytest
from confluent_kafka import Consumer, Producer
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from deploy.embedded.plan import ROOT
from deploy.embedded.stack import Stack
from services.contracts.codec import encode
from services.contracts.dead_letters import DeadLetterV1
from services.contracts.topics import DEAD_LETTERS, FACTS, TOPICS, Topic
from services.shared import topics_admin

pytestmark = pytest.mark.stack
T0 = datetime(2026, 3, 2, 1, tzinfo=UTC)


def duban(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "duban.main", *arguments, "--data", str(stack.data)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_every_described_topic_exists_as_described(infra: Stack) -> None:
    answer = duban(infra, "topics", "check", "--json")
    rows = [json.loads(line) for line in answer.stdout.splitlines()]
    assert answer.returncode == 0
    assert [(row["name"], row["state"]) for row in rows] == [(topic.name, "ok") for topic in TOPICS]


def test_apply_creates_what_is_missing_and_nothing_twice(infra: Stack) -> None:
    extra = (*TOPICS, Topic(name="measures.v9", about="-", key="subject", producers=(), consumers=()))
    first = topics_admin.apply(infra.brokers, partitions=4, replication=1, topics=extra)
    assert {report.state for report in first[:-1]} == {"ok"}
    assert first[-1].state == "created"
    second = topics_admin.apply(infra.brokers, partitions=4, replication=1, topics=extra)
    assert {report.state for report in second} == {"ok"}


def test_apply_refuses_another_number_of_partitions_and_creates_nothing(infra: Stack) -> None:
    extra = (*TOPICS, Topic(name="never.v1", about="-", key="subject", producers=(), consumers=()))
    for partitions in (2, 8):
        with pytest.raises(topics_admin.TopicsRefused, match=r"complaints\.v1 has 4 partitions"):
            topics_admin.apply(infra.brokers, partitions=partitions, replication=1, topics=extra)
    reports = topics_admin.check(infra.brokers, partitions=4, replication=1, topics=extra)
    assert reports[-1].state == "missing"
    answer = duban(infra, "topics", "apply", "--partitions", "8")
    assert answer.returncode == 2
    assert "would break the order of cases" in answer.stderr


def test_retention_changed_by_hand_is_drift(infra: Stack) -> None:
    def set_retention(milliseconds: int) -> None:
        client = KafkaAdminClient(bootstrap_servers=infra.brokers)
        resource = ConfigResource(ConfigResourceType.TOPIC, FACTS, {"retention.ms": str(milliseconds)})
        client.alter_configs([resource])
        client.close()

    described = next(topic for topic in TOPICS if topic.name == FACTS)
    set_retention(86_400_000)
    try:
        answer = duban(infra, "topics", "check", "--json")
        assert answer.returncode == 1
        drifted = [row for line in answer.stdout.splitlines() if (row := json.loads(line))["state"] != "ok"]
        assert [row["name"] for row in drifted] == [FACTS]
        assert "retention.ms is 86400000" in drifted[0]["differences"][0]
    finally:
        set_retention(described.retention_ms)


def test_a_dead_letter_is_put_back_once(infra: Stack) -> None:
    original = b'{"not": "an event"}'
    letter = DeadLetterV1(
        topic="inspections.v1", partition=2, offset=77, consumer="supervision.cases", reason="not an event",
        seen_at=T0, key=b64encode(b"inspection-1").decode(), value=b64encode(original).decode(),
    )  # fmt: skip
    value = encode(letter, id="letter-1", source="/test", subject="inspections.v1-2-77", time=T0, sequence=1)
    producer = Producer({"bootstrap.servers": infra.brokers})
    for _ in range(2):  # the consumer was killed before it could commit: the same letter twice
        producer.produce(DEAD_LETTERS, value, key=b"inspections.v1-2-77")
    producer.flush(20)

    rows = [json.loads(line) for line in duban(infra, "dead-letters", "list", "--json").stdout.splitlines()]
    assert [(row["id"], row["replayed_at"]) for row in rows] == [("letter-1", None)]
    assert duban(infra, "dead-letters", "replay").returncode == 2
    assert duban(infra, "dead-letters", "replay", "--id", "letter-2").returncode == 2
    first = duban(infra, "dead-letters", "replay", "--id", "letter-1")
    assert "1 put back, 0 were put back before" in first.stdout, first.stderr
    again = duban(infra, "dead-letters", "replay", "--all")
    assert "0 put back, 1 were put back before" in again.stdout

    consumer = Consumer({"bootstrap.servers": infra.brokers, "group.id": "t", "auto.offset.reset": "earliest"})
    consumer.subscribe(["inspections.v1"])
    records = [record for record in consumer.consume(10, timeout=8) if not record.error()]
    consumer.close()
    assert [(r.partition(), r.key(), r.value()) for r in records] == [(2, b"inspection-1", original)]
    assert ("replay-of", b"letter-1") in records[0].headers()
    listed = json.loads(duban(infra, "dead-letters", "list", "--json").stdout)
    assert listed["replayed_at"] is not None
