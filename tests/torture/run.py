"""The run: cities are appended, workers and brokers killed, a reader reads; in the end every timeline is compared."""

import time
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from random import Random

from confluent_kafka import KafkaException

from deploy.embedded.stack import Stack
from services.contracts.topics import ALERTS, FACTS
from tests.support.crew import kafka_alone
from tests.torture.calamities import Calamities
from tests.torture.feeder import EVENTS_A_TOWN, Feeder
from tests.torture.keeper import Keeper
from tests.torture.ledger import Ledger
from tests.torture.log import FOLDS, Log
from tests.torture.reader import Reader

EVENTS_A_MINUTE = 100_000
WORKERS = ("cases-1", "cases-2", "subjects-1")
_FEEDING = 0.75  # share of the time in which cities are appended and faults happen
_NOTHING_MOVES_SECONDS = 180.0
_LOOK_SECONDS = 0.2
_TELL_SECONDS = 5.0

Tell = Callable[[str], None]


def run(data: Path, minutes: float, seed: int, tell: Tell, events: int | None = None, brokers: int = 3) -> Ledger:
    """A run of about `minutes`, for it ends when all is folded. Ctrl-C ends it early: see Ledger.interrupted."""
    ledger = Ledger(seed=seed, minutes=minutes, brokers=brokers)
    towns = max(1, round((events or EVENTS_A_MINUTE * minutes) / EVENTS_A_TOWN))
    begun = time.monotonic()
    with kafka_alone(data, brokers=brokers) as stack:
        tell(f"{brokers} brokers run, {towns} cities to come")
        log = Log(stack.brokers, stack.plan.partitions)
        feeder = Feeder(log, stack.plan.partitions, seed, towns, minutes * 60 * _FEEDING)
        with Reader(stack.brokers, stack.plan.partitions) as reader:
            keeper = Keeper(stack, Random(f"{seed}/workers"), ledger)
            try:
                _torture(stack, feeder, keeper, reader, ledger, tell)
                _drain(log, feeder, keeper, reader, tell)
            except KeyboardInterrupt:
                ledger.interrupted = True
                tell("interrupted: the ledger so far")
            finally:
                feeder.close()
                ledger.events_in, ledger.ticks_in = feeder.events, log.appended - feeder.events
                keeper.close()
            _add_up(stack, log, feeder, reader, ledger)
    ledger.seconds = time.monotonic() - begun
    return ledger


def _torture(stack: Stack, feeder: Feeder, keeper: Keeper, reader: Reader, ledger: Ledger, tell: Tell) -> None:
    """Faults and failpoints for as long as cities are appended."""
    for name in WORKERS:
        keeper.hire(name)
    feeder.start()
    calamities = Calamities(stack, keeper, Random(f"{ledger.seed}/faults"), ledger)
    tell_at = 0.0
    while feeder.is_alive():
        keeper.tend()
        calamities.step()
        if time.monotonic() >= tell_at:
            tell_at = time.monotonic() + _TELL_SECONDS
            tell(
                f"{feeder.events:,} events in, {reader.counts['alerts']:,} versions of alerts seen, "
                f"{ledger.kills.total()} kills, {ledger.faults.total()} faults, last: {calamities.last or 'none'}"
            )
        keeper.await_an_end(min(tell_at, calamities.due) - time.monotonic())
    calamities.end()
    if feeder.failure is not None:
        raise feeder.failure


def _drain(log: Log, feeder: Feeder, keeper: Keeper, reader: Reader, tell: Tell) -> None:
    """Until everything is folded, committed and read, or nothing has moved for long."""
    keeper.armed = False
    for name in keeper.names:  # the last lives have no failpoint
        keeper.life(name).arm("") if keeper.life(name).ended() is None else None
    tell_at, left = 0.0, list(feeder.sent)
    while time.monotonic() - reader.moved_at < _NOTHING_MOVES_SECONDS:
        keeper.tend()
        left = [town for town in left if not town.ended(reader)]
        if not left and all(log.covered(fold) for fold in FOLDS) and _read_all(log, reader):
            return
        if time.monotonic() >= tell_at:
            tell_at = time.monotonic() + _TELL_SECONDS
            tell(f"{len(left)} of {len(feeder.sent)} timelines to be finished, {reader.records:,} records read")
        reader.await_news(_LOOK_SECONDS)


def _read_all(log: Log, reader: Reader) -> bool:
    try:
        return sum(log.ends((ALERTS, FACTS)).values()) <= reader.position()
    except KafkaException:
        return False


def _add_up(stack: Stack, log: Log, feeder: Feeder, reader: Reader, ledger: Ledger) -> None:
    done = [town for town in feeder.sent if town.ended(reader)]
    ledger.timelines, ledger.unfinished = len(feeder.sent), len(feeder.sent) - len(done)
    for town in done if ledger.interrupted else feeder.sent:
        missing, unexpected = town.against(reader)
        ledger.alerts_expected += len(town.expected)
        ledger.alerts_seen += len(reader.alerts(town.timeline))
        ledger.lost += len(missing)
        ledger.duplicated += len(unexpected)
        ledger.examples += [f"lost {a}" for a in missing[:5]] + [f"not expected {a}" for a in unexpected[:5]]
    ledger.facts_seen, ledger.versions_seen = reader.counts["facts"], reader.counts["alerts"]
    ledger.cases = reader.cases
    ledger.copies, ledger.disorder = reader.counts["copies"], len(reader.wrong)
    ledger.examples += reader.wrong[:10]
    if ledger.interrupted:
        return
    committed, ends = log.committed("cases"), log.ends(FOLDS["cases"])
    ledger.records_folded = sum(committed.values())
    ledger.records_unfolded = sum(ends.values()) - ledger.records_folded
    ledger.unread = _second_look(stack, reader)


def _second_look(stack: Stack, first: Reader) -> int:
    """How many different alerts and facts a reader finds that reads when all is quiet, and the first one did not."""
    log = Log(stack.brokers, stack.plan.partitions)
    with Reader(stack.brokers, stack.plan.partitions) as second:
        while not _read_all(log, second) and time.monotonic() - second.moved_at < _NOTHING_MOVES_SECONDS:
            second.await_news(_LOOK_SECONDS)
        names = [set(chain.from_iterable(seen.texts for seen in r.timelines())) for r in (first, second)]
    return len(names[0] ^ names[1])
