"""Several lives in one partition: however they are interleaved, cut into batches and ticked, and wherever the worker is
killed, the same is said of each. On a real store, without Kafka."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts import codec
from services.contracts.clock import ClockTickedV1
from services.contracts.envelope import Event
from services.contracts.topics import ALERTS, DEAD_LETTERS, FACTS
from services.supervision.domain.cases import CasesFold
from services.supervision.runtime import partition
from services.supervision.runtime.partition import PartitionFold
from services.supervision.runtime.reader import ReadRecord
from services.supervision.runtime.store import PartitionStore, StoredEffect
from tests.fuzz.effort import effort
from tests.topology.among_good import COUNTS, PARTITION, PLACE, TOPIC
from tests.unit.supervision.builders import policies
from tests.unit.supervision.lives import T0, lives

END = T0 + timedelta(days=400)
AFTER_ALL_MS = int((END + timedelta(days=400)).timestamp() * 1000)  # of records: no tick is ahead of its broker


@st.composite
def towns(draw: st.DrawFn) -> list[list[Event]]:
    """Two to four lives, each with a name of its own."""
    found = draw(st.lists(lives(), min_size=2, max_size=4))
    return [
        [msgspec.structs.replace(event, subject=f"case-{n}", id=f"case-{n}-{event.sequence}") for event in life]
        for n, life in enumerate(found)
    ]


def interleaved(town: list[list[Event]], chance: random.Random, ticks: int, days_ahead: int = 0) -> list[ReadRecord]:
    """The events in an order of their own, each life in its order, with ticks that are never ahead of what follows, or
    at most `days_ahead`."""
    waiting = [list(life) for life in town]
    order: list[Event] = []
    while any(waiting):
        order.append(chance.choice([life for life in waiting if life]).pop(0))
    tick_before = sorted(chance.randrange(len(order) + 1) for _ in range(ticks))
    values: list[tuple[bytes, bytes]] = []
    for place in range(len(order) + 1):
        true = min((event.time for event in order[place:]), default=END)
        ahead = timedelta(days=chance.randint(0, days_ahead))
        values += [_tick(true + ahead) for _ in range(tick_before.count(place))]
        values += [_record(event) for event in order[place : place + 1]]
    values.append(_tick(END))
    return [ReadRecord(TOPIC, PARTITION, n, AFTER_ALL_MS + n, *record) for n, record in enumerate(values)]


def _record(event: Event) -> tuple[bytes, bytes]:
    return event.subject.encode(), codec.encode(
        event.data, id=event.id, source=event.source, subject=event.subject, time=event.time, sequence=event.sequence,
        timeline=event.timeline,
    )  # fmt: skip


def _tick(as_of: datetime) -> tuple[bytes, bytes]:
    value = codec.encode(ClockTickedV1(as_of=as_of), id="t", source="/s", subject="clock", time=as_of, sequence=0)
    return b"clock", value


def worker(store: PartitionStore) -> PartitionFold:
    fold = CasesFold(policies().cases, policies().calendar)
    return PartitionFold(fold, store, PLACE, upstream=frozenset(), forward=(FACTS, ALERTS), partitions=COUNTS)


def said(effects: list[StoredEffect]) -> list[tuple[str, int, bytes, bytes]]:
    assert all(effect.topic != DEAD_LETTERS for effect in effects)
    return sorted((e.topic, e.partition, e.key, e.value) for e in effects if e.key != b"clock")


def at_once(log: list[ReadRecord]) -> list[StoredEffect]:
    with TemporaryDirectory() as folder:
        store = PartitionStore(Path(folder))
        effects = [effect for effects in worker(store).take(log) for effect in effects]
        store.close()
        return effects


def unhurried(worker: PartitionFold, log: list[ReadRecord], chance: random.Random) -> Iterator[list[StoredEffect]]:
    """Several batches before a write, as when the worker lags behind."""
    at = worker.store.offset
    for size in chance.choices([1, 5, 1000], k=chance.randint(1, 4)):
        yield from worker.fold_all(log[at : at + size])
        at += size
    if worker.unwritten:
        yield worker.write()


def with_kills(log: list[ReadRecord], chance: random.Random) -> list[StoredEffect]:
    """What is published by workers that are killed after any write: effects not yet known to be published come twice,
    then with the same bytes and the same origin. Each timer of a tick is a write of its own."""
    published: dict[bytes, StoredEffect] = {}

    def publish(effects: Iterator[StoredEffect] | list[StoredEffect]) -> None:
        for effect in effects:
            origin = dict(effect.headers)["origin"]
            assert published.setdefault(origin, effect) == effect

    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(partition, "FIRED_AT_ONCE", 1)
        while True:
            store = PartitionStore(Path(folder))
            publish(store.unpublished())
            store.acknowledge()
            pieces = unhurried(worker(store), log, chance)
            for effects in pieces:
                if chance.random() < 0.7:
                    publish(effects)
                    if chance.random() < 0.7:
                        store.acknowledge()
                        continue
                break
            pieces.close()
            done = store.offset == len(log) and not store.unacknowledged
            store.close()
            if done:
                return list(published.values())


@given(towns(), st.randoms(use_true_random=False), st.integers(0, 8))
@effort(8)
def test_interleavings_batches_ticks_and_kills_change_nothing_that_is_said(
    town: list[list[Event]], chance: random.Random, ticks: int
) -> None:
    alone = sorted(item for life in town for item in said(at_once(interleaved([life], chance, 0))))
    together = interleaved(town, chance, ticks)
    assert said(at_once(together)) == alone
    assert said(with_kills(together, chance)) == alone


@given(towns(), st.randoms(use_true_random=False), st.integers(0, 8))
@effort(8)
def test_a_worker_killed_anywhere_publishes_the_same_records_in_the_same_order(
    town: list[list[Event]], chance: random.Random, ticks: int
) -> None:
    log = interleaved(town, chance, ticks, days_ahead=60)
    assert with_kills(log, chance) == at_once(log)
