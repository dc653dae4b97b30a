"""Where the time of an alert went, by the broker's timestamps and what the board measured of itself. One machine, one
clock; the broker's times are whole milliseconds.

HTTP: from the intended instant to the answer, the document being saved. relay: until the event is appended to its
topic (negative when that was before the answer arrived). worker: until the alert is appended to alerts.v1. upsert:
until the alert is in the document store. stream: until the reader has it.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from kafka import KafkaConsumer, TopicPartition

from services.contracts.topics import ALERTS

if TYPE_CHECKING:
    from benchmarks.engine.openloop import Sent

HOPS = ("HTTP", "relay", "worker", "upsert", "stream")


class Alert(msgspec.Struct):
    """An alert as the event stream has it; `latency_ms` from its event's appending to its own writing."""

    alert_id: str
    case_ref: str | None  # none for an alert about an agency
    latency_ms: int
    arrived: float = 0.0


class Timed(msgspec.Struct):
    """Milliseconds of one alert, in all and by hop."""

    total: float
    hops: dict[str, float]


def timed(brokers: str, sent: Iterable["Sent"], arrived: Mapping[str, Alert]) -> list[Timed]:
    """The times of every event in `sent` whose alert is in `arrived`."""
    wanted = {alert.alert_id for alert in arrived.values()}
    appended = _appended(brokers, wanted)
    found = []
    for one in sent:
        assert one.case is not None
        alert = arrived[one.case]
        cause, at = appended[alert.alert_id]
        written = cause + alert.latency_ms
        steps = (one.intended * 1000, one.answered * 1000, cause, at, written, alert.arrived * 1000)
        hops = {hop: after - before for hop, before, after in zip(HOPS, steps, steps[1:], strict=False)}
        found.append(Timed(steps[-1] - steps[0], hops))
    return found


def _appended(brokers: str, wanted: set[str]) -> dict[str, tuple[int, int]]:
    """Alert -> when its event and its first version were appended, in ms."""
    consumer: Any = KafkaConsumer(bootstrap_servers=brokers, enable_auto_commit=False)
    try:
        partitions = [TopicPartition(ALERTS, n) for n in consumer.partitions_for_topic(ALERTS)]
        consumer.assign(partitions)
        ends = consumer.end_offsets(partitions)
        consumer.seek_to_beginning(*partitions)
        found: dict[str, tuple[int, int]] = {}
        while any(consumer.position(p) < ends[p] for p in partitions):
            for batch in consumer.poll(timeout_ms=500).values():
                for record in batch:
                    name = (record.key or b"").decode()
                    if name in wanted and name not in found:
                        found[name] = int(dict(record.headers)["cause-ts"]), record.timestamp
        return found
    finally:
        consumer.close()
