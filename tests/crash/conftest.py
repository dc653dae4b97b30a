"""One Kafka for the crash tests: each goes on in the log that the one before has left."""

from collections.abc import Iterator

import pytest

from deploy.embedded.stack import Stack
from tests.support.crew import kafka_alone
from tests.torture.lives import Crew
from tests.torture.log import Log
from tests.torture.reader import Reader


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Kafka and the MongoDB stand-in, no Duban process."""
    with kafka_alone(tmp_path_factory.mktemp("crash"), only=("kafka", "mongo")) as stack:
        yield stack


@pytest.fixture
def reader(kafka: Stack) -> Iterator[Reader]:
    with Reader(kafka.brokers, kafka.plan.partitions) as reader:
        yield reader


@pytest.fixture
def hands(kafka: Stack) -> Iterator[Crew]:
    """Workers that are gone at the end of the test."""
    with Crew(kafka) as hands:
        yield hands


@pytest.fixture
def log(kafka: Stack) -> Log:
    return Log(kafka.brokers, kafka.plan.partitions)
