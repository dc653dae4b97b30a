"""Brokers killed under everything that reads and writes."""

from functools import partial
from pathlib import Path

import httpx
import pytest

from deploy.embedded.stack import Stack
from tests.support import crew
from tests.support.stack import eventually
from tests.torture import PATIENCE, faults
from tests.torture.lives import Crew
from tests.torture.log import Log
from tests.torture.reader import Reader
from tests.torture.towns import Sending

pytestmark = [pytest.mark.stack, pytest.mark.timeout(400)]
BROKERS = 1, 2, 3


def test_a_worker_that_starts_while_the_broker_is_away_waits_for_it_and_may_be_stopped(
    kafka: Stack, log: Log, reader: Reader, hands: Crew
) -> None:
    city = Sending.of(seed=52, kafka=kafka, days=6)
    log.append(city.records)
    kafka.hold("kafka-1")
    lives = [hands.start("subjects-late", "subjects"), hands.start("cases-late")]
    leaving = hands.start("cases-leaving")
    for life in (*lives, leaving):
        eventually(partial(life.has_said, "broker.awaited"), PATIENCE)
        assert httpx.get(f"{life.url}/health/live").status_code == 200
        assert httpx.get(f"{life.url}/health/ready").status_code == 503
    leaving.process.terminate()
    assert leaving.process.wait(PATIENCE) == 0
    kafka.release("kafka-1")
    kafka.wait_ready("kafka-1", PATIENCE)
    city.await_end(reader)
    assert city.against(reader) == ([], [])
    assert [life.ended() for life in lives] == [None, None]


@pytest.mark.slow
def test_one_broker_of_three_and_then_all_are_killed(tmp_path: Path) -> None:
    with crew.kafka_alone(tmp_path / "data", brokers=3) as stack:
        log, city = Log(stack.brokers, stack.plan.partitions), Sending.of(seed=51, kafka=stack)
        with Crew(stack) as hands, Reader(stack.brokers, stack.plan.partitions) as reader:
            lives = [hands.start("subjects-1", "subjects"), hands.start("cases-1", DUBAN_BATCH="50")]
            for life in lives:
                life.ready()
            first, second, third = city.parts(3)
            log.append(first)
            faults.kill_brokers(stack, 1)
            log.append(second)
            faults.brokers_back(stack, 1)
            faults.kill_brokers(stack, *BROKERS)
            log.append(third)
            faults.brokers_back(stack, *BROKERS)
            lives = [hands.tend(life) for life in lives]
            city.await_end(reader)
            assert city.against(reader) == ([], [])
            assert reader.wrong == []
            assert len(hands.lives) == len(lives), "no worker ends because of a broker"
