"""Topics as contracts describe them, made and checked on a real Kafka. Never shrinks and never repartitions.

A case lives in one partition: with another number of partitions its later events would go to another one, and its
order would be lost. So a different number is refused, not mended. Retention and cleanup that were changed by hand are
reported as drift and left alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import KafkaError

from services.contracts.topics import FOREVER, TOPICS, Topic

State = Literal["ok", "missing", "created", "drift"]
_TIMEOUT_MS = 15_000


class TopicsRefused(RuntimeError):
    """What Kafka holds cannot become what is asked without losing the order of cases. Nothing was changed."""


class BrokerUnreachable(RuntimeError):
    """No broker answered."""


@dataclass(frozen=True)
class TopicReport:
    """`differences` says what is not as described, one sentence each. Counts are 0 for a missing topic."""

    name: str
    state: State
    partitions: int = 0
    replication: int = 0
    retention_ms: int | None = None
    cleanup: str | None = None
    differences: list[str] = field(default_factory=list)


def check(brokers: str, *, partitions: int, replication: int, topics: Iterable[Topic] = TOPICS) -> list[TopicReport]:
    """How each described topic stands on the cluster; changes nothing. Raises BrokerUnreachable."""
    client = _client(brokers)
    try:
        return _check(client, list(topics), partitions, replication)
    except KafkaError as error:
        raise BrokerUnreachable(f"Kafka at {brokers} did not answer: {error}") from error
    finally:
        client.close()


def apply(brokers: str, *, partitions: int, replication: int, topics: Iterable[Topic] = TOPICS) -> list[TopicReport]:
    """Create the described topics that are missing and report on all; a second call changes nothing.

    `partitions` is for every topic described with more than one. Raises TopicsRefused when a topic exists with another
    number of partitions, before anything is created, and BrokerUnreachable.
    """
    described = list(topics)
    client = _client(brokers)
    try:
        before = {report.name: report for report in _check(client, described, partitions, replication)}
        _refuse_repartitioning(described, before, partitions)
        missing = [topic for topic in described if before[topic.name].state == "missing"]
        if missing:
            wanted = {topic.name: _wanted(topic, partitions, replication) for topic in missing}
            client.create_topics(wanted, timeout_ms=_TIMEOUT_MS, raise_errors=False, wait_for_metadata=True)
        after = _check(client, described, partitions, replication)
        created = {topic.name for topic in missing}
        return [replace(r, state="created") if r.name in created and r.state == "ok" else r for r in after]
    except KafkaError as error:
        raise BrokerUnreachable(f"Kafka at {brokers} refused or did not answer: {error}") from error
    finally:
        client.close()


def _client(brokers: str) -> KafkaAdminClient:
    try:
        return KafkaAdminClient(bootstrap_servers=brokers.split(","), request_timeout_ms=_TIMEOUT_MS)
    except KafkaError as error:
        raise BrokerUnreachable(f"no Kafka broker answers at {brokers}: {error}") from error


def _refuse_repartitioning(topics: list[Topic], found: dict[str, TopicReport], partitions: int) -> None:
    wrong = [
        f"{topic.name} has {found[topic.name].partitions} partitions, {_partitions(topic, partitions)} asked"
        for topic in topics
        if found[topic.name].partitions not in (0, _partitions(topic, partitions))
    ]
    if wrong:
        raise TopicsRefused(
            "; ".join(wrong) + ": another number would break the order of cases. Ask for the number that exists, "
            "or start with a new data folder"
        )


def _partitions(topic: Topic, partitions: int) -> int:
    return partitions if topic.partitions > 1 else 1


def _configs(topic: Topic, replication: int) -> dict[str, str]:
    return {
        "retention.ms": str(topic.retention_ms),
        "retention.bytes": "-1",
        # Retention counts from the arrival: an imported event of 2010 is not old the moment it is written.
        "message.timestamp.type": "LogAppendTime",
        "cleanup.policy": topic.cleanup,
        "max.message.bytes": str(topic.max_bytes),
        "min.insync.replicas": "2" if replication >= 3 else "1",
    }


def _wanted(topic: Topic, partitions: int, replication: int) -> dict[str, Any]:
    return {
        "num_partitions": _partitions(topic, partitions),
        "replication_factor": replication,
        "configs": _configs(topic, replication),
    }


def _check(client: KafkaAdminClient, topics: list[Topic], partitions: int, replication: int) -> list[TopicReport]:
    known = set(client.list_topics())
    present = [topic for topic in topics if topic.name in known]
    metadata = {entry["name"]: entry for entry in client.describe_topics([t.name for t in present])} if present else {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, topic.name) for topic in present]
    described = client.describe_configs(resources, config_filter="all") if resources else {}
    configs = {name: values for kind in described.values() for name, values in kind.items()}
    return [
        _report(topic, metadata[topic.name], configs.get(topic.name, {}), partitions, replication)
        if topic.name in metadata
        else TopicReport(topic.name, "missing", differences=["does not exist"])
        for topic in topics
    ]


def _report(
    topic: Topic, metadata: dict[str, Any], configs: dict[str, Any], partitions: int, replication: int
) -> TopicReport:
    found = metadata["partitions"]
    copies = min((len(p["replicas"] if "replicas" in p else p["replica_nodes"]) for p in found), default=0)
    actual = {name: str(value["value"]) for name, value in configs.items()}
    differences = []
    wanted_partitions = _partitions(topic, partitions)
    if len(found) != wanted_partitions:
        differences.append(f"{len(found)} partitions, {wanted_partitions} described")
    if copies != replication:
        differences.append(f"{copies} copies of each record, {replication} described")
    for name, wanted in _configs(topic, replication).items():
        if name in actual and actual[name] != wanted:
            meaning = " (records are being lost)" if name == "retention.ms" and topic.retention_ms == FOREVER else ""
            differences.append(f"{name} is {actual[name]}, {wanted} described{meaning}")
    retention = actual.get("retention.ms")
    return TopicReport(
        topic.name, "drift" if differences else "ok", len(found), copies,
        int(retention) if retention else None, actual.get("cleanup.policy"), differences,
    )  # fmt: skip
