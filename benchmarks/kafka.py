"""A Kafka for benchmarks: started alone, topics made and emptied, records put in and read out. Free of engines."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from deploy.embedded.stack import Stack, free_base, free_ports

_WAIT = 60.0


class Out(msgspec.Struct, frozen=True, array_like=True):
    """A record as it lies in a topic; `at` is the broker's time of appending in seconds since the epoch."""

    partition: int
    offset: int
    at: float
    key: bytes
    value: bytes


@contextmanager
def running(folder: Path) -> Iterator["Kafka"]:
    """One broker on free ports with its data below `folder`, stopped at the end."""
    http, mongo = free_ports(2)
    stack = Stack(
        folder, http_port=http, mongo_port=mongo, kafka_port=free_base(), only=("kafka",), attached=True,
    )  # fmt: skip
    with stack:
        kafka = Kafka(stack.brokers)
        try:
            yield kafka
        finally:
            kafka.close()


class Kafka:
    def __init__(self, brokers: str) -> None:
        self.brokers = brokers
        self._admin = AdminClient({"bootstrap.servers": brokers, "log_level": 0})
        self._reader = self._new_reader()

    def new_topics(self, *names: str, partitions: int = 4) -> None:
        """Empty topics whose records carry the broker's time of appending; what they held before is gone."""
        there = [name for name in names if name in self._admin.list_topics(timeout=_WAIT).topics]
        for done in self._admin.delete_topics(there).values() if there else ():
            done.result(_WAIT)
        until(lambda: not set(there) & set(self._admin.list_topics(timeout=_WAIT).topics), f"{there} deleted")
        config = {"message.timestamp.type": "LogAppendTime", "retention.ms": "-1"}
        wanted = [NewTopic(name, partitions, 1, config=config) for name in names]
        for done in self._admin.create_topics(wanted).values():
            done.result(_WAIT)
        self._reader.close()  # it remembers the topics of before
        self._reader = self._new_reader()
        until(lambda: all(self._there(name, partitions) for name in names), f"{names} created")

    def put(self, records: Iterable[tuple[str, int, bytes, bytes]]) -> int:
        """Append (topic, partition, key, value) in order, acks=all; how many they were."""
        failed: list[object] = []
        producer = Producer(
            {"bootstrap.servers": self.brokers, "acks": "all", "enable.idempotence": True, "linger.ms": 20,
             "queue.buffering.max.messages": 200_000, "batch.size": 1_000_000, "log_level": 0}
        )  # fmt: skip
        count = 0

        def delivered(error: object, message: object) -> None:
            if error is not None:
                failed.append(error)

        for topic, partition, key, value in records:
            while True:
                try:
                    producer.produce(topic, value=value, key=key, partition=partition, on_delivery=delivered)
                    break
                except BufferError:
                    producer.poll(0.1)
            count += 1
            if not count % 1000:
                producer.poll(0)
        while producer.flush(1.0):
            pass
        if failed:
            raise RuntimeError(f"{len(failed)} records were not written: {failed[0]}")
        return count

    def size(self, topic: str, partitions: int = 4) -> int:
        """How many records lie in `topic`, which no transaction writes."""
        return sum(self._ends(topic, partitions))

    def tail(self, topic: str, partitions: int = 4) -> "Tail":
        """What comes into `topic`, from its beginning; one at a time."""
        self._reader.assign([TopicPartition(topic, n, 0) for n in range(partitions)])
        return Tail(self._reader, lambda: self._ends(topic, partitions))

    def close(self) -> None:
        self._reader.close()

    def _new_reader(self) -> Consumer:
        return Consumer(
            {"bootstrap.servers": self.brokers, "group.id": "bench-reader", "enable.auto.commit": False,
             "auto.offset.reset": "earliest", "queued.min.messages": 500_000, "log_level": 0}
        )  # fmt: skip

    def _there(self, name: str, partitions: int) -> bool:
        try:
            return not any(self._ends(name, partitions))
        except KafkaException:
            return False

    def _ends(self, topic: str, partitions: int) -> list[int]:
        return [
            self._reader.get_watermark_offsets(TopicPartition(topic, n), timeout=_WAIT, cached=False)[1]
            for n in range(partitions)
        ]


def until(done: Callable[[], bool], what: str, seconds: float = _WAIT, every: float = 0.05) -> None:
    """Wait until `done`. Raises TimeoutError naming `what`."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not {what} within {seconds:g} s")
        time.sleep(every)


class Tail:
    """`more` gives every record that is there now and was not given before."""

    def __init__(self, reader: Consumer, ends: Callable[[], list[int]]) -> None:
        self._reader, self._ends = reader, ends
        self._given: dict[int, int] = {}

    def more(self) -> list[Out]:
        ends = self._ends()
        found: list[Out] = []
        deadline = time.monotonic() + _WAIT
        while any(self._given.get(n, 0) < end for n, end in enumerate(ends)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self._given} of {ends} read in {_WAIT:g} s")
            for message in self._reader.consume(10_000, 0.2):
                if message.error():
                    raise RuntimeError(str(message.error()))
                place, offset = message.partition() or 0, message.offset() or 0
                at = message.timestamp()[1] / 1000
                found.append(Out(place, offset, at, message.key() or b"", message.value() or b""))
                self._given[place] = offset + 1
        return found
