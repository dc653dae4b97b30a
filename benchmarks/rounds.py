"""Engines in turn, A B C A B C …, one at a time; their figures. Free of what they compute."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from benchmarks import engines
from benchmarks.detection import Measured, Task, Wrong, measure
from benchmarks.engines import Engine, Missing
from benchmarks.figures import Figure, Settings, figure
from benchmarks.kafka import Kafka
from benchmarks.report import failed, say

OURS = "duban"


def rounds(
    name: str, kafka: Kafka, among: Sequence[Engine], task_of: Callable[[Engine], Task], settings: Settings,
    interval: float, bare: Mapping[str, Callable[[], Measured]] = MappingProxyType({}),
) -> list[Figure]:  # fmt: skip
    """`settings.runs` rounds of every engine that is there. A run that fails is said and leaves no figure.
    `bare` are measured by a function of their own."""
    there, measured = [engine for engine in among if _there(engine)], dict[str, list[Measured]]()
    for number in range(settings.runs):
        for engine in there:
            folder = settings.folder / f"{name.replace(' ', '-')}-{number}"
            try:
                found = measure(kafka, engine, task_of(engine), folder, interval)
            except (Wrong, TimeoutError, ValueError) as error:
                failed(f"{name}, {engine.name}, run {number + 1}: {error}")
                continue
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            measured.setdefault(engine.name, []).append(found)
            _tell(name, number, engine.name, found)
        for one, measure_it in bare.items():
            measured.setdefault(one, []).append(measure_it())
            _tell(name, number, one, measured[one][-1])
    return figures(name, measured)


def _tell(name: str, number: int, engine: str, found: Measured) -> None:
    say(
        f"{name}, run {number + 1}, {engine}: {found.rate:,.0f} events/s, {found.cpu:.1f} CPU s/M, "
        f"{found.memory:,.0f} MB, {found.repeated} repeated, others used {found.others:.0%} of the machine"
    )


def figures(name: str, measured: dict[str, list[Measured]]) -> list[Figure]:
    """Rate, CPU and memory of every engine; Duban's against each of the others, theirs without a ratio."""
    found: list[Figure] = []
    for unit, value in (("events/s", _rate), ("CPU s per million events", _cpu), ("MB peak", _memory)):
        runs = {engine: [value(one) for one in several] for engine, several in measured.items()}
        peers = [figure(name, engine, unit, several) for engine, several in runs.items() if engine != OURS]
        if OURS in runs:
            found += [figure(name, OURS, unit, runs[OURS], peer) for peer in peers]
            found += [] if peers else [figure(name, OURS, unit, runs[OURS])]
        found += peers
    return found


def _rate(one: Measured) -> float:
    return one.rate


def _cpu(one: Measured) -> float:
    return one.cpu


def _memory(one: Measured) -> float:
    return one.memory


def _there(engine: Engine) -> bool:
    try:
        engines.prepare(engine)
    except Missing as missing:
        say(str(missing))
        return False
    return True
