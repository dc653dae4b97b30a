"""Recovery: kill -9 with many open cases, to the first event folded again, disk kept and disk wiped; and the handover
of 64 partitions to a second worker.

The minimal job on each engine, every engine with a static name in its group and the same interval between checkpoints
or commits. After the kill the engine is started at once and one event in each partition waits that is an alert when it
is folded; the time ends with the broker's timestamp of the first of these alerts, and of the last.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.engine.common import short
from benchmarks.engine.handover import handover
from benchmarks.engine.opencases import OpenCases, answered
from benchmarks.engines import Engine, Missing, prepare, start, stop
from benchmarks.figures import Figure, Settings, figure
from benchmarks.job import Job
from benchmarks.kafka import Kafka, running
from benchmarks.report import failed, say

ENGINES = (
    Engine(name="duban", module="benchmarks.engine.hosted", hosts="duban:a"),
    Engine(name="quix", module="benchmarks.engine.hosted", hosts="quix", peer=True),
    Engine(name="faust-table", module="benchmarks.engine.hosted", hosts="faust", peer=True),
)
PATIENCE = 180.0
KEPT, WIPED = "disk kept", "disk wiped"


class Patient:
    """One engine that has folded all of `cases`, stopped, to be killed."""

    def __init__(self, engine: Engine, kafka: Kafka, cases: OpenCases, folder: Path, interval: float) -> None:
        self.engine, self._kafka, self._cases, self._folder = engine, kafka, cases, folder
        name = engine.name
        self._job = Job(
            brokers=kafka.brokers, inputs=[cases.topic], output=f"bench-alerts-{name}", group=f"recovery-{name}",
            state=str(folder / name), interval=interval,
        )  # fmt: skip
        kafka.new_topics(self._job.output)
        begun = time.time()
        self._process: subprocess.Popen[bytes] | None = self._start()
        try:
            self._await(cases.probe(), 900)
        finally:
            self.stop()
        say(f"recovery: {name} has folded all in {time.time() - begun:.0f} s")

    def kill(self, wipe: bool) -> tuple[float, float]:
        """Seconds from kill -9 to the first and to the last partition's event folded again."""
        if self._process is None:
            self._process = self._start()
            self._await(self._cases.probe(), PATIENCE)
        time.sleep(3 * self._job.interval)  # every engine's checkpoint or commit covers the log now
        os.killpg(self._process.pid, signal.SIGKILL)
        killed = time.time()
        self._process.wait()
        self._process = None
        if wipe:
            shutil.rmtree(Path(self._job.state) / "local" if self.engine.name == "duban" else self._job.state)
        self._process = self._start()
        times = self._await(self._cases.probe(), PATIENCE)
        return times[0] - killed, times[-1] - killed

    def stop(self) -> None:
        if self._process is not None:
            stop(self._process)
            self._process = None

    def _start(self) -> subprocess.Popen[bytes]:
        return start(self.engine, self._job, self._folder / f"{self.engine.name}.log")

    def _await(self, wanted: set[bytes], seconds: float) -> list[float]:
        return answered(self._kafka.tail(self._job.output), wanted, seconds)


def run(settings: Settings) -> list[Figure]:
    """Seconds of each engine, and of the handover."""
    count = settings.events or (50_000 if settings.quick else 1_000_000)
    runs = 1 if settings.quick else settings.runs
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    with running(settings.folder / "kafka") as kafka:
        cases = OpenCases(kafka, "bench-open", count)
        patients: list[Patient] = []
        for engine in _present():
            patients.append(Patient(engine, kafka, cases, settings.folder, 1.0 if settings.quick else 5.0))
        for patient in patients * runs:
            try:
                for disk in (KEPT, WIPED):
                    times = patient.kill(wipe=disk == WIPED)
                    found.setdefault((patient.engine.name, disk), []).append(times)
            except TimeoutError as error:
                failed(f"recovery: {patient.engine.name}: {error}")
            finally:
                patient.stop()
        return _of(found, count) + handover(kafka, runs, settings.folder, count)


def _present() -> Iterator[Engine]:
    for engine in ENGINES:
        try:
            prepare(engine)
            yield engine
        except Missing as missing:
            say(str(missing))


def _of(found: dict[tuple[str, str], list[tuple[float, float]]], count: int) -> list[Figure]:
    figures: list[Figure] = []
    for disk in (KEPT, WIPED):
        for which, what in enumerate(("first event again", "all partitions again")):
            title = f"recovery: {what}, {disk}, {short(count)} open"
            peers = [
                figure(title, name, "s", [run[which] for run in runs])
                for (name, kind), runs in found.items()
                if kind == disk and name != "duban"
            ]
            own = [run[which] for run in found.get(("duban", disk), ())]
            figures += [figure(title, "duban", "s", own, peer) for peer in peers if own]
            figures += [figure(title, "duban", "s", own)] if own and not peers else []
            figures += peers
    return figures
