"""Benchmark "detection full": the generated city and the real rules, both folds, hosted by four."""

import subprocess
import sys

import msgspec

from benchmarks.detection import Measured, Task
from benchmarks.engines import ROOT, Engine
from benchmarks.figures import Figure, Settings
from benchmarks.full.city import PARTITIONS, POLICIES, log, town
from benchmarks.full.nothing import WARM, Folded, name_and_digest
from benchmarks.kafka import Kafka, Out, running
from benchmarks.report import failed, say
from benchmarks.rounds import rounds
from services.contracts.codec import decode, encode_json
from services.contracts.topics import ALERTS, DEAD_LETTERS, FACTS, SOURCE_TOPICS
from simulation.comparison import as_expected, difference
from simulation.oracle import expected

NAME = "detection full"
EVENTS, QUICK_EVENTS = 240_000, 40_000
PAIR = "benchmarks.full.pair"
ENGINES = (
    Engine(name="duban", module=PAIR, hosts="benchmarks.full.duban"),
    Engine(name="quix", module=PAIR, hosts="benchmarks.peers.full_quix", peer=True),
    Engine(name="bytewax", module=PAIR, hosts="benchmarks.peers.full_bytewax", peer=True),
)


def run(settings: Settings) -> list[Figure]:
    events = settings.events or (QUICK_EVENTS if settings.quick else EVENTS)
    reference = bare(events)
    _against_the_oracle(events, reference)
    with running(settings.folder / "kafka") as kafka:
        task = _task(kafka, events, reference)

        def nothing() -> Measured:
            found = bare(events)
            return Measured(rate=found.rate, cpu=found.cpu, memory=found.memory, repeated=0)

        interval = 1.0 if settings.quick else 5.0
        return rounds(NAME, kafka, ENGINES, lambda engine: task, settings, interval, {"nothing": nothing})


def bare(events: int) -> Folded:
    """Both folds over decoded events in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.full.nothing", str(events)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    return msgspec.json.decode(done.stdout, type=Folded)


def _against_the_oracle(events: int, folded: Folded) -> None:
    city = town(events)
    alerts = (as_expected(msgspec.json.decode(alert)) for alert in folded.newest)
    missing, extra = difference(alerts, expected(city.commands, POLICIES, city.end))
    if missing or extra:
        failed(f"{NAME}: the rules and the simulator's oracle differ: {len(missing)} missing, {len(extra)} unexpected")


def _task(kafka: Kafka, events: int, folded: Folded) -> Task:
    kafka.new_topics(*SOURCE_TOPICS, partitions=PARTITIONS)
    kafka.new_topics(DEAD_LETTERS, partitions=1)
    written = kafka.put((r.topic, r.partition, r.key or b"", r.value) for r in log(town(events)))
    say(f"{NAME}: {folded.events:,} events in {written:,} records, {len(folded.alerts):,} versions of alerts expected")
    return Task(
        inputs=list(SOURCE_TOPICS), output=ALERTS, fresh=[FACTS], expected=set(folded.alerts), causes=folded.causes,
        warm=int(written * WARM), records=written, readable=_readable,
    )  # fmt: skip


def _readable(record: Out) -> tuple[str, object] | None:
    """Name and digest of an alert's version; None for a tick that was passed on."""
    event = decode(record.value)
    if event.subject == "clock":
        return None
    return name_and_digest(encode_json(event.data), event.data.alert_id, event.data.version)
