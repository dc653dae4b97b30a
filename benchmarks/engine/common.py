"""What the engine's benchmarks share: cheap records with a real shape, a fold on a bare store, sizes on disk."""

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from hashlib import blake2b
from pathlib import Path
from zoneinfo import ZoneInfo

from services.contracts.clock import ClockTickedV1
from services.contracts.codec import encode
from services.contracts.inspections import InspectionVisitedV1
from services.contracts.topics import ALERTS, DEAD_LETTERS, FACTS
from services.supervision.domain.cases import CasesFold
from services.supervision.policy_files import load_policies
from services.supervision.runtime.partition import PartitionFold, Record
from services.supervision.runtime.reader import ReadRecord
from services.supervision.runtime.store import PartitionStore

POLICIES = Path(__file__).parents[2] / "policies"
TIMELINE = "bench"
TOPIC = "inspections.v1"
_ZONE = ZoneInfo("Asia/Shanghai")
_MONDAY = date(2026, 3, 2)  # no holiday in the three weeks after it


def noon(day: int) -> datetime:
    """12:00 local time of day 0, 1, 2… of the benchmark's calendar; day 0 is a Monday."""
    return datetime.combine(_MONDAY + timedelta(days=day), time(12), _ZONE).astimezone(UTC)


def midnight(day: int) -> datetime:
    """The beginning of a day, local time."""
    return datetime.combine(_MONDAY + timedelta(days=day), time(0), _ZONE).astimezone(UTC)


def visits(first: int, count: int, day: int) -> Iterator[tuple[bytes, bytes]]:
    """(key, value) of `count` inspections of `day`, numbered from `first`: one event, one case, one open clock, due at
    the end of the third working day after. Ids are hashes as in production, so they hit the store in random order."""
    data = InspectionVisitedV1(agency="finance", covert=False, section="non-tax")
    whole = encode(data, id="@", source="/inspections", subject="~", time=noon(day), sequence=1, timeline=TIMELINE)
    head, rest = whole.split(b"@")
    middle, tail = rest.split(b"~")
    for number in range(first, first + count):
        name = blake2b(number.to_bytes(8, "big"), digest_size=16).hexdigest().encode()
        key = b"inspection-" + name[:20]
        yield key, b"".join((head, name, middle, key, tail))


def tick(as_of: datetime) -> bytes:
    """The value of a tick."""
    name, at = f"tick-{as_of.isoformat()}", as_of
    return encode(
        ClockTickedV1(as_of=at), id=name, source="/inspections", subject="clock", time=at, sequence=0, timeline=TIMELINE
    )


def cases_fold() -> CasesFold:
    """The cases fold under the real policies."""
    policies = load_policies(POLICIES)
    return CasesFold(policies.cases, policies.calendar)


def partition_fold(store: PartitionStore, partition: int = 0, counts: int = 4) -> PartitionFold:
    """The cases fold over `store`, as a worker with `counts` partitions a topic would run it."""
    return PartitionFold(
        cases_fold(), store, f"{TOPIC}-{partition}", upstream=frozenset(), forward=(FACTS, ALERTS),
        partitions={FACTS: counts, ALERTS: counts, DEAD_LETTERS: 1},
    )  # fmt: skip


def size_of(folder: Path) -> int:
    """Bytes of all files below `folder`."""
    return sum(os.path.getsize(Path(root) / name) for root, _, names in os.walk(folder) for name in names)


def batches(values: Iterator[tuple[bytes, bytes]], offset: int, size: int = 2000) -> Iterator[list[Record]]:
    """The records of `values` from `offset` on, `size` at a time."""
    batch: list[Record] = []
    for number, (key, value) in enumerate(values, start=offset):
        batch.append(ReadRecord(TOPIC, 0, number, 1_770_000_000_000, key, value))
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def short(number: int) -> str:
    """100k, 3M: a size in a figure's name."""
    if number >= 1_000_000:
        return f"{number / 1_000_000:g}M"
    return f"{number // 1000}k" if number >= 1000 else str(number)
