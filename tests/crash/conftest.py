"""One Kafka for the crash tests: each goes on in the log that the one before has left."""

from collections.abc import Iterator

import pytest

from deploy.embedded.stack import Stack
from tests.support.crew import kafka_alone


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with kafka_alone(tmp_path_factory.mktemp("crash")) as stack:
        yield stack
