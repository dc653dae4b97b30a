"""Every failpoint × every kind of event, one kill for each, as a table: `python -m tests.torture --product`."""

import signal
import sys
from collections import Counter, defaultdict
from itertools import product
from pathlib import Path

from deploy.embedded.stack import Stack
from tests.support.crew import kafka_alone
from tests.support.stack import eventually
from tests.torture import PATIENCE
from tests.torture.failpoints import FAILPOINTS, OF_AN_EVENT, WHOLE, Cell, Outcome, play
from tests.torture.lives import Crew
from tests.torture.log import Log
from tests.torture.reader import Reader
from tests.torture.run import Tell
from tests.torture.scenes import TICK
from tests.torture.towns import Sending

_FACT = "fact.recorded.v1"
_SUBJECT_CELLS = tuple(Cell(*pair) for pair in product(FAILPOINTS, (_FACT, TICK)))
_QUICK = {"DUBAN_CHECKPOINT_SECONDS": "0.3"}


def whole(data: Path, tell: Tell, every: int = 1) -> bool:
    """Play every `every`-th cell of the cases fold and of the subjects fold, print the table; whether all were good."""
    cells, subject_cells = WHOLE[::every], _SUBJECT_CELLS[::every]
    with kafka_alone(data) as stack, Reader(stack.brokers, stack.plan.partitions) as reader:
        with Crew(stack) as hands:
            hands.start("subjects-1", "subjects")
            told = Counter[bool]()

            def note(outcome: Outcome) -> None:
                told[outcome.met] += 1
                tell(f"{told.total()} of {len(cells)}: {outcome.cell.failpoint} at {outcome.cell.kind}")

            outcomes = play(stack, cells, reader, data, tell=note)
        outcomes += _subjects(stack, subject_cells, reader, tell)
        _print(outcomes, reader)
        return all(outcome.good for outcome in outcomes) and not reader.wrong


def _subjects(stack: Stack, cells: tuple[Cell, ...], reader: Reader, tell: Tell) -> list[Outcome]:
    """The subjects fold: a small city a kill; its facts are born in the cases fold, so a passage of them is awaited."""
    log, played = Log(stack.brokers, stack.plan.partitions), list[tuple[Sending, Outcome]]()
    with Crew(stack) as hands:
        hands.start("cases-1").ready()
        life = hands.start("subjects-1", "subjects", **_QUICK)
        for number, cell in enumerate(cells):
            town = Sending.of(seed=9000 + number, kafka=stack, days=12)
            life.ready()
            eventually(lambda: log.covered("cases") and log.covered("subjects"), PATIENCE)
            life.arm(f"{cell.failpoint}@{cell.kind}" if cell.failpoint in OF_AN_EVENT else cell.failpoint)
            log.append(town.records)
            outcome = Outcome(cell, life.process.wait(PATIENCE) == -signal.SIGKILL, at_once=False)
            played.append((town, outcome))
            life.kill()
            life = hands.start("subjects-1", "subjects", **_QUICK)
            tell(f"subjects, {number + 1} of {len(cells)}: {cell.failpoint} at {cell.kind}")
        for town, outcome in played:
            town.await_end(reader)
            outcome.missing, outcome.unexpected = town.against(reader)
    return [outcome for _, outcome in played]


def _print(outcomes: list[Outcome], reader: Reader) -> None:
    rows: defaultdict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        rows[outcome.cell.failpoint].append(outcome)
    print(f"{'failpoint':<20}{'kills':>7}{'reached':>9}{'at it':>7}{'kinds':>7}{'lost':>6}{'more':>6}")
    for failpoint in FAILPOINTS:
        found = rows[failpoint]
        print(
            f"{failpoint:<20}{len(found):>7}{sum(o.met for o in found):>9}{sum(o.at_once for o in found):>7}"
            f"{len({o.cell.kind for o in found}):>7}{sum(len(o.missing) for o in found):>6}"
            f"{sum(len(o.unexpected) for o in found):>6}"
        )
    for outcome in outcomes:
        if not outcome.good:
            print(f"  not good: {outcome}", file=sys.stderr)
    print(f"{len(outcomes)} kills; {dict(reader.counts)}; out of order, two texts, gaps: {len(reader.wrong)}")
