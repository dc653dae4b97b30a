"""kill -9 at every failpoint of every relay, of the inbox and of the streams of the feed, with every kind of event that
passes it: each event is published, shown and delivered, none under two ids, in order."""

from collections.abc import Iterator

import pytest

from deploy.embedded.stack import Stack
from simulation.stream import SERVICES
from tests.support.crew import kafka_alone
from tests.torture import deliveries, outboxes
from tests.torture.failpoints import Outcome

pytestmark = [pytest.mark.stack, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A log of its own: what is written here to alerts.v1 comes from no fold."""
    with kafka_alone(tmp_path_factory.mktemp("services"), only=("kafka", "mongo")) as stack:
        yield stack


@pytest.mark.parametrize("kind", SERVICES)
def test_a_relay_killed_anywhere_publishes_every_event_in_order_under_one_id(services: Stack, kind: str) -> None:
    cells = outboxes.cells(SERVICES[kind])
    _assert_good(outboxes.play(services, SERVICES[kind], cells), len(cells))


def test_an_inbox_or_a_stream_killed_anywhere_shows_and_delivers_every_version_once(services: Stack) -> None:
    cells = deliveries.cells()
    _assert_good(deliveries.play(services, cells), len(cells))


def _assert_good(outcomes: list[Outcome], count: int) -> None:
    assert len(outcomes) == count
    assert [outcome for outcome in outcomes if not outcome.good] == []
