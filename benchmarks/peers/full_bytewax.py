"""One of the two real folds on Bytewax: a stateful step a partition, snapshotted into the recovery store an epoch."""

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import bytewax.operators as op
import msgspec
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.operators import StatefulBatchLogic
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import cluster_main

from benchmarks.full.host import Hosted
from benchmarks.job import Job
from benchmarks.minimal.limit import FETCH
from services.contracts.topics import FACTS, SOURCE_TOPICS

_pack = msgspec.msgpack.Encoder().encode


class Folded(StatefulBatchLogic[KafkaSourceMessage, KafkaSinkMessage, bytes]):
    """The states of one topic-partition."""

    def __init__(self, kind: str, snapshot: bytes | None) -> None:
        self._host: Hosted | None = None
        self._kind = kind
        kept: Any = dict.__class_getitem__((str, Hosted(kind, "").fold.state_type))
        self._states: dict[str, Any] = msgspec.msgpack.decode(snapshot, type=kept) if snapshot else {}

    def on_batch(self, values: list[KafkaSourceMessage]) -> tuple[list[KafkaSinkMessage], bool]:
        if self._host is None:
            self._host = Hosted(self._kind, f"{values[0].topic}-{values[0].partition}")
            for name, state in self._states.items():
                self._host.resume(name, state)
        take, get, put = self._host.take, self._states.get, self._states.__setitem__
        return [
            KafkaSinkMessage(key, text, topic=topic) for v in values for topic, key, text in take(v.value, get, put)
        ], False

    def snapshot(self) -> bytes:
        return _pack(self._states)


def main(job: Job, kind: str) -> None:
    state = Path(job.state) / kind
    state.mkdir(parents=True)
    init_db_dir(state, 1)
    flow = Dataflow(kind)
    topics = SOURCE_TOPICS if kind == "cases" else (FACTS,)
    messages = op.input("in", flow, KafkaSource([job.brokers], topics, batch_size=1000, add_config=dict(FETCH)))
    keyed = op.key_on("partition", messages, lambda message: f"{message.topic}-{message.partition}")
    effects = op.key_rm("values", op.stateful_batch("fold", keyed, lambda snapshot: Folded(kind, snapshot)))
    producing = {"acks": "all", "enable.idempotence": True, "linger.ms": 2, "partitioner": "murmur2_random"}
    op.output("out", effects, KafkaSink([job.brokers], job.output, add_config=producing))
    cluster_main(
        flow, [], 0, epoch_interval=timedelta(seconds=job.interval), recovery_config=RecoveryConfig(state),
    )  # fmt: skip


if __name__ == "__main__":
    main(Job.given(), sys.argv[2])
