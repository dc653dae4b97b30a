"""The reader on a real broker: a partition that goes and comes back is read on."""

import pytest

from deploy.embedded.stack import Stack
from services.contracts.topics import SOURCE_TOPICS
from services.supervision.runtime.reader import Reader
from tests.support.stack import eventually
from tests.torture.log import Log

pytestmark = [pytest.mark.stack, pytest.mark.timeout(120)]


def test_a_partition_revoked_while_its_lane_was_full_is_read_when_it_comes_back(infra: Stack) -> None:
    """A lane that is full is paused; librdkafka keeps that for the partition beyond its assignment."""
    place, log = (SOURCE_TOPICS[-1], 0), Log(infra.brokers, infra.plan.partitions)
    begin = log.ends((place[0],))[place]
    log.append_raw(*place, [b"not read by anybody: %d" % n for n in range(3000)])
    reader = Reader(infra.brokers, 100)
    reader.begin(place, begin)
    assert eventually(lambda: reader.poll(0.2))[place][0].offset == begin
    reader.pause([place])
    reader.end(place)
    assert place not in reader.poll(0.2)
    reader.begin(place, begin + 1000)
    assert eventually(lambda: reader.poll(0.2))[place][0].offset == begin + 1000
