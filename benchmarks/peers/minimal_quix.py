"""The minimal job on Quix Streams: a stateful function, RocksDB with a changelog topic, one checkpoint an interval.

Quix scopes state by message key; every record here is given the key of its partition, so that a tick reaches the
states of all cases of the partition.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from quixstreams import Application, State, message_context
from quixstreams.models import Deserializer, Serializer

from benchmarks.job import Job
from benchmarks.minimal.limit import FETCH
from benchmarks.minimal.rule import Case, Out, Partition, decode

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(Case).decode


class OneKey(Deserializer):
    def __call__(self, value: bytes, ctx: Any) -> bytes:
        return b"p"


class Second(Serializer):
    def __call__(self, value: Any, ctx: Any) -> bytes:
        found: bytes = value[1]
        return found


def main(job: Job) -> None:
    app = Application(
        broker_address=job.brokers, consumer_group=job.group, auto_offset_reset="earliest",
        commit_interval=job.interval, state_dir=job.state, loglevel="WARNING",
        consumer_extra_config=FETCH,
        producer_extra_config={"acks": "all", "enable.idempotence": True, "linger.ms": 2,
                               "queue.buffering.max.messages": 1_000_000},
    )  # fmt: skip
    source = app.topic(job.inputs[0], key_deserializer=OneKey(), value_deserializer="bytes")
    output = app.topic(job.output, key_serializer="bytes", value_serializer=Second())
    partitions: dict[int, Partition] = {}

    def step(value: bytes, state: State) -> list[Out]:
        number = message_context().partition
        rule = partitions.get(number)
        if rule is None:
            rule = partitions[number] = Partition()
        return rule.take(decode(value), *access(state))

    frame = app.dataframe(source).apply(step, stateful=True, expand=True)
    frame.to_topic(output, key=lambda alert: alert[0])
    app.run()


def access(state: State) -> tuple[Callable[[str], Case | None], Callable[[str, Case], None]]:
    """`get` and `put` of cases in a Quix state."""

    def get(name: str) -> Case | None:
        found = state.get_bytes(name)
        return _unpack(found) if found is not None else None

    def put(name: str, case: Case) -> None:
        state.set_bytes(name, _pack(case))

    return get, put


if __name__ == "__main__":
    main(Job.given())
