"""The minimal job on Bytewax: one stateful step a partition, its cases snapshotted into the recovery store an epoch.

Bytewax keeps state by key and has no range of keys, so a partition is one key: a tick reaches all of its cases.
"""

from datetime import timedelta
from pathlib import Path

import bytewax.operators as op
import msgspec
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.operators import StatefulBatchLogic
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import cluster_main

from benchmarks.job import Job
from benchmarks.minimal.limit import FETCH
from benchmarks.minimal.rule import Case, Partition, decode

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(dict[str, Case]).decode


class Cases(StatefulBatchLogic[KafkaSourceMessage, KafkaSinkMessage, bytes]):
    def __init__(self, snapshot: bytes | None) -> None:
        self._cases: dict[str, Case] = _unpack(snapshot) if snapshot else {}
        self._rule = Partition()
        for name, case in self._cases.items():
            self._rule.resume(name, case)

    def on_batch(self, values: list[KafkaSourceMessage]) -> tuple[list[KafkaSinkMessage], bool]:
        take, get, put = self._rule.take, self._cases.get, self._cases.__setitem__
        return [KafkaSinkMessage(key, text) for v in values for key, text in take(decode(v.value), get, put)], False

    def snapshot(self) -> bytes:
        return _pack(self._cases)


def flow_of(job: Job) -> Dataflow:
    flow = Dataflow("bench")
    source = KafkaSource([job.brokers], job.inputs, tail=True, batch_size=1000, add_config=dict(FETCH))
    messages = op.input("in", flow, source)
    keyed = op.key_on("partition", messages, lambda message: str(message.partition))
    alerts = op.key_rm("values", op.stateful_batch("cases", keyed, Cases))
    producing = {"acks": "all", "enable.idempotence": True, "linger.ms": 2}
    op.output("out", alerts, KafkaSink([job.brokers], job.output, add_config=producing))
    return flow


def main(job: Job) -> None:
    state = Path(job.state)
    init_db_dir(state, 1)
    cluster_main(
        flow_of(job), [], 0, epoch_interval=timedelta(seconds=job.interval),
        recovery_config=RecoveryConfig(state),
    )  # fmt: skip


if __name__ == "__main__":
    main(Job.given())
