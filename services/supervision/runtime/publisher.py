"""Publishes effects: idempotent, acks=all, in order per partition. Free of stores and folds."""

from collections.abc import Iterable

from confluent_kafka import KafkaException, Producer

from services.contracts.topics import MAX_DEAD_LETTER
from services.supervision.runtime.store import StoredEffect


class PublishFailed(RuntimeError):
    """An effect was not acknowledged: the process must end, the store has it still."""


class Publisher:
    """One producer for all partitions of a worker; its methods may be called from any thread."""

    def __init__(self, brokers: str) -> None:
        self._producer = Producer(
            {
                "bootstrap.servers": brokers,
                "acks": "all",
                "enable.idempotence": True,
                "partitioner": "murmur2_random",  # Kafka's default, and services.shared.partitioner's, for every key
                "linger.ms": 50,  # a flush does not wait for it
                "queue.buffering.max.messages": 100_000,
                "message.timeout.ms": 0,
                "message.max.bytes": MAX_DEAD_LETTER,
                "delivery.report.only.error": True,
                "on_delivery": self._delivered,
            }
        )
        self._failed: str | None = None

    def send(self, effects: Iterable[StoredEffect]) -> int:
        """Hand over `effects`, waiting while the buffer is full; how many they were. Raises PublishFailed."""
        if self._failed:
            raise PublishFailed(self._failed)
        count = 0
        for effect in effects:
            count += 1
            while True:
                try:
                    self._producer.produce(
                        effect.topic, value=effect.value, key=effect.key, partition=effect.partition,
                        headers=effect.headers,  # type: ignore[arg-type]
                    )  # fmt: skip
                    break
                except BufferError:
                    self._producer.poll(0.1)
                except KafkaException as error:
                    raise PublishFailed(str(error)) from error
        self._producer.poll(0)
        return count

    def flush(self) -> None:
        """Wait until all that was sent is acknowledged; a broker that is away is waited for. Raises PublishFailed."""
        while self._producer.flush(1.0):
            pass
        if self._failed:
            raise PublishFailed(self._failed)

    def _delivered(self, error: object, message: object) -> None:
        if error is not None:
            self._failed = str(error)
