"""The runtime on a real store without Kafka: batches of any size, kills and lost disks give the same effects."""

import shutil
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from services.contracts.clock import ClockTickedV1
from services.contracts.codec import decode
from services.contracts.topics import ALERTS, DEAD_LETTERS, FACTS
from services.supervision.domain.cases import CasesFold
from services.supervision.domain.subjects import SubjectsFold
from services.supervision.policy_files import load_policies
from services.supervision.runtime.checkpoints import Checkpoints
from services.supervision.runtime.partition import PartitionFold
from services.supervision.runtime.reader import ReadRecord
from services.supervision.runtime.store import PartitionStore, StoredEffect
from simulation.city.generate import generate
from simulation.replay import records
from tests.support.folding import POLICIES
from tests.support.routing import laid_in

TOPIC, PARTITION = "complaints.v1", 1
T0_MS = 1_700_000_000_000


@cache
def _log() -> list[ReadRecord]:
    town = generate(POLICIES, seed=4, days=30)
    mine = [r for r in records(town.timeline, town.segments()) if (r.topic, r.partition) == (TOPIC, PARTITION)]
    return [ReadRecord(TOPIC, PARTITION, n, T0_MS + n, r.key, r.value) for n, r in enumerate(mine)]


def _worker(store: PartitionStore) -> PartitionFold:
    policies = load_policies(POLICIES)
    fold = CasesFold(policies.cases, policies.calendar)
    counts = {FACTS: 4, ALERTS: 4, DEAD_LETTERS: 1}
    place = f"{TOPIC}-{PARTITION}"
    return PartitionFold(fold, store, place, upstream=frozenset(), forward=(FACTS, ALERTS), partitions=counts)


def _all(worker: PartitionFold, records: list[ReadRecord]) -> list[StoredEffect]:
    return [effect for effects in worker.take(records) for effect in effects]


def _fold(store: PartitionStore, log: list[ReadRecord], batch: int) -> list[StoredEffect]:
    worker = _worker(store)
    return [effect for at in range(0, len(log), batch) for effect in _all(worker, log[at : at + batch])]


@pytest.mark.parametrize("batch", [1, 7, 2000])
def test_batches_of_any_size_give_the_same_effects_in_the_same_order(tmp_path: Path, batch: int) -> None:
    whole = _fold(PartitionStore(tmp_path / "whole"), _log(), len(_log()))
    assert any(effect.topic == ALERTS and effect.key != b"clock" for effect in whole)
    assert _fold(PartitionStore(tmp_path / "cut"), _log(), batch) == whole


def test_a_worker_that_lost_its_disk_folds_on_from_the_checkpoint(tmp_path: Path) -> None:
    log, half = _log(), len(_log()) // 2
    whole = _fold(PartitionStore(tmp_path / "whole"), log, 500)
    checkpoints = Checkpoints(tmp_path / "checkpoints")
    store = checkpoints.open(tmp_path / "local")
    before = _fold(store, log[:half], 500)
    assert checkpoints.save(store) == half
    _fold(store, log[half : half + 50], 100)
    store.close()
    shutil.rmtree(tmp_path / "local")
    restored = checkpoints.open(tmp_path / "local")
    assert restored.offset == half
    assert before + _fold(restored, log, 500) == whole


def test_effects_written_but_not_acknowledged_are_found_after_a_kill(tmp_path: Path) -> None:
    store = PartitionStore(tmp_path / "local")
    worker = _worker(store)
    _all(worker, _log()[:60])
    store.acknowledge()
    last = _all(worker, _log()[60:120])
    store.close()
    again = PartitionStore(tmp_path / "local")
    assert again.offset == 120
    assert list(again.unpublished())[-len(last) :] == last
    again.acknowledge()
    _all(_worker(again), _log()[120:121])
    again.close()
    later = list(PartitionStore(tmp_path / "local").unpublished())
    assert [effect for effect in later if effect in last] == []


def test_an_unreadable_record_becomes_a_dead_letter_and_folding_goes_on(tmp_path: Path) -> None:
    store = PartitionStore(tmp_path / "local")
    effects = _all(_worker(store), [ReadRecord(TOPIC, PARTITION, 0, T0_MS, b"k", b"{broken")])
    assert [effect.topic for effect in effects] == [DEAD_LETTERS]
    assert store.offset == 1


def test_a_broken_local_store_is_rebuilt_from_the_checkpoint(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "checkpoints")
    store = checkpoints.open(tmp_path / "local")
    _fold(store, _log()[:100], 100)
    checkpoints.save(store)
    store.close()
    (tmp_path / "local" / "CURRENT").write_bytes(b"not a manifest\n")
    assert checkpoints.open(tmp_path / "local").offset == 100


class Failing(CasesFold):
    """Fails on the third event of every case, and on every timer of one case."""

    def fold(self, state, event, watermark):  # type: ignore[no-untyped-def]
        if event.sequence == 3:
            raise ZeroDivisionError("a fault in a rule")
        return super().fold(state, event, watermark)


def test_a_record_that_the_fold_fails_on_becomes_a_dead_letter_and_nothing_else_is_touched(tmp_path: Path) -> None:
    policies = load_policies(POLICIES)
    third = [record.offset for record in _log() if _sequence(record) == 3]
    counts, place = {FACTS: 4, ALERTS: 4, DEAD_LETTERS: 1}, f"{TOPIC}-{PARTITION}"

    def folded(fold: CasesFold, name: str, log: list[ReadRecord]) -> list[StoredEffect]:
        wiring = {"upstream": frozenset(), "forward": (FACTS, ALERTS), "partitions": counts}
        return _all(PartitionFold(fold, PartitionStore(tmp_path / name), place, **wiring), log)  # type: ignore[arg-type]

    effects = folded(Failing(policies.cases, policies.calendar), "failing", _log())
    letters = [effect for effect in effects if effect.topic == DEAD_LETTERS]
    assert [int(effect.key.rsplit(b"-", 1)[1]) for effect in letters] == third
    assert b"a fault in a rule" in letters[0].value
    spared = CasesFold(policies.cases, policies.calendar)
    without = folded(spared, "spared", [record for record in _log() if record.offset not in third])
    assert [(e.topic, e.key, e.value) for e in effects if e.topic != DEAD_LETTERS] == [
        (e.topic, e.key, e.value) for e in without
    ]


def _sequence(record: ReadRecord) -> int | None:
    event = decode(record.value)
    return None if isinstance(event.data, ClockTickedV1) else event.sequence


def test_a_tick_of_another_fold_survives_a_kill_at_every_write(tmp_path: Path) -> None:
    """Its high-water mark is written with its own mark, not before."""
    facts = _facts_of_a_partition()

    def subjects(store: PartitionStore) -> PartitionFold:
        policies = load_policies(POLICIES)
        fold, place = SubjectsFold(policies.subjects, policies.calendar), f"{FACTS}-0"
        upstream = frozenset({f"{TOPIC}-{PARTITION}"})
        return PartitionFold(fold, store, place, upstream=upstream, forward=(ALERTS,), partitions={ALERTS: 4})

    whole = _all(subjects(PartitionStore(tmp_path / "whole")), facts)
    assert any(effect.key != b"clock" for effect in whole)
    seen: list[StoredEffect] = []
    while True:
        store = PartitionStore(tmp_path / "cut")
        pieces = subjects(store).take(facts[store.offset : store.offset + 400])
        effects = next(pieces, None)
        store.acknowledge()
        pieces.close()
        store.close()
        if effects is None:
            break
        seen += effects
    assert seen == whole


def _facts_of_a_partition() -> list[ReadRecord]:
    with TemporaryDirectory() as folder:
        effects = _all(_worker(PartitionStore(Path(folder))), _log())
    mine = [effect for effect in effects if (effect.topic, laid_in(effect)) == (FACTS, 0)]
    return [ReadRecord(FACTS, 0, n, T0_MS + n, e.key, e.value, tuple(e.headers)) for n, e in enumerate(mine)]
