"""Brokers killed under everything that reads and writes."""

from pathlib import Path

import pytest

from tests.support import crew
from tests.torture import faults
from tests.torture.lives import Crew
from tests.torture.log import Log
from tests.torture.reader import Reader
from tests.torture.towns import Sending

pytestmark = [pytest.mark.stack, pytest.mark.slow, pytest.mark.timeout(400)]
BROKERS = 1, 2, 3


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
