"""Which alerts the minimal job must give and which record causes each, from the plan of the log alone. No engine."""

from bisect import bisect_right

import msgspec

from benchmarks.minimal.log import ACCEPTED, DECIDED, PARTITIONS, TICK_EVERY, Row, partition, subject


class Expected(msgspec.Struct, frozen=True):
    """`causes`: alert id -> (partition, offset) of the record that makes the delay known; `due`: alert id -> seconds
    since FIRST; `ends`: records of each partition."""

    causes: dict[str, tuple[int, int]]
    due: dict[str, int]
    ends: list[int]


def expected(planned: list[Row]) -> Expected:
    """A case is late unless it was decided by its due time; its first later event or tick makes that known."""
    ends = [0] * PARTITIONS
    ticks: list[tuple[int, list[int]]] = []  # (as_of, offset in each partition), ascending
    due: dict[int, int] = {}
    decided: dict[int, int] = {}
    later: dict[int, tuple[int, int, int]] = {}  # case -> (number, partition, offset) of its first event after due
    numbers: list[int] = []  # number of the event that a round of ticks precedes
    for number, row in enumerate(planned):
        if number % TICK_EVERY == 0 and number:
            _round(ticks, numbers, row.at, number, ends)
        place = partition(row.case)
        if row.step == ACCEPTED:
            due[row.case] = row.at + row.limit * 3600
        elif row.case in due and row.case not in later and row.at > due[row.case]:
            later[row.case] = (number, place, ends[place])
        if row.step == DECIDED:
            decided[row.case] = row.at
        ends[place] += 1
    _round(ticks, numbers, planned[-1].at + 1, len(planned), ends)
    instants = [as_of for as_of, _ in ticks]
    found = Expected(causes={}, due={}, ends=ends)
    for case, limit in due.items():
        if case in decided and decided[case] <= limit:
            continue
        tick = bisect_right(instants, limit)  # the first tick with as_of > due
        place, event = partition(case), later.get(case)
        name = f"overdue/{subject(case)}"
        if tick < len(ticks) and (event is None or numbers[tick] <= event[0]):
            found.causes[name] = (place, ticks[tick][1][place])
        elif event is not None:
            found.causes[name] = event[1:]
        else:
            continue
        found.due[name] = limit
    return found


def _round(ticks: list[tuple[int, list[int]]], numbers: list[int], as_of: int, number: int, ends: list[int]) -> None:
    ticks.append((as_of, list(ends)))
    numbers.append(number)
    for place in range(PARTITIONS):
        ends[place] += 1
