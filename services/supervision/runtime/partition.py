"""Folds the records of one topic-partition, batch by batch, into its store. Free of Faust and of what is folded.

A batch is cut at ticks and decrees; each piece is one atomic write of states, timers, effects and position, so a kill
at any moment leaves a prefix of the log. The same records give the same effects in the same order, however cut.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import msgspec
import structlog

from services.contracts.clock import ClockTickedV1
from services.contracts.codec import Undecodable, decode, encode
from services.contracts.envelope import Event
from services.contracts.identifiers import name_of
from services.contracts.instants import from_micros, to_micros
from services.contracts.topics import DEAD_LETTERS
from services.shared import failpoints
from services.shared.consuming import dead_letter
from services.shared.failpoints import failpoint
from services.shared.partitioner import partition_of
from services.supervision.domain.fold import NEVER, Effect, Fold
from services.supervision.runtime.store import PartitionStore, StoredEffect

FIRED_AT_ONCE = 2000
Origin = tuple[str, tuple[int, int]]
log = structlog.get_logger()


class Record(Protocol):
    """A consumer record; `timestamp` in ms."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


Item = tuple[Record, Event | Undecodable, bytes]


class PartitionFold:
    """`upstream` names the sources whose ticks make the watermark; empty: the partition's own ticks do.

    `forward` names the topics that ticks are passed on to and `partitions` how many each topic has. After
    `dead_letter_limit` unreadable records in a row it stops: then it is not the records that are wrong.
    """

    def __init__(
        self, fold: Fold[Any], store: PartitionStore, place: str, *,
        upstream: frozenset[str], forward: tuple[str, ...], partitions: dict[str, int], dead_letter_limit: int = 1000,
    ) -> None:  # fmt: skip
        self.fold, self.store, self.place = fold, store, place
        self.unreadable = 0  # since the start of the process
        self.stopped = ""  # why nothing is folded any more
        self._limit = dead_letter_limit
        self._upstream = upstream or frozenset({place})
        self._forward, self._partitions = forward, partitions
        self._marks = store.marks()
        self._high_waters = store.high_waters()
        self._watermarks = {timeline: self._lowest(timeline) for timeline, _ in self._marks}
        for value in store.decrees():
            self.fold = self.fold.decreed(decode(value))
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(fold.state_type).decode
        self._states: dict[bytes, Any] = {}
        self._stored: dict[bytes, tuple[int | None, bool]] = {}
        self._effects: list[StoredEffect] = []
        self._moved: set[str] = set()
        self._cause: Record | None = None
        self._next = store.offset

    def take(self, records: Sequence[Record]) -> Iterator[list[StoredEffect]]:
        """Fold `records` (in order, none missing), skipping what the store holds already.

        Yields, after each atomic write, the effects it holds, to be published. A caller that stops half-way may go on
        later with a new PartitionFold over the same store.
        """
        piece: list[Item] = []
        for record in records:
            if record.offset < self._next or self.stopped:
                continue
            if failpoints.ARMED:
                failpoint("decode.before", _kind(record))
            origin = _origin(record)
            if origin is not None and origin[1] <= self._high_waters.get(origin[0], (-1, -1)):
                self._next = record.offset + 1
                continue
            try:
                event = decode(record.value)
            except Undecodable as error:
                if self.store.unreadable >= self._limit:
                    self.stopped = f"{self.place}: {self.store.unreadable} unreadable records in a row: {error}"
                    continue
                self._next = record.offset + 1
                self.store.unreadable += 1
                piece.append((record, error, b""))
                continue
            self._next = record.offset + 1
            self.store.unreadable = 0
            if failpoints.ARMED:
                failpoint("decode.after", event.type)
            if isinstance(event.data, ClockTickedV1) or event.type in self.fold.decree_types:
                if piece:
                    yield self._piece(piece, record.offset)
                    piece = []
                yield from (self._tick if isinstance(event.data, ClockTickedV1) else self._decree)(event, record)
                self._remember(origin)
                yield self._write(self._next, 0)
            else:
                self._remember(origin)
                piece.append((record, event, f"{event.timeline}\0{event.subject}".encode()))
        if self._next > self.store.offset:
            yield self._piece(piece, self._next)

    def _piece(self, piece: list[Item], offset: int) -> list[StoredEffect]:
        """One write of `piece` and of the position `offset`. A record that the fold fails on becomes a dead letter:
        the fold is pure, it would fail again."""
        while (failed := self._fold_all(piece)) is not None:
            at, error = failed
            log.error("record.fold_failed", place=self.place, offset=piece[at][0].offset, exc_info=error)
            piece[at] = (piece[at][0], Undecodable(f"the fold failed: {error!r}"[:300]), b"")
            self._discard()
        return self._write(offset, 0)

    def _fold_all(self, piece: list[Item]) -> tuple[int, Exception] | None:
        self._load([key for _, _, key in piece if key])
        states, fold = self._states, self.fold.fold
        for at, (record, event, key) in enumerate(piece):
            self._begin(record)
            if isinstance(event, Undecodable):
                self._bury(record, str(event))
                continue
            if failpoints.ARMED:
                failpoint("fold.before", event.type)
            try:
                state, effects = fold(states.get(key), event, self._watermarks.get(event.timeline, NEVER))
            except Exception as error:
                return at, error
            if state is not None:
                states[key] = state
            if effects:
                self._add(effects)
            if failpoints.ARMED:
                failpoint("fold.after", event.type)
        return None

    def _tick(self, event: Event, record: Record) -> Iterator[list[StoredEffect]]:
        self._begin(record)
        if failpoints.ARMED:
            failpoint("fold.before", event.type)
        timeline, as_of = event.timeline, to_micros(event.data.as_of)
        source = event.data.source or self.place
        if source not in self._upstream or as_of <= self._marks.get((timeline, source), NEVER):
            return
        self._marks[timeline, source] = as_of
        watermark = self._lowest(timeline)
        if watermark > self._watermarks.get(timeline, NEVER):
            while keys := self.store.due(timeline.encode(), watermark, FIRED_AT_ONCE):
                self._load(keys)
                for key in keys:
                    self._wake(key, watermark, record)
                yield self._write(record.offset, self._index)
            self._watermarks[timeline] = watermark
            self._pass_on(timeline, watermark)
        self.store.put_mark(timeline, source, as_of)
        if failpoints.ARMED:
            failpoint("fold.after", event.type)

    def _wake(self, key: bytes, watermark: int, record: Record) -> None:
        try:
            self._states[key], effects = self.fold.wake(self._states[key], watermark)
        except Exception as error:
            log.error("timer.fold_failed", place=self.place, key=key.decode(), exc_info=error)
            del self._states[key]
            self._load([key])
            self._states[key].wake_at = None
            self._bury(record, f"the fold failed to wake {key.decode()!r}: {error!r}"[:300])
        else:
            self._add(effects)

    def _decree(self, event: Event, record: Record) -> Iterator[list[StoredEffect]]:
        """A kill half-way repeats it from the start: recomputing twice under one decree changes nothing."""
        self._begin(record)
        assert record.value is not None
        if failpoints.ARMED:
            failpoint("fold.before", event.type)
        self.fold = self.fold.decreed(event)
        keys = self.store.provisional()
        for at in range(0, len(keys), FIRED_AT_ONCE):
            some = keys[at : at + FIRED_AT_ONCE]
            self._load(some)
            for key in some:
                state = self._states[key]
                watermark = self._watermarks.get(state.timeline, NEVER)
                self._states[key], effects = self.fold.recompute(state, event, watermark)
                self._add(effects)
            yield self._write(record.offset, self._index)
        self.store.put_decree(record.offset, record.value)
        if failpoints.ARMED:
            failpoint("fold.after", event.type)

    def _begin(self, record: Record) -> None:
        """Effects from here on are of `record`; those it had before the process ended are in the store already."""
        self._cause = record
        self._index = self.store.index if record.offset == self.store.offset else 0

    def _remember(self, origin: Origin | None) -> None:
        if origin is not None:
            self._high_waters[origin[0]] = origin[1]
            self._moved.add(origin[0])

    def _lowest(self, timeline: str) -> int:
        return min(self._marks.get((timeline, source), NEVER) for source in self._upstream)

    def _load(self, keys: list[bytes]) -> None:
        missing = [key for key in dict.fromkeys(keys) if key not in self._states]
        for key, value in zip(missing, self.store.states(missing), strict=True):
            if value is not None:
                state = self._states[key] = self._decode(value)
                self._stored[key] = (state.wake_at, state.provisional)

    def _write(self, offset: int, index: int) -> list[StoredEffect]:
        for key, state in self._states.items():
            wake_at, provisional = self._stored.get(key, (None, False))
            self.store.move_timer(state.timeline.encode(), key, wake_at, state.wake_at)
            self.store.set_provisional(key, provisional, state.provisional)
            self.store.put_state(key, self._encode(state))
        for source in self._moved:
            self.store.put_high_water(source, self._high_waters[source])
        effects = self._effects
        if failpoints.ARMED:
            failpoint("write.before", _kind(self._cause))
        self.store.write(offset, index, effects)
        if failpoints.ARMED:
            failpoint("write.after", _kind(self._cause))
        self._discard()
        self._moved.clear()
        return effects

    def _discard(self) -> None:
        self._states, self._stored, self._effects = {}, {}, []

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
        self.unreadable += 1
        key, value = dead_letter(f"supervision.{self.fold.name}", record, reason, from_micros(record.timestamp * 1000))
        self._emit(DEAD_LETTERS, 0, key, value)

    def _emit(self, topic: str, partition: int, key: bytes, value: bytes) -> None:
        assert self._cause is not None
        origin = f"{self.place}:{self._cause.offset}:{self._index}".encode()
        self._index += 1
        headers = [("origin", origin), ("cause-ts", str(self._cause.timestamp).encode())]
        self._effects.append(StoredEffect(topic, partition, key, value, headers))


def _origin(record: Record) -> Origin | None:
    """(source, (offset, index)) of a record that is an effect of another fold."""
    for name, value in record.headers or ():
        if name == "origin" and value is not None and len(value) < 512:
            try:
                source, offset, index = value.decode().rsplit(":", 2)
                at = int(offset), int(index)
            except ValueError:  # not one of ours
                return None
            return (source, at) if all(0 <= number < 1 << 63 for number in at) else None
    return None


def _kind(record: Record | None) -> str | None:
    """The event type of a record, for failpoints."""
    try:
        return decode(record.value).type if record is not None else None
    except Undecodable:
        return "undecodable"
