"""Disks that fail a worker: full, gone, or with other bytes than were written."""

import pytest

from deploy.embedded.stack import Stack
from services.supervision.runtime.worker import EXIT_BROKEN
from tests.support.stack import eventually
from tests.torture import PATIENCE, faults
from tests.torture.lives import Crew
from tests.torture.log import Log
from tests.torture.reader import Reader
from tests.torture.towns import Sending

pytestmark = [pytest.mark.stack, pytest.mark.timeout(400)]
DAMAGED = 2
QUICK = {"DUBAN_CHECKPOINT_SECONDS": "0.3"}


def test_a_damaged_checkpoint_is_noticed_and_the_one_before_is_used(
    kafka: Stack, log: Log, reader: Reader, hands: Crew
) -> None:
    city = Sending.of(seed=21, kafka=kafka)
    hands.start("subjects-1", "subjects")
    life = hands.start("cases-1", **QUICK).ready()
    for part in city.parts(3):
        log.append(part)
        eventually(lambda: log.covered("cases"), PATIENCE)
    life.kill()
    faults.wipe_store(kafka, "cases-1")
    damaged = faults.damage_checkpoints(kafka, "cases")
    life = hands.start("cases-1", **QUICK).ready()
    city.await_end(reader)
    assert len(damaged) == 16
    assert life.metric("duban_supervision_damaged_total", fold="cases") == len(damaged)
    assert city.against(reader) == ([], [])
    assert reader.wrong == []


@pytest.mark.parametrize("file", ["sst", "log", ""])
def test_a_damaged_store_is_rebuilt(kafka: Stack, log: Log, reader: Reader, hands: Crew, file: str) -> None:
    city = Sending.of(seed=22 + len(file), kafka=kafka)
    hands.start("subjects-1", "subjects")
    life = hands.start("cases-1", **QUICK).ready()
    first, second = city.parts(2)
    log.append(first)
    eventually(lambda: log.covered("cases"), PATIENCE)
    life.kill()
    damaged = faults.damage_stores(kafka, "cases-1", "cases", file, most=DAMAGED)
    lives = [hands.start("cases-1", **QUICK)]
    log.append(second)

    def ended() -> bool:
        if lives[-1].ended() is not None:
            lives.append(hands.tend(lives[-1], **QUICK))
        return city.ended(reader)

    eventually(ended, PATIENCE)
    assert damaged
    assert len(lives) <= DAMAGED + 1, "damage is met once, then the store is another one"
    assert city.against(reader) == ([], [])
    assert reader.wrong == []


def test_a_full_disk_ends_the_worker_and_room_lets_it_go_on(
    kafka: Stack, log: Log, reader: Reader, hands: Crew
) -> None:
    city = Sending.of(seed=30, kafka=kafka)
    hands.start("subjects-1", "subjects")
    with faults.small_disk(kafka, "cases-full", 64) as mounted:
        if mounted:
            life = hands.start("cases-full").ready()
            ballast = faults.fill_disk(kafka, "cases-full", left=64 * 1024)
        else:
            life = hands.start("cases-full", limit_bytes=64 * 1024).ready()
        log.append(city.records)
        assert life.process.wait(PATIENCE) == EXIT_BROKEN
        print("a full tmpfs" if mounted else "RLIMIT_FSIZE", "ended the worker")
        assert not city.ended(reader)
        if mounted:
            ballast.unlink()
        hands.start("cases-full")
        city.await_end(reader)
        hands.__exit__()
    assert city.against(reader) == ([], [])
    assert reader.wrong == []
