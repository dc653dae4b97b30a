"""Folds the records of one topic-partition, batch by batch, into its store. Free of Faust and of what is folded.

A batch is cut at ticks and decrees; each piece is one atomic write of states, timers, effects and position, so a kill
at any moment leaves a prefix of the log. The same records give the same effects in the same order, however cut.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from services.contracts.clock import ClockTickedV1
from services.contracts.codec import Undecodable, decode, encode
from services.contracts.envelope import Event
from services.contracts.identifiers import name_of
from services.contracts.instants import from_micros, to_micros
from services.contracts.topics import DEAD_LETTERS
from services.shared.consuming import dead_letter
from services.shared.partitioner import partition_of
from services.supervision.domain.fold import NEVER, Effect, Fold, State
from services.supervision.runtime.store import PartitionStore, StoredEffect

FIRED_AT_ONCE = 2000


class Record(Protocol):
    """A consumer record; `timestamp` in ms."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


class PartitionFold:
    """`upstream` names the sources whose ticks make the watermark; empty: the partition's own ticks do.

    `forward` names the topics that ticks are passed on to and `partitions` how many each topic has.
    """

    def __init__(
        self, fold: Fold[Any], store: PartitionStore, place: str, *,
        upstream: frozenset[str], forward: tuple[str, ...], partitions: dict[str, int],
    ) -> None:  # fmt: skip
        self.fold, self.store, self.place = fold, store, place
        self._upstream = upstream or frozenset({place})
        self._forward, self._partitions = forward, partitions
        self._marks = store.marks()
        self._high_waters = store.high_waters()
        self._watermarks = {timeline: self._lowest(timeline) for timeline, _ in self._marks}
        for value in store.decrees():
            self.fold = self.fold.decreed(decode(value))
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(fold.state_type).decode
        self._states: dict[bytes, State] = {}
        self._stored: dict[bytes, tuple[int | None, bool]] = {}
        self._effects: list[StoredEffect] = []
        self._index = store.index
        self._cause: Record | None = None

    def take(self, records: Sequence[Record]) -> list[StoredEffect]:
        """Fold `records` (in order, none missing), skipping what the store holds already; the effects to publish."""
        out: list[StoredEffect] = []
        for record in records:
            if record.offset < self.store.offset:
                continue
            self._cause = record
            if record.offset > self.store.offset or not self.store.index:
                self._index = 0
            try:
                event = decode(record.value)
            except Undecodable as error:
                self._bury(record, str(error))
                continue
            if self._seen(record):
                continue
            if isinstance(event.data, ClockTickedV1):
                out += self._write(record.offset, 0 if record.offset > self.store.offset else self.store.index)
                self._cause, self._index = record, self.store.index if record.offset == self.store.offset else 0
                out += self._tick(event, record)
            elif event.type in self.fold.decree_types:
                out += self._write(record.offset, 0)
                out += self._decree(event, record)
            else:
                self._one(event)
        if records:
            out += self._write(max(records[-1].offset + 1, self.store.offset), 0)
        return out

    def _one(self, event: Event) -> None:
        key = f"{event.timeline}\0{event.subject}".encode()
        watermark = self._watermarks.get(event.timeline, NEVER)
        state, effects = self.fold.fold(self._load([key])[0], event, watermark)
        if state is not None:
            self._states[key] = state
        self._add(effects)

    def _tick(self, event: Event, record: Record) -> list[StoredEffect]:
        timeline, as_of = event.timeline, to_micros(event.data.as_of)
        source = event.data.source or self.place
        if source not in self._upstream or as_of <= self._marks.get((timeline, source), NEVER):
            return self._write(record.offset + 1, 0)
        self._marks[timeline, source] = as_of
        watermark = self._lowest(timeline)
        out: list[StoredEffect] = []
        if watermark > self._watermarks.get(timeline, NEVER):
            while keys := self.store.due(timeline.encode(), watermark, FIRED_AT_ONCE):
                for key, state in zip(keys, self._load(keys), strict=True):
                    assert state is not None, "a timer without a state"
                    self._states[key], effects = self.fold.wake(state, watermark)
                    self._add(effects)
                out += self._write(record.offset, self._index)
            self._watermarks[timeline] = watermark
            self._pass_on(timeline, watermark)
        self.store.put_mark(timeline, source, as_of)
        return out + self._write(record.offset + 1, 0)

    def _decree(self, event: Event, record: Record) -> list[StoredEffect]:
        assert record.value is not None
        self.fold = self.fold.decreed(event)
        keys = self.store.provisional()
        for key, state in zip(keys, self._load(keys), strict=True):
            if state is not None:
                watermark = self._watermarks.get(state.timeline, NEVER)
                self._states[key], effects = self.fold.recompute(state, event, watermark)
                self._add(effects)
        self.store.put_decree(record.offset, record.value)
        return self._write(record.offset + 1, 0)

    def _seen(self, record: Record) -> bool:
        """Whether an effect of another fold has been folded already, by its origin (source:offset:index)."""
        origin = next((value for name, value in record.headers or () if name == "origin"), None)
        if origin is None:
            return False
        source, offset, index = origin.decode().rsplit(":", 2)
        at = (int(offset), int(index))
        if at <= self._high_waters.get(source, (-1, -1)):
            # A tick that was being fired when the process ended is met again with its mark still to come.
            return not (record.offset == self.store.offset and self.store.index)
        self._high_waters[source] = at
        self.store.put_high_water(source, at)
        return False

    def _lowest(self, timeline: str) -> int:
        return min(self._marks.get((timeline, source), NEVER) for source in self._upstream)

    def _load(self, keys: list[bytes]) -> list[State | None]:
        missing = [key for key in keys if key not in self._states]
        for key, value in zip(missing, self.store.states(missing), strict=True):
            if value is not None:
                state = self._decode(value)
                self._states[key] = state
                self._stored[key] = (state.wake_at, state.provisional)
        return [self._states.get(key) for key in keys]

    def _write(self, offset: int, index: int) -> list[StoredEffect]:
        for key, state in self._states.items():
            wake_at, provisional = self._stored.get(key, (None, False))
            self.store.move_timer(state.timeline.encode(), key, wake_at, state.wake_at)
            self.store.set_provisional(key, provisional, state.provisional)
            self.store.put_state(key, self._encode(state))
        effects, self._effects = self._effects, []
        self._states, self._stored = {}, {}
        self.store.write(offset, index, effects)
        return effects

    def _add(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            key = effect.subject.encode()
            value = encode(
                effect.data, id=effect.id, source=f"/supervision/{self.fold.name}", subject=effect.subject,
                time=from_micros(effect.time), sequence=effect.sequence, timeline=effect.timeline,
            )  # fmt: skip
            self._emit(effect.topic, partition_of(key, self._partitions[effect.topic]), key, value)

    def _pass_on(self, timeline: str, as_of: int) -> None:
        at = from_micros(as_of)
        tick = ClockTickedV1(as_of=at, source=self.place)
        for topic in self._forward:
            for partition in range(self._partitions[topic]):
                name = name_of("forwarded", self.place, timeline, as_of, topic, partition)
                source = f"/supervision/{self.fold.name}"
                value = encode(tick, id=name, source=source, subject="clock", time=at, sequence=1, timeline=timeline)
                self._emit(topic, partition, b"clock", value)

    def _bury(self, record: Record, reason: str) -> None:
        key, value = dead_letter(f"supervision.{self.fold.name}", record, reason, from_micros(record.timestamp * 1000))
        self._emit(DEAD_LETTERS, 0, key, value)

    def _emit(self, topic: str, partition: int, key: bytes, value: bytes) -> None:
        assert self._cause is not None
        origin = f"{self.place}:{self._cause.offset}:{self._index}".encode()
        self._index += 1
        headers = [("origin", origin), ("cause-ts", str(self._cause.timestamp).encode())]
        self._effects.append(StoredEffect(topic, partition, key, value, headers))
