"""A year of a province as records, made as it goes: every county lives the generated city's year with cases of its own.

What a county's records differ by is five hexadecimal digits in the ids of its cases and events, so that a record costs
little to make and the cases still lie everywhere in the stores. Free of Kafka.
"""

from collections.abc import Iterator
from typing import NamedTuple

from benchmarks.engine.common import POLICIES
from services.contracts.topics import SOURCE_TOPICS
from simulation.city.generate import Town, generate
from simulation.replay import event, tick
from simulation.stream import Command

PARTITIONS = 4
_DIGITS = 5
_SCRAMBLE = 0x9E3B1  # odd, so that each county has digits of its own
Out = tuple[str, int, bytes, bytes]


class _Form(NamedTuple):
    """A record of the city, cut where the county's digits go."""

    topic: str
    partition: int
    key: tuple[bytes, bytes]
    value: tuple[bytes, bytes, bytes]


class Province:
    """`per_county` is how many events a county has in its year."""

    def __init__(self, timeline: str, days: int = 365) -> None:
        self._timeline = timeline
        self._town: Town = generate(POLICIES, seed=5, days=days)
        self._segments = [
            (segment.as_of, [_form(timeline, command) for command in segment.commands])
            for segment in self._town.segments()
        ]
        self.per_county = len(self._town.commands)

    def records(self, counties: int) -> Iterator[Out]:
        """The province's year in the order of half-days: their ticks in every partition, then each county's events."""
        codes = [f"{number * _SCRAMBLE & 0xFFFFF:05x}".encode() for number in range(counties)]
        for as_of, forms in self._segments:
            for topic in SOURCE_TOPICS:
                for partition in range(PARTITIONS):
                    found = tick(self._timeline, as_of, topic, partition)
                    yield topic, partition, b"clock", found.value
            for number, code in enumerate(codes):
                for topic, home, (kind, name), (head, middle, tail) in forms:
                    value = b"".join((head, code, middle, code, tail))
                    yield topic, (home + number) % PARTITIONS, kind + code + name, value


def _form(timeline: str, command: Command) -> _Form:
    record = event(timeline, command, PARTITIONS)
    assert record.key is not None
    kind, name = record.key.split(b"-")
    head, rest = record.value.split(b'{"id":"', 1)
    middle, tail = rest[_DIGITS:].split(b'"subject":"' + kind + b"-", 1)
    return _Form(
        record.topic, record.partition, (kind + b"-", name[_DIGITS:]),
        (head + b'{"id":"', middle + b'"subject":"' + kind + b"-", tail[_DIGITS:]),
    )  # fmt: skip
