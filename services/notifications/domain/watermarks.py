"""Up to when the board is complete: the smallest `as_of` over everything that may still raise an alert. Pure."""

from collections.abc import Iterable, Mapping

import msgspec

from services.contracts.topics import ALERTS, FACTS, SOURCE_TOPICS

Mark = tuple[str, int]  # the upstream topic-partition that a tick speaks for, and the partition of alerts.v1 it lies in


class Watermark(msgspec.Struct, frozen=True, kw_only=True):
    """`as_of_us` is None until every expected source has spoken in every partition of alerts.v1."""

    timeline: str
    as_of_us: int | None
    sources_expected: int
    sources_seen: int


def expected(partitions: Mapping[str, int]) -> frozenset[Mark]:
    """Every mark that must be seen, given the number of partitions of each topic."""
    sources = [f"{topic}-{p}" for topic in (*SOURCE_TOPICS, FACTS) for p in range(partitions[topic])]
    return frozenset((source, p) for source in sources for p in range(partitions[ALERTS]))


def watermark(timeline: str, marks: Mapping[Mark, int], wanted: Iterable[Mark]) -> Watermark:
    """The watermark of `timeline` from the highest `as_of` seen for each mark."""
    wanted = frozenset(wanted)
    seen = [marks[mark] for mark in wanted if mark in marks]
    return Watermark(
        timeline=timeline,
        as_of_us=min(seen) if seen and len(seen) == len(wanted) else None,
        sources_expected=len(wanted),
        sources_seen=len(seen),
    )
