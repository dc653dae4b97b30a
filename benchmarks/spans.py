"""The rate of a run from the broker's timestamps alone: the same ruler for every engine. Free of Kafka."""

from collections.abc import Iterable, Mapping

import msgspec

Causes = Mapping[str, tuple[int | str, int]]


class Span(msgspec.Struct, frozen=True):
    """From `start` to `end` (seconds since the epoch), `events` events were folded."""

    start: float
    end: float
    events: int

    @property
    def rate(self) -> float:
        return self.events / (self.end - self.start)


def span(
    seen: Iterable[tuple[float, str]], causes: Mapping[str, tuple[int | str, int]], warm: int, records: int
) -> Span:
    """From the first instant when the alerts show that `warm` of the log's `records` have been folded, to the last
    alert, when all of them have been.

    `seen` are (time of appending, alert id), `causes` the (place, offset) of the record that causes each: when an alert
    is there, all records of that place up to its cause have been folded. Raises ValueError for no span.
    """
    reached: dict[int | str, int] = {}
    total, start, first, end = 0, None, 0, 0.0
    ordered = sorted(seen)
    for number, (at, name) in enumerate(ordered):
        place, offset = causes.get(name, ("", -1))
        if offset + 1 > reached.get(place, 0):
            total += offset + 1 - reached.get(place, 0)
            reached[place] = offset + 1
        end = at
        same = number + 1 < len(ordered) and ordered[number + 1][0] == at
        if start is None and total >= warm and not same:
            start, first = at, total
    if start is None or end <= start:
        raise ValueError(f"no span after {warm} events: {len(ordered)} alerts show {total}")
    return Span(start, end, records - first)
