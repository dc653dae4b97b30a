"""The limit: the whole minimal job with nothing durable. consume, decode, dict, produce."""

from confluent_kafka import Consumer, Producer

from benchmarks.job import Job
from benchmarks.minimal.rule import Case, Partition, decode

FETCH = {"queued.min.messages": 500_000, "queued.max.messages.kbytes": 512_000, "fetch.max.bytes": 52_428_800}


def main(job: Job) -> None:
    consumer = Consumer(
        {"bootstrap.servers": job.brokers, "group.id": job.group, "auto.offset.reset": "earliest",
         "enable.auto.commit": False, **FETCH}
    )  # fmt: skip
    producer = Producer(
        {"bootstrap.servers": job.brokers, "acks": "all", "enable.idempotence": True, "linger.ms": 2,
         "queue.buffering.max.messages": 1_000_000}
    )  # fmt: skip
    consumer.subscribe(job.inputs)
    partitions: dict[int, tuple[Partition, dict[str, Case]]] = {}
    while True:
        for message in consumer.consume(2000, 0.1):
            if message.error():
                raise SystemExit(str(message.error()))
            number = message.partition() or 0
            if number not in partitions:
                partitions[number] = (Partition(), {})
            rule, cases = partitions[number]
            for key, value in rule.take(decode(message.value() or b""), cases.get, cases.__setitem__):
                producer.produce(job.output, value=value, key=key)
        producer.poll(0)


if __name__ == "__main__":
    main(Job.given())
