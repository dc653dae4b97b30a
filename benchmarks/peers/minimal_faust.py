"""The minimal job on plain Faust: an agent, a Table on RocksDB with its changelog, one record at a time."""

import faust
import msgspec

from benchmarks.job import Job
from benchmarks.minimal.rule import Case, Partition, decode

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(Case).decode


def build(job: Job) -> faust.App:
    app = faust.App(
        job.group, broker=";".join(f"kafka://{broker}" for broker in job.brokers.split(",")),
        store="rocksdb://?driver=rocksdict", datadir=job.state, topic_partitions=4, web_enabled=False,
        topic_disable_leader=True, broker_commit_interval=job.interval, producer_linger=0.02, producer_acks=-1,
        broker_max_poll_records=2000, stream_wait_empty=False, topic_replication_factor=1,
        consumer_auto_offset_reset="earliest", worker_redirect_stdouts=False,
    )  # fmt: skip
    source = app.topic(*job.inputs, value_serializer="raw", key_serializer="raw", partitions=4)
    output = app.topic(job.output, value_serializer="raw", key_serializer="raw", partitions=4)
    table = app.Table("cases", partitions=4, key_type=bytes, value_type=bytes)
    rules: dict[int, Partition] = {}

    def get(name: str) -> Case | None:
        found = table.get(name.encode())
        return _unpack(found) if found is not None else None

    def put(name: str, case: Case) -> None:
        table[name.encode()] = _pack(case)

    @app.agent(source)
    async def fold(stream: faust.StreamT) -> None:
        async for event in stream.events():
            number = event.message.partition
            if number not in rules:
                rules[number] = Partition()
            for key, value in rules[number].take(decode(event.value), get, put):
                await output.send(key=key, value=value)

    return app


if __name__ == "__main__":
    given = Job.given()
    faust.Worker(build(given), loglevel="WARNING", redirect_stdouts=False).execute_from_commandline()
