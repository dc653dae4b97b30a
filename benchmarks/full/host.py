"""The real folds hosted by something that is not Duban's runtime: one partition, states kept by whoever calls.

Which states wait for which time is an index in memory, made of the states. Free of Kafka.
"""

from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from typing import Any

from benchmarks.full.city import PARTITIONS, SOURCES, folds
from services.contracts.clock import ClockTickedV1
from services.contracts.codec import decode, encode
from services.contracts.envelope import Event
from services.contracts.identifiers import name_of
from services.contracts.instants import from_micros, to_micros
from services.contracts.topics import ALERTS, FACTS
from services.shared.partitioner import partition_of
from services.supervision.domain.fold import NEVER, Effect

Get = Callable[[str], Any]
Put = Callable[[str, Any], None]
Out = tuple[str, bytes, bytes]  # topic, key, value

# A key for each partition, for engines that cannot name the partition that they write to.
TICK_KEYS = {
    partition_of(key, PARTITIONS): key for key in (f"clock-{n}".encode() for n in range(200, 0, -1))
}  # fmt: skip


class Hosted:
    """One partition of `kind` ("cases" or "subjects") at `place` (topic-partition)."""

    def __init__(self, kind: str, place: str) -> None:
        cases, subjects = folds()
        self.fold: Any = cases if kind == "cases" else subjects
        self._place = place
        self._upstream = SOURCES if kind == "subjects" else frozenset({place})
        self._forward = (ALERTS,) if kind == "subjects" else (FACTS, ALERTS)
        self._marks: dict[str, int] = {}
        self._watermark = NEVER
        self._timers: list[tuple[int, str]] = []

    def resume(self, name: str, state: Any) -> None:
        if state.wake_at is not None:
            heappush(self._timers, (state.wake_at, name))

    def take(self, value: bytes, get: Get, put: Put) -> list[Out]:
        """One record in, the records that it causes out."""
        event = decode(value)
        if isinstance(event.data, ClockTickedV1):
            before = self._watermark
            effects = self.tick(event, get, put)
            return [_record(self.fold.name, effect) for effect in effects] + (
                self._pass_on(event.timeline) if self._watermark > before else []
            )
        return [_record(self.fold.name, effect) for effect in self.event(event, get, put)]

    def event(self, event: Event, get: Get, put: Put) -> Sequence[Effect]:
        name = event.subject
        earlier = get(name)
        waits = earlier.wake_at if earlier is not None else None
        state, effects = self.fold.fold(earlier, event, self._watermark)
        if state is not None:
            put(name, state)
            if state.wake_at is not None and state.wake_at != waits:
                heappush(self._timers, (state.wake_at, name))
        return list(effects)

    def tick(self, event: Event, get: Get, put: Put) -> list[Effect]:
        """Wake what is due once all upstream sources have passed it."""
        self._marks[event.data.source or self._place] = to_micros(event.data.as_of)
        if len(self._marks) < len(self._upstream):
            return []
        watermark = min(self._marks.values())
        timers, found = self._timers, list[Effect]()
        while timers and timers[0][0] < watermark:
            at, name = heappop(timers)
            state = get(name)
            if state is None or state.wake_at != at:
                continue
            state, effects = self.fold.wake(state, watermark)
            put(name, state)
            found += effects
            if state.wake_at is not None:
                heappush(timers, (state.wake_at, name))
        self._watermark = max(self._watermark, watermark)
        return found

    def _pass_on(self, timeline: str) -> list[Out]:
        at = from_micros(self._watermark)
        tick = ClockTickedV1(as_of=at, source=self._place)
        found = []
        for topic in self._forward:
            for partition in range(PARTITIONS):
                name = name_of("forwarded", self._place, timeline, self._watermark, topic, partition)
                source = f"/supervision/{self.fold.name}"
                value = encode(tick, id=name, source=source, subject="clock", time=at, sequence=1, timeline=timeline)
                found.append((topic, TICK_KEYS[partition], value))
        return found


def _record(fold: str, effect: Effect) -> Out:
    value = encode(
        effect.data, id=effect.id, source=f"/supervision/{fold}", subject=effect.subject,
        time=from_micros(effect.time), sequence=effect.sequence, timeline=effect.timeline,
    )  # fmt: skip
    return effect.topic, effect.subject.encode(), value
