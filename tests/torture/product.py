"""Every failpoint × every kind of event, one kill for each, as a table: `python -m tests.torture --product`."""

import signal
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from pathlib import Path

from deploy.embedded.stack import Stack
from simulation.stream import SERVICES
from tests.support.crew import kafka_alone
from tests.support.stack import eventually
from tests.torture import PATIENCE, deliveries, outboxes
from tests.torture.failpoints import FAILPOINTS, OF_AN_EVENT, WHOLE, Cell, Outcome, play
from tests.torture.lives import Crew
from tests.torture.log import Log
from tests.torture.reader import Reader
from tests.torture.run import Tell
from tests.torture.scenes import TICK
from tests.torture.towns import Sending

EVERY_FAILPOINT = (*FAILPOINTS, *outboxes.FAILPOINTS, *deliveries.FAILPOINTS)
_FACT = "fact.recorded.v1"
_SUBJECT_CELLS = tuple(Cell(*pair) for pair in product(FAILPOINTS, (_FACT, TICK)))
_QUICK = {"DUBAN_CHECKPOINT_SECONDS": "0.3"}
Note = Callable[[Outcome], None]


def chosen(only: str) -> tuple[str, ...]:
    """The failpoints that begin with one of the names in `only` (separated by commas; empty: all). Raises ValueError
    for a name that none begins with."""
    names = [name for name in only.split(",") if name]
    for name in names:
        if not any(point.startswith(name) for point in EVERY_FAILPOINT):
            raise ValueError(f"no failpoint begins with {name!r}: there are {', '.join(EVERY_FAILPOINT)}")
    return tuple(p for p in EVERY_FAILPOINT if not names or p.startswith(tuple(names)))


def whole(data: Path, tell: Tell, every: int = 1, only: str = "") -> bool:
    """Play every `every`-th cell of the failpoints that `only` names, print the table; whether all were good. Ctrl-C
    ends it with the table of the parts that are over: a service, or a failpoint of the cases fold."""
    points, outcomes, done = chosen(only), list[Outcome](), False
    counts, wrong, broken = Counter[str](), list[str](), list[str]()

    def played(what: str, cells: Sequence[Cell], play_them: Callable[[list[Cell], Note], list[Outcome]]) -> None:
        mine, count = [cell for cell in cells if cell.failpoint in points][::every], Counter[str]()

        def note(outcome: Outcome) -> None:
            count[what] += 1
            cell, met = outcome.cell, "" if outcome.met else ": NOT MET"
            tell(f"{what}, {count[what]} of {len(mine)}: {cell.failpoint} at {cell.kind}{met}")

        if mine:
            try:
                outcomes.extend(play_them(mine, note))
            except AssertionError as error:  # a wait that was too long: the table holds the other parts
                broken.append(f"{what} broke off at number {count[what] + 1}: {error}")
                tell(broken[-1])

    try:
        if set(points) - set(FAILPOINTS):
            with kafka_alone(data / "services", only=("kafka", "mongo")) as stack:
                for service in SERVICES.values():
                    of_service = partial(outboxes.play, stack, service)
                    played(f"relay of {service.name}", outboxes.cells(service), of_service)
                played("notifications", deliveries.cells(), partial(deliveries.play, stack))
        if set(points) & set(FAILPOINTS):
            with kafka_alone(data / "folds") as stack, Reader(stack.brokers, stack.plan.partitions) as reader:
                counts, wrong = reader.counts, reader.wrong
                for point in FAILPOINTS:
                    cells = [cell for cell in WHOLE if cell.failpoint == point]
                    played(f"cases, {point}", cells, partial(_cases, stack, reader, data, WHOLE.index(cells[0])))
                played("subjects", _SUBJECT_CELLS, partial(_subjects, stack, reader))
        done = True
    except KeyboardInterrupt:
        tell("interrupted: the table so far")
    _print(outcomes, counts, wrong)
    print(*broken, sep="\n", end="\n" if broken else "")
    return done and bool(outcomes) and all(outcome.good for outcome in outcomes) and not wrong and not broken


def _cases(
    stack: Stack, reader: Reader, folder: Path, first: int, cells: Sequence[Cell], note: Note
) -> list[Outcome]:  # fmt: skip
    with Crew(stack) as hands:
        hands.start("subjects-1", "subjects")
        return play(stack, cells, reader, folder, first, note)


def _subjects(stack: Stack, reader: Reader, cells: Sequence[Cell], note: Note) -> list[Outcome]:
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
            note(outcome)
        for town, outcome in played:
            town.await_end(reader)
            outcome.missing, outcome.unexpected = town.against(reader)
    return [outcome for _, outcome in played]


def _print(outcomes: list[Outcome], counts: Counter[str], wrong: list[str]) -> None:
    rows: defaultdict[str, list[Outcome]] = defaultdict(list)
    for outcome in sorted(outcomes, key=lambda outcome: EVERY_FAILPOINT.index(outcome.cell.failpoint)):
        rows[outcome.cell.failpoint].append(outcome)
    print(f"{'failpoint':<22}{'kills':>7}{'reached':>9}{'at it':>7}{'kinds':>7}{'lost':>6}{'more':>6}")
    for failpoint, found in rows.items():
        print(
            f"{failpoint:<22}{len(found):>7}{sum(o.met for o in found):>9}{sum(o.at_once for o in found):>7}"
            f"{len({o.cell.kind for o in found}):>7}{sum(len(o.missing) for o in found):>6}"
            f"{sum(len(o.unexpected) for o in found):>6}"
        )
    for outcome in outcomes:
        if not outcome.good:
            print(f"  not good: {outcome}", file=sys.stderr)
    print(f"{len(outcomes)} kills; {dict(counts)}; out of order, two texts, gaps: {len(wrong)}")
