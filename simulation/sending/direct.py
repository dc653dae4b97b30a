"""Segments straight to the topics, past the services, by an idempotent producer."""

from collections.abc import Sequence

from confluent_kafka import KafkaError, KafkaException, Producer

from services.contracts.topics import SOURCE_TOPICS
from simulation.replay import records
from simulation.stream import Segment

_FLUSH_SECONDS = 60.0


class Undelivered(RuntimeError):
    """Kafka did not take everything. The message says why; sending again is harmless."""


class DirectSender:
    """Appends to the source topics at `brokers`; order within a partition is the order of sending."""

    def __init__(self, brokers: str, timeline: str) -> None:
        """Raises Undelivered when the brokers cannot be reached or a source topic is missing."""
        self._timeline = timeline
        self._failure: str | None = None
        self._producer = Producer(
            {
                "bootstrap.servers": brokers, "enable.idempotence": True, "linger.ms": 20,
                "log_level": 2,
            }
        )  # fmt: skip
        self._partitions = self._count_partitions(brokers)

    def send(self, segments: Sequence[Segment]) -> int:
        """The number of events written, once Kafka has acknowledged all of `segments`. Raises Undelivered."""
        for record in records(self._timeline, segments, self._partitions):
            while True:
                try:
                    self._producer.produce(
                        record.topic, record.value, record.key, record.partition, on_delivery=self._delivered
                    )
                    break
                except BufferError:
                    self._producer.poll(0.5)
            self._producer.poll(0)
        left = self._producer.flush(_FLUSH_SECONDS)
        if self._failure or left:
            raise Undelivered(self._failure or f"{left} records not acknowledged within {_FLUSH_SECONDS:.0f} s")
        return sum(len(segment.commands) for segment in segments)

    def _delivered(self, error: KafkaError | None, _: object) -> None:
        if error is not None:
            self._failure = self._failure or error.str()

    def _count_partitions(self, brokers: str) -> dict[str, int]:
        try:
            known = self._producer.list_topics(timeout=10).topics
        except KafkaException as error:
            raise Undelivered(f"no answer from Kafka at {brokers}: {error.args[0].str()}") from None
        if missing := [topic for topic in SOURCE_TOPICS if topic not in known]:
            raise Undelivered(f"no topic {', '.join(missing)} at {brokers}: `duban topics` creates them")
        return {topic: len(known[topic].partitions) for topic in SOURCE_TOPICS}
