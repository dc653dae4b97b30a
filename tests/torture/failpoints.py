"""kill -9 at every named failpoint of a supervision worker, aimed at every kind of event.

One log, many lives: each life goes on where the one before was killed. When a life has folded all there is, it is
armed, and the next record that it meets is the one that it dies of. Its timeline then goes on and must come out whole.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from deploy.embedded.stack import Stack
from simulation.comparison import difference
from tests.support.stack import eventually
from tests.torture import PATIENCE
from tests.torture.lives import Life
from tests.torture.log import Log
from tests.torture.reader import Reader
from tests.torture.scenes import KINDS, Scene, scene

OF_AN_EVENT = tuple(f"{step}.{side}" for step in ("decode", "fold", "write") for side in ("before", "after"))
OF_A_BATCH = tuple(
    f"{step}.{side}" for step in ("receive", "publish", "checkpoint", "commit") for side in ("before", "after")
)
FAILPOINTS = (*OF_AN_EVENT, *OF_A_BATCH)
_KILLED = -9
_PATIENCE = {"checkpoint": 4.0, "commit": 4.0}  # seconds until what comes after the event is needed to get there
_QUICK: Any = {"DUBAN_CHECKPOINT_SECONDS": "0.3"}


class Cell(NamedTuple):
    """A failpoint and the kind of event that a kill is aimed at."""

    failpoint: str
    kind: str


WHOLE = tuple(Cell(*pair) for pair in product(FAILPOINTS, KINDS))


def few(kinds: int = 3) -> Iterator[Cell]:
    """Every failpoint at least once, those of an event with `kinds` kinds in all; ticks and decrees are among them."""
    for number, failpoint in enumerate(FAILPOINTS):
        yield Cell(failpoint, KINDS[(number * 5 + kinds) % (len(KINDS) - 2)])
    yield Cell("fold.after", KINDS[-2])
    yield Cell("write.before", KINDS[-1])
    yield Cell("write.after", KINDS[-1])


class Outcome(msgspec.Struct):
    """What became of a kill. `met`: the worker died there. `at_once`: of the event itself, not of what followed."""

    cell: Cell
    met: bool
    at_once: bool
    missing: Sequence[object] = ()
    unexpected: Sequence[object] = ()

    @property
    def good(self) -> bool:
        return self.met and not self.missing and not self.unexpected


def play(
    stack: Stack, cells: Iterable[Cell], reader: Reader, folder: Path, first: int = 0,
    tell: Callable[[Outcome], None] = lambda _: None,
) -> list[Outcome]:  # fmt: skip
    """One life for each cell and a last one. A worker of the subjects fold must be at work beside it."""
    log = Log(stack.brokers, stack.plan.partitions)
    played: list[tuple[Scene, Outcome]] = []
    decrees = 0
    life = Life(stack, "cases-1", **_QUICK)
    try:
        for number, cell in enumerate(cells, start=first):
            decreed = cell.kind == "calendar.decreed.v1"
            here = scene(cell.kind, decrees if decreed else number, stack.plan.partitions, folder)
            decrees += decreed
            outcome = _kill(log, reader, life, cell, here)
            played.append((here, outcome))
            life.kill()
            life = Life(stack, "cases-1", **_QUICK)
            tell(outcome)
        for here, outcome in played:
            reader.await_passed(here.timeline, here.end)
            outcome.missing, outcome.unexpected = difference(reader.alerts(here.timeline), here.expected)
    finally:
        life.kill()
    return [outcome for _, outcome in played]


def _kill(log: Log, reader: Reader, life: Life, cell: Cell, here: Scene) -> Outcome:
    log.append(here.before)
    life.ready()
    reader.await_passed(here.timeline, here.begun, kinds=("cases",))
    if cell.failpoint in OF_A_BATCH:
        eventually(lambda: log.covered("cases"), PATIENCE)
    life.arm(f"{cell.failpoint}@{cell.kind}" if cell.failpoint in OF_AN_EVENT else cell.failpoint)
    log.append(here.at)
    at_once = life.process.wait(_PATIENCE.get(cell.failpoint.split(".")[0], 1.5)) == _KILLED
    log.append(here.after)
    return Outcome(cell, at_once or life.process.wait(PATIENCE) == _KILLED, at_once)
