"""The log of a torture as its writer and its bookkeeper see it: appending through every fault, committed offsets."""

from collections.abc import Callable, Iterable

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from services.contracts.topics import FACTS, SOURCE_TOPICS
from simulation.replay import Record

_ASK_SECONDS = 10.0
FOLDS = {"cases": SOURCE_TOPICS, "subjects": (FACTS,)}


class Log:
    """Appends records and waits for brokers as long as it takes; `appended` is how many are acknowledged."""

    def __init__(self, brokers: str, partitions: int) -> None:
        self.appended = 0
        self._partitions = partitions
        self._failure: KafkaError | None = None
        self._producer = Producer({
            "bootstrap.servers": brokers, "enable.idempotence": True, "linger.ms": 5, "message.timeout.ms": 0,
            "log_level": 2,
        })  # fmt: skip
        # Consumers that never subscribe. The AdminClient of librdkafka 2.x aborts the process when brokers go away.
        self._groups = {
            fold: Consumer({"bootstrap.servers": brokers, "group.id": f"duban-{fold}", "log_level": 2})
            for fold in FOLDS
        }

    def append(self, records: Iterable[Record], stop: Callable[[], bool] = lambda: False) -> int:
        """Append in order and wait for all replicas, or until `stop`. How many were appended. Raises KafkaException."""
        before = self.appended
        for record in records:
            self._produce(record.topic, record.partition, record.key, record.value)
        while self._producer.flush(0.5) and not stop():
            pass
        if self._failure is not None:
            raise KafkaException(self._failure)
        return self.appended - before

    def append_raw(self, topic: str, partition: int, values: Iterable[bytes]) -> None:
        self.append(Record(topic=topic, partition=partition, key=None, value=value) for value in values)

    def ends(self, topics: Iterable[str]) -> dict[tuple[str, int], int]:
        """(topic, partition) -> offset of the next record. Raises KafkaException while the brokers are away."""
        asked = [TopicPartition(topic, number) for topic in topics for number in range(self._partitions)]
        ask = self._groups["cases"].get_watermark_offsets
        return {(tp.topic, tp.partition): ask(tp, _ASK_SECONDS, cached=False)[1] for tp in asked}

    def committed(self, fold: str) -> dict[tuple[str, int], int]:
        """(topic, partition) -> committed offset of a fold's group. Raises KafkaException."""
        asked = [TopicPartition(topic, number) for topic in FOLDS[fold] for number in range(self._partitions)]
        found = self._groups[fold].committed(asked, _ASK_SECONDS)
        return {(tp.topic, tp.partition): max(tp.offset, 0) for tp in found}

    def covered(self, fold: str) -> bool:
        """Whether everything that lies in the topics of a fold is folded, in a checkpoint and committed."""
        try:
            return self.committed(fold) == self.ends(FOLDS[fold])
        except KafkaException:
            return False

    def _produce(self, topic: str, partition: int, key: bytes | None, value: bytes) -> None:
        while True:
            try:
                self._producer.produce(topic, value, key, partition, on_delivery=self._delivered)
                break
            except BufferError:
                self._producer.poll(0.2)
        self._producer.poll(0)

    def _delivered(self, error: KafkaError | None, _: object) -> None:
        if error is None:
            self.appended += 1
        else:
            self._failure = error
