"""The engine without Kafka: what is read is folded in order, gaps are read again once, nobody starves or is starved."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from services.supervision.runtime import partition
from services.supervision.runtime.checkpoints import Checkpoints
from services.supervision.runtime.engine import Engine
from services.supervision.runtime.lane import Lane
from services.supervision.runtime.reader import Place, ReadRecord
from services.supervision.runtime.store import PartitionStore, StoredEffect
from tests.support.fed import Fed
from tests.support.stack import eventually
from tests.topology.among_good import PARTITION, TOPIC, Written, cases_fold, good, laid, said, said_alone

PLACE = (TOPIC, PARTITION)


class Sent:
    """In place of the publisher. `delay` is how long every piece takes to be sent, in s."""

    def __init__(self, delay: float = 0) -> None:
        self.effects: list[StoredEffect] = []
        self.flushed, self._delay = 0, delay

    def send(self, effects: Sequence[StoredEffect]) -> int:
        time.sleep(self._delay)
        self.effects += effects
        return len(effects)

    def flush(self) -> None:
        self.flushed = len(self.effects)


class Bench:
    """An engine with one lane."""

    def __init__(self, folder: Path, delay: float = 0, limit: int = 10**6) -> None:
        self.fed, self.sent = Fed(), Sent(delay)
        self.failures: list[tuple[Place | None, Exception]] = []
        self.engine = Engine(cast(Any, self.fed), cast(Any, self.sent), lambda *failure: self.failures.append(failure))
        self.store = PartitionStore(folder / "store")
        self.lane = Lane(
            cases_fold(self.store, dead_letter_limit=limit), Checkpoints(folder / "checkpoints"), cast(Any, self.sent)
        )
        self.engine.start()
        self.engine.add(PLACE, self.lane).result(5)

    def put(self, *batches: Sequence[ReadRecord]) -> None:
        for records in batches:
            self.fed.put(PLACE, records)

    def folded(self, offset: int) -> None:
        eventually(lambda: self.store.offset == offset and not self.store.unacknowledged, 20, every=0.005)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    found = Bench(tmp_path)
    yield found
    found.engine.remove(PLACE).result(5)
    assert not found.failures
    found.lane.close()


def test_batches_are_folded_published_and_acknowledged(bench: Bench) -> None:
    log = laid(good())
    bench.put(*(log[at : at + 97] for at in range(0, len(log), 97)))
    bench.folded(len(log))
    assert said(bench.sent.effects) == said_alone()
    assert bench.sent.flushed == len(bench.sent.effects)


def test_a_batch_that_is_missing_is_read_again_and_one_that_comes_twice_is_skipped(bench: Bench) -> None:
    log = laid(good())
    bench.put(log[:50], log[80:100])
    eventually(lambda: bench.fed.begun == [0, 50], 5, every=0.005)
    bench.put(log[40:90], log[80:])
    bench.folded(len(log))
    assert said(bench.sent.effects) == said_alone()


def test_records_that_are_gone_from_the_log_do_not_stop_it(bench: Bench) -> None:
    log = laid(good())
    bench.put(log[:50], log[80:100])
    eventually(lambda: bench.fed.begun == [0, 50], 5, every=0.005)
    bench.put(log[80:])  # the first that there is when it is read again from 50
    bench.folded(len(log))


def test_a_slow_partition_is_not_read_further_and_later_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partition, "FIRED_AT_ONCE", 1)  # every timer is a piece of its own, sent alone
    bench, log = Bench(tmp_path, delay=0.06), laid(good())
    size = len(log) // 12
    bench.put(*(log[at : at + size] for at in range(0, len(log), size)))
    eventually(lambda: bench.fed.paused == {PLACE}, 5, every=0.002)
    bench.folded(len(log))
    assert bench.fed.paused == set()
    assert said(bench.sent.effects) == said_alone()


def test_a_partition_that_has_stopped_is_not_read_any_more(tmp_path: Path) -> None:
    bench = Bench(tmp_path, limit=3)
    bench.put(laid([Written(None, b"{")] * 10))
    eventually(lambda: bench.fed.paused == {PLACE}, 5, every=0.005)
    assert bench.store.offset == 3
    assert bench.lane.partition.stopped
    bench.engine.remove(PLACE).result(5)
    bench.lane.close()


def test_a_checkpoint_is_taken_while_folding_goes_on(tmp_path: Path) -> None:
    bench, log = Bench(tmp_path, delay=0.01), laid(good())
    bench.put(*(log[at : at + 20] for at in range(0, len(log), 20)))
    covered = 0
    while bench.store.offset < len(log):
        saved = bench.lane.checkpoint(covered)
        assert saved >= covered
        newest = Checkpoints(tmp_path / "checkpoints").newest()
        assert newest is None or newest[0] == saved, "no more is safe to commit than a checkpoint is named for"
        covered = saved
    bench.folded(len(log))
    bench.engine.remove(PLACE).result(5)
    bench.lane.close()
    restored = Checkpoints(tmp_path / "checkpoints").open(tmp_path / "elsewhere")
    assert restored.offset == len(log)


def test_what_cannot_be_published_ends_the_engine(tmp_path: Path) -> None:
    bench = Bench(tmp_path)

    def refuse(effects: object) -> int:
        raise RuntimeError("refused")

    bench.sent.send = refuse  # type: ignore[method-assign,assignment]
    bench.put(laid(good())[:200])
    eventually(lambda: bench.failures, 5, every=0.005)
    place, error = bench.failures[0]
    assert place == PLACE
    assert str(error) == "refused"
