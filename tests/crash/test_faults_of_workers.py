"""Workers that sleep, come, go and are fed nonsense."""

from typing import Any

import httpx
import pytest

from deploy.embedded.stack import Stack
from services.shared import dead_letter_box
from services.shared.partitioner import partition_of
from tests.support.stack import eventually
from tests.torture import PATIENCE, faults
from tests.torture.lives import Crew, Life
from tests.torture.log import FOLDS, Log
from tests.torture.reader import Reader
from tests.torture.towns import Sending

pytestmark = [pytest.mark.stack, pytest.mark.timeout(400)]
QUICK = {"DUBAN_CHECKPOINT_SECONDS": "0.3"}


def test_a_worker_that_wakes_up_after_its_session_changes_nothing(
    kafka: Stack, log: Log, reader: Reader, hands: Crew
) -> None:
    every = len(FOLDS["cases"]) * kafka.plan.partitions
    city = Sending.of(seed=41, kafka=kafka)
    hands.start("subjects-1", "subjects")
    zombie, heir = (hands.start(f"cases-{n}", DUBAN_BATCH="50", **QUICK) for n in (1, 2))
    zombie.ready()
    heir.ready()
    eventually(lambda: zombie.metric("duban_supervision_partitions") == every / 2, PATIENCE)
    before, during, after = city.parts(3)
    log.append(before)
    eventually(lambda: zombie.metric("duban_supervision_records_total") > 0, 30, every=0.01)
    faults.outlive_session(zombie, heir, every)
    log.append(during)
    eventually(lambda: log.covered("cases"), PATIENCE)
    zombie.go_on()
    log.append(after)
    city.await_end(reader)
    assert heir.ended() is None
    assert city.against(reader) == ([], [])
    assert reader.wrong == []


def test_workers_that_come_and_go_change_nothing(kafka: Stack, log: Log, reader: Reader, hands: Crew) -> None:
    city = Sending.of(seed=42, kafka=kafka)
    hands.start("subjects-1", "subjects")
    steady = hands.start("cases-1", DUBAN_BATCH="50", **QUICK).ready()
    guests: list[Life] = []
    shared: list[float] = []
    for number, part in enumerate(city.parts(6)):
        log.append(part)
        guests.append(hands.start(f"cases-guest-{number}", DUBAN_BATCH="50", **QUICK).ready())
        shared.append(steady.metric("duban_supervision_partitions"))
        if number % 2:
            guests.pop(0).process.terminate()  # leaves in order: its partitions go to the others at once
            guests.pop(0).kill()  # does not say that it goes
    print(f"partitions of the one that stays: {shared}")
    city.await_end(reader)
    assert steady.ended() is None
    assert len(set(shared)) > 1, "nobody ever took a partition from it"
    assert city.against(reader) == ([], [])
    assert reader.wrong == []


def test_nothing_but_nonsense_stops_the_partition_and_not_the_log(
    kafka: Stack, log: Log, reader: Reader, hands: Crew
) -> None:
    limit, nonsense = 20, 50
    city = Sending.of(seed=43, kafka=kafka, days=6)
    case = next(record for record in city.records if record.key)
    place = (case.topic, partition_of(case.key or b"", kafka.plan.partitions))
    named = f"{place[0]}-{place[1]}"
    few: dict[str, Any] = {"DUBAN_DEAD_LETTER_LIMIT": str(limit), **QUICK}
    hands.start("subjects-1", "subjects")
    lives = [hands.start("cases-1", **few).ready()]
    eventually(lambda: log.covered("cases"), PATIENCE)
    begin = log.ends((place[0],))[place]
    log.append_raw(*place, [b"\x00 nonsense %d" % n for n in range(nonsense)])
    log.append(city.records)

    def others_done() -> bool:
        committed, ends = log.committed("cases"), log.ends(FOLDS["cases"])
        return all(committed[p] == ends[p] for p in ends if p != place) and committed[place] == begin + limit

    for again in (True, False):  # and a restart does not give it another try
        eventually(others_done, PATIENCE)
        reason = eventually(lambda: _unready(lives[-1]), PATIENCE)
        assert f"{named}: {limit} unreadable records in a row" in reason
        assert lives[-1].metric("duban_supervision_stopped_partitions", fold="cases") == 1
        assert httpx.get(f"{lives[-1].url}/health/live").status_code == 200
        assert len(_letters(kafka, named)) == limit
        assert not city.ended(reader)
        lives[-1].kill()
        if again:
            lives.append(hands.start("cases-1", **few))
    hands.start("cases-1", DUBAN_DEAD_LETTER_LIMIT=str(10 * nonsense), **QUICK)
    city.await_end(reader)
    assert len(_letters(kafka, named)) == nonsense, "each once, the ones before the stop too"
    assert city.against(reader) == ([], [])
    assert reader.wrong == []


def _unready(life: Life) -> str:
    """The reason that a worker gives for not being ready; "" while it gives none."""
    try:
        answer = httpx.get(f"{life.url}/health/ready")
    except httpx.HTTPError:
        return ""
    return str(answer.json().get("reason", "")) if answer.status_code == 503 else ""


def _letters(kafka: Stack, named: str) -> set[str]:
    """The ids of the dead letters about one partition."""
    found = dead_letter_box.read(kafka.brokers).letters
    return {letter.id for letter in found if f"{letter.data.topic}-{letter.data.partition}" == named}
