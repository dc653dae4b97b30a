"""A log of open cases for the minimal job: each accepted, none decided, so every one has a clock that runs; and probes,
events that are an alert the moment they are folded. Free of engines."""

import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta

from benchmarks.kafka import Kafka, Tail
from benchmarks.minimal.log import FIRST, TIMELINE, subject
from services.contracts import approvals
from services.contracts.codec import encode
from services.contracts.limits import Limit
from services.shared.partitioner import partition_of

_LIMIT_HOURS = 24


class OpenCases:
    """`count` open cases in `topic`, whose last ones are kept back for probes."""

    def __init__(self, kafka: Kafka, topic: str, count: int, partitions: int = 4) -> None:
        self.topic, self.partitions, self._kafka = topic, partitions, kafka
        self._spare: dict[int, list[bytes]] = defaultdict(list)
        kafka.new_topics(topic, partitions=partitions)
        kafka.put(self._accepted(count))

    def probe(self) -> set[bytes]:
        """Append the late decision of one case in every partition; the keys of the alerts that this makes."""
        names = [self._spare[partition].pop() for partition in range(self.partitions)]
        late = FIRST + timedelta(hours=_LIMIT_HOURS + 1)
        self._kafka.put(
            (
                self.topic, partition, name,
                encode(
                    approvals.ApprovalDecidedV1(agency="agency-1", outcome="granted"), id=f"{name.decode()}-2",
                    source="/approvals", subject=name.decode(), time=late, sequence=2, timeline=TIMELINE,
                ),
            )
            for partition, name in enumerate(names)
        )  # fmt: skip
        return {b"overdue/" + name for name in names}

    def _accepted(self, count: int) -> Iterator[tuple[str, int, bytes, bytes]]:
        data = approvals.ApprovalAcceptedV1(
            agency="agency-1", section="section-1", statutory_limit=Limit(amount=_LIMIT_HOURS, unit="hours")
        )
        whole = encode(data, id="@-1", source="/approvals", subject="@", time=FIRST, sequence=1, timeline=TIMELINE)
        head, middle, tail = whole.split(b"@")
        for number in range(count):
            name = subject(number).encode()
            partition = partition_of(name, self.partitions)
            if len(self._spare[partition]) < 100:
                self._spare[partition].append(name)
            yield self.topic, partition, name, b"".join((head, name, middle, name, tail))


def answered(tail: Tail, wanted: set[bytes], seconds: float) -> list[float]:
    """When the alerts `wanted` were appended, in order, in s since the epoch. Raises TimeoutError."""
    found: dict[bytes, float] = {}
    deadline = time.monotonic() + seconds
    while len(found) < len(wanted):
        for record in tail.more():
            if record.key in wanted:
                found.setdefault(record.key, record.at)
        if time.monotonic() > deadline:
            raise TimeoutError(f"{len(wanted) - len(found)} of {len(wanted)} alerts not within {seconds:g} s")
        time.sleep(0.02)
    return sorted(found.values())
