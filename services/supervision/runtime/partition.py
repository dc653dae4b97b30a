"""Folds the records of one topic-partition, batch by batch, into its store. Free of Faust and of what is folded.

A batch is cut at ticks and decrees; each piece is one atomic write of states, timers, effects and position, so a kill
at any moment leaves a prefix of the log. The same records give the same effects in the same order, however cut.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import structlog

from services.contracts.clock import ClockTickedV1
from services.contracts.codec import Kind, Undecodable, decode
from services.contracts.envelope import LIVE, Event
from services.contracts.instants import to_micros
from services.contracts.registry import event_type
from services.shared import failpoints
from services.shared.consuming import Record
from services.shared.failpoints import failpoint
from services.supervision.domain.fold import NEVER, Fold
from services.supervision.runtime.draft import Draft, Origin
from services.supervision.runtime.outgoing import Outgoing
from services.supervision.runtime.store import PartitionStore, StoredEffect

FIRED_AT_ONCE = 500
KEPT = 4096
AHEAD_MS = 600_000  # how far a live tick may be ahead of the broker's clock
# A record of a piece, its event (None: a tick that says nothing new), the key of its state and where it came from.
Item = tuple[Record, Event | Undecodable | None, bytes, Origin | None]
log = structlog.get_logger()


class PartitionFold:
    """`upstream` names the sources whose ticks make the watermark; empty: the partition's own ticks do.

    `forward` names the topics that ticks are passed on to and `partitions` how many each topic has. After
    `dead_letter_limit` unreadable records in a row it stops: then it is not the records that are wrong. Ticks do not
    break the row, and what the fold fails on belongs to it. `kept` states, at most twice as many, stay in memory.
    """

    def __init__(
        self, fold: Fold[Any], store: PartitionStore, place: str, *,
        upstream: frozenset[str], forward: tuple[str, ...], partitions: dict[str, int], dead_letter_limit: int = 1000,
        kept: int = KEPT,
    ) -> None:  # fmt: skip
        self.fold, self.store, self.place = fold, store, place
        self.stopped = ""  # why nothing is folded any more
        self._limit = dead_letter_limit
        self._cutting = fold.decree_types | {event_type(ClockTickedV1)}
        self._upstream = upstream or frozenset({place})
        self._forward = forward
        self._out = Outgoing(fold.name, place, partitions)
        self._draft = Draft(store, fold.state_type, self._out, kept)
        self._marks = store.marks()
        self._watermarks = {timeline: self._lowest(timeline) for timeline, _ in self._marks}
        for value in store.decrees():
            self.fold = self.fold.decreed(decode(value))
        self._next = store.offset
        self._cause: Record | None = None  # for failpoints

    @property
    def unreadable(self) -> Counter[Kind]:
        """Dead letters written since the process began, by reason."""
        return self._draft.buried

    def take(self, records: Sequence[Record]) -> Iterator[list[StoredEffect]]:
        """Fold `records` (in order, none missing), skipping what the store holds already.

        Yields, after each atomic write, the effects it holds, to be published. A caller that stops half-way may go on
        later with a new PartitionFold over the same store.
        """
        piece: list[Item] = []
        armed, repeated, read, cutting = failpoints.ARMED, self._draft.repeated, self._read, self._cutting
        for record in records:
            if self.stopped:
                return
            if record.offset < self._next:
                continue
            if armed:
                failpoint("decode.before", _kind(record))
            origin = _origin(record.headers) if record.headers else None
            if origin is not None and repeated(origin):
                self._next = record.offset + 1
                continue
            event, key = read(record)
            if isinstance(event, Undecodable) or event.type not in cutting:
                self._next = record.offset + 1
                piece.append((record, event, key, origin))
                continue
            if isinstance(event.data, ClockTickedV1):
                news = self._heed(event)
                if not news or self._lowest(event.timeline) <= self._watermarks.get(event.timeline, NEVER):
                    self._next = record.offset + 1
                    piece.append((record, event if news else None, b"", origin))
                    continue
            if piece:
                yield from self._pieces(piece, record.offset)
                piece = []
                if self.stopped or repeated(origin):
                    continue
            self._next = record.offset + 1
            yield from (self._tick if isinstance(event.data, ClockTickedV1) else self._decree)(event, record)
            if not self.stopped:
                self._draft.remember(origin)
                yield self._write(self._next, 0)
        if self._next > self.store.offset and not self.stopped:
            yield from self._pieces(piece, self._next)

    def _read(self, record: Record) -> tuple[Event | Undecodable, bytes]:
        """The event and the key of its state."""
        try:
            event = decode(record.value)
            key = event.subject.encode()
            if event.type not in self._cutting:
                if record.key != key:
                    raise Undecodable(f"the key is not the subject {event.subject!r}: a wrong partition", "key")
            elif event.timeline == LIVE and isinstance(event.data, ClockTickedV1):
                ahead = to_micros(event.data.as_of) // 1000 - record.timestamp
                if ahead > AHEAD_MS:
                    raise Undecodable(f"a live tick {ahead // 1000} s ahead of the broker's clock", "instant")
        except Undecodable as error:
            return error, b""
        if failpoints.ARMED:
            failpoint("decode.after", event.type)
        return event, event.timeline.encode() + b"\0" + key

    def _pieces(self, piece: list[Item], offset: int) -> Iterator[list[StoredEffect]]:
        """Write `piece` and the position `offset`. A record that the fold fails on becomes a dead letter: the fold is
        pure, it would fail again. What lies before it is written first, for the failure may have spoilt a state."""
        while (failed := self._fold_all(piece)) is not None:
            at, error = failed
            record, origin = piece[at][0], piece[at][3]
            self._draft.discard()
            if at and self._fold_all(piece[:at]) is None:
                yield self._write(record.offset, 0)
            if isinstance(error, Undecodable):
                self._stop(error)
                return
            log.error("record.fold_failed", place=self.place, offset=record.offset, exc_info=error)
            piece = [(record, Undecodable(f"the fold failed: {error!r}"), b"", origin), *piece[at + 1 :]]
        yield self._write(offset, 0)

    def _fold_all(self, piece: list[Item]) -> tuple[int, Exception] | None:
        """Fold `piece` into the draft; where it stopped and why: the fold's failure, or the last Undecodable."""
        draft, fold, watermarks, armed = self._draft, self.fold.fold, self._watermarks, failpoints.ARMED
        draft.load([key for _, _, key, _ in piece if key])
        states = draft.states
        for at, (record, event, key, origin) in enumerate(piece):
            if origin is not None:
                if draft.repeated(origin):
                    continue
                draft.remember(origin)
            if event is None:
                continue
            if isinstance(event, Undecodable):
                if draft.in_a_row >= self._limit:
                    return at, event
                self._begin(record)
                self._bury(record, event)
                continue
            if armed:
                self._cause = record
                failpoint("fold.before", event.type)
            if not key:
                draft.mark(event.timeline, event.data.source or self.place, to_micros(event.data.as_of))
                continue
            try:
                state, effects = fold(states.get(key), event, watermarks.get(event.timeline, NEVER))
            except Exception as error:
                return at, error
            draft.in_a_row = 0
            if state is not None:
                states[key] = state
            if effects:
                self._begin(record)
                self._out.add(effects)
            if armed:
                failpoint("fold.after", event.type)
        return None

    def _heed(self, event: Event) -> bool:
        """Whether a tick moves the mark of its source. With several sources most move no watermark."""
        source, as_of = event.data.source or self.place, to_micros(event.data.as_of)
        if source not in self._upstream or as_of <= self._marks.get((event.timeline, source), NEVER):
            return False
        self._marks[event.timeline, source] = as_of
        return True

    def _tick(self, event: Event, record: Record) -> Iterator[list[StoredEffect]]:
        """A tick that moves the watermark: what is due wakes up."""
        self._begin(record)
        if failpoints.ARMED:
            failpoint("fold.before", event.type)
        timeline, source = event.timeline, event.data.source or self.place
        watermark = self._lowest(timeline)
        while keys := self.store.due(timeline.encode(), watermark, FIRED_AT_ONCE):
            self._draft.load(keys)
            for key in keys:
                if not self._wake(key, watermark, record):
                    return
            if len(keys) < FIRED_AT_ONCE:
                break  # the tick's own write will hold them
            yield self._write(record.offset, self._out.index)
        self._watermarks[timeline] = watermark
        self._out.forward(self._forward, timeline, watermark)
        self._draft.mark(timeline, source, self._marks[timeline, source])
        if failpoints.ARMED:
            failpoint("fold.after", event.type)

    def _wake(self, key: bytes, watermark: int, record: Record) -> bool:
        """Whether there is more to come: a state that cannot be woken goes without its timer, at most `_limit`."""
        states = self._draft.states
        try:
            states[key], effects = self.fold.wake(states[key], watermark)
        except Exception as error:
            state = self._spared(key, record, error)
            if state is not None:
                state.wake_at = None
        else:
            self._out.add(effects)
        return not self.stopped

    def _decree(self, event: Event, record: Record) -> Iterator[list[StoredEffect]]:
        """A kill half-way repeats it from the start: recomputing twice under one decree changes nothing."""
        self._begin(record)
        assert record.value is not None
        if failpoints.ARMED:
            failpoint("fold.before", event.type)
        try:
            self.fold = self.fold.decreed(event)
        except Exception as error:
            log.error("decree.failed", place=self.place, offset=record.offset, exc_info=error)
            self._bury(record, Undecodable(f"the fold failed on the decree: {error!r}"))
            return
        keys = self.store.provisional()
        for at in range(0, len(keys), FIRED_AT_ONCE):
            some = keys[at : at + FIRED_AT_ONCE]
            self._draft.load(some)
            for key in some:
                states = self._draft.states
                watermark = self._watermarks.get(states[key].timeline, NEVER)
                try:
                    states[key], effects = self.fold.recompute(states[key], event, watermark)
                except Exception as error:
                    if self._spared(key, record, error) is None:
                        return
                else:
                    self._out.add(effects)
            yield self._write(record.offset, self._out.index)
        self.store.put_decree(record.offset, record.value)
        if failpoints.ARMED:
            failpoint("fold.after", event.type)

    def _spared(self, key: bytes, record: Record, error: Exception) -> Any:
        """The state that the fold failed on, as it was, with a dead letter for it; None when that is one too many."""
        log.error("state.fold_failed", place=self.place, key=key.decode(), exc_info=error)
        reason = Undecodable(f"the fold failed on the state {key.decode()!r}: {error!r}")
        if self._draft.in_a_row >= self._limit:
            self._stop(reason)
            return None
        self._bury(record, reason)
        return self._draft.reload(key)

    def _stop(self, reason: Undecodable) -> None:
        """What is drafted is thrown away: it is folded again when somebody has mended what is wrong."""
        self.stopped = f"{self.place}: {self._draft.in_a_row} unreadable records in a row: {reason}"
        self._draft.discard()

    def _begin(self, record: Record) -> None:
        """Effects from here on are of `record`; those it had before the process ended are in the store already."""
        self._cause = record
        self._out.begin(record, self.store.index if record.offset == self.store.offset else 0)

    def _bury(self, record: Record, reason: Undecodable) -> None:
        self._draft.bury(reason.kind)
        self._out.bury(record, str(reason))

    def _lowest(self, timeline: str) -> int:
        return min(self._marks.get((timeline, source), NEVER) for source in self._upstream)

    def _write(self, offset: int, index: int) -> list[StoredEffect]:
        if failpoints.ARMED:
            failpoint("write.before", _kind(self._cause))
        effects = self._draft.write(offset, index)
        if failpoints.ARMED:
            failpoint("write.after", _kind(self._cause))
        return effects


def _origin(headers: Sequence[tuple[str, bytes]]) -> Origin | None:
    """(source, (offset, index)) of a record that is an effect of another fold."""
    for name, value in headers:
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
