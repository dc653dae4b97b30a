"""The log of the minimal job: the same records for the same size. Free of Kafka and of engines.

A case is an application: applied, accepted (which starts its one clock, with the limit in the event), a stage started
and finished, decided (which stops the clock). Half of the cases are decided late and a few never. Ticks stand in every
partition, each behind every event that happened before its `as_of`.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random

import msgspec

from services.contracts import approvals
from services.contracts.clock import ClockTickedV1
from services.contracts.codec import encode
from services.contracts.envelope import EventModel
from services.contracts.limits import Limit
from services.shared.partitioner import partition_of

PARTITIONS = 4
TIMELINE = "bench"
TICK_EVERY = 2500  # events of the whole log between two rounds of ticks
FIRST = datetime(2026, 1, 5, tzinfo=UTC)
SPAN = 30 * 86_400  # seconds of event time, whatever the size
LIMITS = (24, 48, 72, 120)  # hours
APPLIED, ACCEPTED, STARTED, FINISHED, DECIDED = range(1, 6)
_SEED = 4
_UNDECIDED = 0.03


class Row(msgspec.Struct, frozen=True, array_like=True):
    """One event: seconds since FIRST, number of the case, step (its sequence), limit in hours of an acceptance."""

    at: int
    case: int
    step: int
    limit: int


class Record(msgspec.Struct, frozen=True, array_like=True):
    partition: int
    key: bytes
    value: bytes


def rows(events: int) -> list[Row]:
    """`events` events in the order of time; about a fifth as many cases."""
    rng, found = Random(_SEED), list[Row]()
    cases = events // 5 + events // 100 + 1
    for case in range(cases):
        limit = LIMITS[rng.randrange(len(LIMITS))]
        applied = int(case * SPAN / cases)
        accepted = applied + rng.randrange(60, 7200)
        length = int(limit * 3600 * rng.uniform(0.2, 1.8))
        found.append(Row(applied, case, APPLIED, 0))
        found.append(Row(accepted, case, ACCEPTED, limit))
        found.append(Row(accepted + length // 3, case, STARTED, 0))
        found.append(Row(accepted + length * 2 // 3, case, FINISHED, 0))
        if rng.random() >= _UNDECIDED:
            found.append(Row(accepted + length, case, DECIDED, 0))
    found.sort(key=lambda row: (row.at, row.case, row.step))
    return found[:events]


def subject(case: int) -> str:
    return f"approval-{case:08d}"


def partition(case: int) -> int:
    return partition_of(subject(case).encode(), PARTITIONS)


def records(planned: list[Row]) -> Iterator[Record]:
    """The log: every TICK_EVERY events, and at the end, a tick in each partition."""
    for number, row in enumerate(planned):
        if number % TICK_EVERY == 0 and number:
            yield from _ticks(row.at)
        name = subject(row.case)
        value = encode(
            _data(row), id=f"{name}-{row.step}", source="/approvals", subject=name, time=at(row.at), sequence=row.step,
            timeline=TIMELINE,
        )  # fmt: skip
        yield Record(partition(row.case), name.encode(), value)
    yield from _ticks(planned[-1].at + 1)


def at(seconds: int) -> datetime:
    return FIRST + timedelta(seconds=seconds)


def _ticks(as_of: int) -> Iterator[Record]:
    when = at(as_of)
    for number in range(PARTITIONS):
        value = encode(
            ClockTickedV1(as_of=when), id=f"tick-{number}-{as_of}", source="/approvals", subject="clock", time=when,
            sequence=0, timeline=TIMELINE,
        )  # fmt: skip
        yield Record(number, b"clock", value)


def _data(row: Row) -> EventModel:
    agency = f"agency-{row.case % 40}"
    section = f"section-{row.case % 160}"
    if row.step == APPLIED:
        return approvals.ApprovalAppliedV1(item="restaurant-licence", agency=agency, section=section)
    if row.step == ACCEPTED:
        limit = Limit(amount=row.limit, unit="hours")
        return approvals.ApprovalAcceptedV1(agency=agency, section=section, statutory_limit=limit)
    if row.step == STARTED:
        return approvals.ApprovalStageStartedV1(stage="review", agency=agency)
    if row.step == FINISHED:
        return approvals.ApprovalStageFinishedV1(stage="review", agency=agency)
    return approvals.ApprovalDecidedV1(agency=agency, outcome="granted")
