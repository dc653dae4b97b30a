"""One of the two real folds on Quix Streams: a stateful function a topic, RocksDB with a changelog topic."""

import sys
from pathlib import Path
from typing import Any

import msgspec
from quixstreams import Application, State, message_context

from benchmarks.full.host import Hosted, Out
from benchmarks.job import Job
from benchmarks.minimal.limit import FETCH
from benchmarks.peers.minimal_quix import OneKey, Second
from services.contracts.topics import ALERTS, FACTS, SOURCE_TOPICS

_pack = msgspec.msgpack.Encoder().encode


def main(job: Job, kind: str) -> None:
    app = Application(
        broker_address=job.brokers, consumer_group=f"{job.group}-{kind}", auto_offset_reset="earliest",
        commit_interval=job.interval, state_dir=Path(job.state) / kind, loglevel="WARNING",
        consumer_extra_config=FETCH,
        producer_extra_config={"acks": "all", "enable.idempotence": True, "linger.ms": 2,
                               "queue.buffering.max.messages": 1_000_000},
    )  # fmt: skip
    outputs = {name: app.topic(name, key_serializer="bytes", value_serializer=Second()) for name in (ALERTS, FACTS)}
    inputs = SOURCE_TOPICS if kind == "cases" else (FACTS,)
    frames = [app.dataframe(app.topic(t, key_deserializer=OneKey(), value_deserializer="bytes")) for t in inputs]
    for frame in frames:
        effects = frame.apply(Step(kind), stateful=True, expand=True)
        effects.to_topic(lambda value, key, timestamp, headers: outputs[value[2]], key=lambda value: value[0])
    app.run()


class Step:
    """The stateful function of one topic: `__call__` is asked with a record's value and its partition's state."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._hosts: dict[int, Hosted] = {}
        self._unpack = msgspec.msgpack.Decoder(Hosted(kind, "").fold.state_type).decode

    def __call__(self, value: bytes, state: State) -> list[tuple[bytes, bytes, str]]:
        context = message_context()
        host = self._hosts.get(context.partition)
        if host is None:
            host = self._hosts[context.partition] = Hosted(self._kind, f"{context.topic}-{context.partition}")

        def get(name: str) -> Any:
            found = state.get_bytes(name)
            return self._unpack(found) if found is not None else None

        def put(name: str, fresh: Any) -> None:
            state.set_bytes(name, _pack(fresh))

        return [_turned(out) for out in host.take(value, get, put)]


def _turned(out: Out) -> tuple[bytes, bytes, str]:
    topic, key, value = out
    return key, value, topic


if __name__ == "__main__":
    main(Job.given(), sys.argv[2])
