"""A generated city as records to append, and the alerts that must come of it."""

from datetime import datetime
from typing import Self

import msgspec

from deploy.embedded.stack import Stack
from simulation.city.generate import generate
from simulation.comparison import difference
from simulation.oracle import Expected, expected
from simulation.replay import Record, records
from simulation.stream import Segment
from tests.support.folding import POLICIES
from tests.torture import PATIENCE
from tests.torture.reader import Reader


class Sending(msgspec.Struct, frozen=True, kw_only=True):
    """`events` of the records are events, the rest ticks; the last of them are ticks of `end`."""

    timeline: str
    segments: list[Segment]
    partitions: int
    events: int
    end: datetime
    expected: set[Expected]

    @classmethod
    def of(cls, seed: int, kafka: Stack, days: int = 15, scale: float = 1.0) -> Self:
        return cls.made(seed, kafka.plan.partitions, days, scale)

    @classmethod
    def made(cls, seed: int, partitions: int, days: int, scale: float) -> Self:
        town = generate(POLICIES, seed=seed, days=days, scale=scale)
        return cls(
            timeline=town.timeline, segments=list(town.segments()), partitions=partitions, events=len(town.commands),
            end=town.end, expected=expected(town.commands, POLICIES, town.end),
        )  # fmt: skip

    @property
    def records(self) -> list[Record]:
        return list(records(self.timeline, self.segments, self.partitions))

    def parts(self, count: int) -> list[list[Record]]:
        """The records in so many parts, cut between half-days."""
        size = -(-len(self.segments) // count)
        cuts = [self.segments[at : at + size] for at in range(0, len(self.segments), size)]
        return [list(records(self.timeline, cut, self.partitions)) for cut in cuts]

    def ended(self, reader: Reader) -> bool:
        return reader.passed(self.timeline, self.end)

    def await_end(self, reader: Reader, seconds: float = PATIENCE) -> None:
        reader.await_passed(self.timeline, self.end, seconds)

    def against(self, reader: Reader) -> tuple[list[Expected], list[Expected]]:
        """(missing, unexpected) of what was read by now."""
        return difference(reader.alerts(self.timeline), self.expected)
