"""Benchmark "detection minimal": one clock a case, an alert on breach, six engines, one log."""

from datetime import datetime

import msgspec

from benchmarks.detection import Task
from benchmarks.engines import Engine
from benchmarks.figures import Figure, Settings
from benchmarks.kafka import Kafka, Out, running
from benchmarks.minimal.log import FIRST, records, rows
from benchmarks.minimal.oracle import expected
from benchmarks.report import say
from benchmarks.rounds import rounds

NAME = "detection minimal"
EVENTS, QUICK_EVENTS = 1_000_000, 150_000
WARM = 1 / 3
ENGINES = (
    Engine(name="duban", module="benchmarks.minimal.duban"),
    Engine(name="kafka-streams", module="java"),
    Engine(name="quix", module="benchmarks.peers.minimal_quix", peer=True),
    Engine(name="bytewax", module="benchmarks.peers.minimal_bytewax", peer=True),
    Engine(name="limit", module="benchmarks.minimal.limit"),
    Engine(name="faust-table", module="benchmarks.peers.minimal_faust", peer=True, share=0.1),
)


class _Data(msgspec.Struct):
    due_at: datetime


class _Alert(msgspec.Struct):
    data: _Data


_decode = msgspec.json.Decoder(_Alert).decode


def run(settings: Settings) -> list[Figure]:
    events = settings.events or (QUICK_EVENTS if settings.quick else EVENTS)
    interval = 1.0 if settings.quick else 5.0
    with running(settings.folder / "kafka") as kafka:
        tasks = {share: _task(kafka, int(events * share)) for share in {engine.share for engine in ENGINES}}
        return rounds(NAME, kafka, ENGINES, lambda engine: tasks[engine.share], settings, interval)


def _task(kafka: Kafka, events: int) -> Task:
    """A log of `events` events in a topic of its own."""
    topic = f"bench-in-{events}"
    kafka.new_topics(topic)
    planned = rows(events)
    wanted = expected(planned)
    written = kafka.put((topic, r.partition, r.key, r.value) for r in records(planned))
    if written != sum(wanted.ends):
        raise RuntimeError(f"the oracle counts {sum(wanted.ends)} records, the log has {written}")
    say(f"{NAME}: {events:,} events in {topic}, {len(wanted.causes):,} alerts expected")
    return Task(
        inputs=[topic], output="bench-alerts", expected=set(wanted.due.items()), causes=dict(wanted.causes),
        warm=int(events * WARM), records=written, readable=_readable,
    )  # fmt: skip


def _readable(record: Out) -> tuple[str, object]:
    return record.key.decode(), int((_decode(record.value).data.due_at - FIRST).total_seconds())
