"""Supervision workers killed again and again in the middle of a replay: the same alerts, none twice, none lost."""

import os
import shutil
import time
from pathlib import Path

import pytest

from tests.support import crew
from tests.support.processes_of_sources import Process
from tests.support.stack import eventually

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]
LONG = "DUBAN_LONG" in os.environ  # `make crash`; `make test` has the short form
KILLS = 10 if LONG else 4
SMALL = "150"  # records a batch: a life is long enough to be cut short


def _folded(process: Process) -> float:
    return process.metric("duban_supervision_records_total")


def _kill_in_the_middle(process: Process, records: int) -> int:
    """Wait until this life has folded so many records, kill -9, and say how many it had folded by then."""
    process.ready()
    eventually(lambda: _folded(process) >= records, 60, every=0.01)
    folded = int(_folded(process))
    process.kill()
    return folded


def test_kills_and_a_wiped_disk_change_no_alert(tmp_path: Path) -> None:
    city = crew.town()
    segments = list(city.segments())
    share = len(segments) // (KILLS + 2)
    with crew.kafka_alone(tmp_path / "data") as stack:
        subjects = crew.worker(stack, "subjects-1", "subjects")
        lives = []
        for kill in range(KILLS + 1):
            part = segments[kill * share : (kill + 1) * share]
            crew.send(stack, city.timeline, part)
            life = crew.worker(stack, "cases-1", DUBAN_BATCH=SMALL)
            lives.append(_kill_in_the_middle(life, crew.records_in(stack, part) // 3))
            if kill == KILLS // 2:
                shutil.rmtree(crew.disk_of(stack, "cases-1"))
            if kill % 3 == 0:
                subjects.kill()
                subjects = crew.worker(stack, "subjects-1", "subjects")
        crew.send(stack, city.timeline, segments[(KILLS + 1) * share :])
        last = crew.worker(stack, "cases-1")
        with crew.Written(stack, city.timeline) as written:
            written.await_end(city.end)
            found = written.last()
        last.kill()
        subjects.kill()
    print(
        f"{len(lives)} kills, records folded in each life {lives}: {len(found)} alerts, {len(written.values)} written"
    )
    assert len({alert.alert_id for alert in found}) == len(found)
    assert crew.against_the_oracle(found, city) == ([], [])


def test_a_worker_that_dies_for_good_is_replaced_within_fifteen_seconds(tmp_path: Path) -> None:
    city = crew.town()
    segments = list(city.segments())
    half = len(segments) // 3
    with crew.kafka_alone(tmp_path / "data") as stack:
        subjects = crew.worker(stack, "subjects-1", "subjects")
        one, two = (crew.worker(stack, f"cases-{n}", DUBAN_BATCH=SMALL) for n in (1, 2))
        for worker in (one, two):
            worker.ready()
        crew.send(stack, city.timeline, segments[:half])

        def shared() -> bool:
            return all(p.metric("duban_supervision_partitions") == 8 for p in (one, two))

        eventually(shared, 60)
        crew.send(stack, city.timeline, segments[half:-20])
        eventually(lambda: _folded(one) > 0, 30, every=0.01)
        one.kill()
        crew.send(stack, city.timeline, segments[-20:])
        killed = time.monotonic()
        eventually(lambda: two.metric("duban_supervision_partitions") == 16, 30)
        seconds = time.monotonic() - killed
        with crew.Written(stack, city.timeline) as written:
            written.await_end(city.end)
            found = written.last()
        two.kill()
        subjects.kill()
    print(f"all 16 partitions in one hand {seconds:.1f} s after the kill: {len(found)} alerts")
    assert seconds < 15
    assert crew.against_the_oracle(found, city) == ([], [])


def test_one_worker_and_three_in_batches_of_1_and_2000_write_the_same_bytes(tmp_path: Path) -> None:
    city = crew.town(days=20 if LONG else 10)
    folded = {}
    for workers, batch in ((1, "1"), (3, "2000")):
        with crew.kafka_alone(tmp_path / f"{workers}") as stack:
            names = [(f"cases-{n}", "cases") for n in range(workers)] + [("subjects-1", "subjects")]
            hands = [crew.worker(stack, name, kind, DUBAN_BATCH=batch) for name, kind in names]
            crew.send(stack, city.timeline, city.segments())
            with crew.Written(stack, city.timeline) as written:
                folded[workers] = written.await_end(city.end, 200).versions()
            for hand in hands:
                hand.kill()
    print(f"{len(folded[1])} alerts, {sum(map(len, folded[1].values()))} versions, byte for byte the same")
    assert folded[1] == folded[3]
    assert len(folded[1]) > 10
