"""A source's processes on a real stack: its server, its relay, and everything in its topic."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from kafka import KafkaConsumer, TopicPartition

from deploy.embedded import probes
from deploy.embedded.plan import ROOT
from deploy.embedded.stack import Stack, free_ports
from services.contracts.codec import decode
from services.contracts.envelope import Event
from services.shared.access import Principal
from services.shared.auth import create_key, load_key, mint
from tests.support.stack import eventually


class Process:
    """One `python -m services.<name>.main …` with its port."""

    def __init__(self, stack: Stack, service: str, command: str, **environment: str) -> None:
        create_key(stack.plan.signing_key_file)
        (self.port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}"
        env = os.environ | stack.environment | environment
        log = Path(stack.data) / "logs" / f"{service}-{command}-{self.port}.log"
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", f"services.{service}.main", command, "--port", str(self.port)],
                cwd=ROOT, env=env, stdout=file, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def ready(self) -> "Process":
        """Wait until it says so itself."""
        eventually(lambda: self._answers("/health/ready"), 120)
        return self

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's values whose labels are among `labels`."""
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        lines = httpx.get(f"{self.url}/metrics", timeout=30).text.splitlines()
        found = [
            line for line in lines if line.startswith((f"{name}{{", f"{name} ")) and all(w in line for w in wanted)
        ]
        return sum(float(line.rsplit(" ", 1)[1]) for line in found)

    def ended(self) -> int | None:
        return self.process.poll()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)

    def _answers(self, path: str) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"the process ended with {self.process.returncode}")
        return probes.http(self.url + path)[0]


@contextmanager
def running(stack: Stack, service: str, command: str, **environment: str) -> Iterator[Process]:
    """A ready process that is gone at the end."""
    process = Process(stack, service, command, **environment)
    try:
        yield process.ready()
    finally:
        process.kill()


def bearer(stack: Stack, role: str, agency: str | None = None) -> dict[str, str]:
    """The Authorization header of a role on this stack."""
    key = load_key(stack.plan.signing_key_file)
    return {"Authorization": f"Bearer {mint(Principal(f'{role}-1', frozenset({role}), agency), 3600, key)}"}


def records(stack: Stack, topic: str, timeline: str | None = None) -> dict[int, list[Event]]:
    """Partition -> everything that lies in it now, of one timeline if it is given."""
    consumer: Any = KafkaConsumer(bootstrap_servers=stack.brokers, enable_auto_commit=False)
    try:
        partitions = [TopicPartition(topic, p) for p in sorted(consumer.partitions_for_topic(topic))]
        consumer.assign(partitions)
        ends = consumer.end_offsets(partitions)
        consumer.seek_to_beginning(*partitions)
        found: dict[int, list[Event]] = {p.partition: [] for p in partitions}
        while any(consumer.position(p) < ends[p] for p in partitions):
            for partition, batch in consumer.poll(timeout_ms=500).items():
                events = (decode(record.value) for record in batch)
                found[partition.partition] += [e for e in events if timeline in (None, e.timeline)]
        return found
    finally:
        consumer.close()


def cases(found: dict[int, list[Event]]) -> dict[str, list[Event]]:
    """Case -> its events in the order of the log. Every case lies in one partition."""
    by_case: dict[str, list[Event]] = {}
    homes: dict[str, int] = {}
    for partition, events in found.items():
        for event in events:
            if event.subject != "clock":
                by_case.setdefault(event.subject, []).append(event)
                assert homes.setdefault(event.subject, partition) == partition
    return by_case


def firsts(events: list[Event]) -> list[int]:
    """The sequences in the order in which they are first seen; a copy has the id of the first."""
    ids: dict[int, str] = {}
    for event in events:
        assert ids.setdefault(event.sequence, event.id) == event.id
    return list(ids)
