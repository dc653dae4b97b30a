"""Folds the records of one topic-partition, batch by batch, into its store. Free of Faust and of what is folded.

What is folded is drafted; one atomic write takes the draft's states, timers, effects and position into the store, so a
kill at any moment leaves a prefix of the log. The same records give the same effects in the same order, however cut.
"""

from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from typing import Any

import structlog

from services.contracts.clock import ClockTickedV1
from services.contracts.codec import Kind, Undecodable, decode
from services.contracts.envelope import Event
from services.contracts.instants import to_micros
from services.contracts.registry import event_type
from services.shared import failpoints
from services.shared.consuming import Record
from services.shared.failpoints import failpoint
from services.supervision.domain.fold import NEVER, Fold
from services.supervision.runtime.draft import Draft
from services.supervision.runtime.items import Item, kind_of, read_all
from services.supervision.runtime.outgoing import Outgoing
from services.supervision.runtime.store import PartitionStore, StoredEffect

FIRED_AT_ONCE = 500
KEPT = 4096
Failure = tuple[int, Exception]  # which item, and why
Written = Iterator[list[StoredEffect]]
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
        self._undecreed = fold
        self._apart = fold.decree_types | {event_type(ClockTickedV1)}
        self._limit = dead_letter_limit
        self._upstream = upstream or frozenset({place})
        self._forward = forward
        self._out = Outgoing(fold.name, place, partitions)
        self._draft = Draft(store, fold.state_type, self._out, kept)
        self._cause: Record | None = None  # for failpoints
        self._failed: dict[int, Undecodable | None] = {}  # offsets on which the fold fails; None: a tick
        self._recall()

    @property
    def unreadable(self) -> Counter[Kind]:
        """Dead letters written since the process began, by reason."""
        return self._draft.buried

    @property
    def unwritten(self) -> int:
        """How many records have been folded since the last write."""
        return self._next - self.store.offset

    def take(self, records: Sequence[Record]) -> Written:
        """Fold `records` and write; see `fold_all`."""
        yield from self.fold_all(records)
        if self.unwritten:
            yield self.write()

    def fold_all(self, records: Sequence[Record]) -> Written:
        """Fold `records` (in order, none missing), skipping what has been folded already. They may stay unwritten.

        Yields, after each atomic write that had to be made on the way, the effects it holds, to be published. A caller
        that stops half-way may go on later with a new PartitionFold over the same store.
        """
        items = [] if self.stopped else self._read_all(records)
        while items and (failure := (yield from self._through(items))) is not None:
            items = yield from self._mend(items, *failure)

    def write(self) -> list[StoredEffect]:
        """One atomic write of all that has been folded; the effects it holds, to be published."""
        return self._write(self._next, 0)

    def _recall(self) -> None:
        """Be where the store is."""
        self._marks = self.store.marks()
        self._watermarks = {timeline: self._lowest(timeline) for timeline, _ in self._marks}
        self.fold = self._undecreed
        for value in self.store.decrees():
            self.fold = self.fold.decreed(decode(value))
        self._next = self.store.offset
        self._folded: list[Record] = []  # since the last write

    def _read_all(self, records: Sequence[Record]) -> list[Item]:
        items = read_all(records, self._next, self._apart)
        if failed := self._failed:
            items = [(r, failed.get(r.offset) or e, b"" if r.offset in failed else k, o) for r, e, k, o in items]
        return items

    def _through(self, items: list[Item]) -> Generator[list[StoredEffect], None, Failure | None]:
        """Fold `items` into the draft; where the fold failed and why."""
        draft, fold, watermarks, armed = self._draft, self.fold.fold, self._watermarks, failpoints.ARMED
        draft.load([item[2] for item in items])
        states, timed, reached = draft.states, draft.timed, 0
        for at, (record, event, key, origin) in enumerate(items):
            if origin is not None and draft.repeated(origin):
                continue
            if not key:
                reached = self._reach(items, reached, at)
                try:
                    yield from self._aside(event, record)
                except Exception as error:
                    return at, error
                if self.stopped:
                    return None
                draft.remember(origin)
                if draft.states is not states:
                    draft.load([item[2] for item in items[at + 1 :]])
                    states = draft.states
                fold = self.fold.fold
                continue
            if armed:
                self._cause = record
                failpoint("fold.before", event.type)
            state = states.get(key)
            wake = None if state is None else state.wake_at
            try:
                state, effects = fold(state, event, watermarks.get(event.timeline, NEVER))
            except Exception as error:
                self._reach(items, reached, at)
                return at, error
            draft.in_a_row = 0
            if origin is not None:
                draft.remember(origin)
            if state is not None:
                states[key] = state
                if state.wake_at != wake:
                    timed(state, key)
            if effects:
                self._begin(record)
                self._out.add(effects)
            if armed:
                failpoint("fold.after", event.type)
        self._reach(items, reached, len(items))
        return None

    def _reach(self, items: list[Item], since: int, at: int) -> int:
        """All before `items[at]` is folded; `since` says up to where that was known."""
        self._folded += [item[0] for item in items[since:at]]
        self._next = items[at][0].offset if at < len(items) else items[-1][0].offset + 1
        return at

    def _mend(self, items: list[Item], at: int, error: Exception) -> Generator[list[StoredEffect], None, list[Item]]:
        """The items from the one on that the fold failed on. All before it is folded again and written, for the failure
        may have spoilt states. An event goes aside, as the fold is pure; a tick is tried again with care."""
        record, _, key, origin = items[at]
        again = self._folded
        self._draft.discard()
        self._recall()
        before = self._read_all(again)
        if before and (yield from self._through(before)) is not None:
            raise error
        if self.unwritten:
            yield self.write()
        if not key:
            self._failed[record.offset] = None
            return items[at:]
        log.error("record.fold_failed", place=self.place, offset=record.offset, exc_info=error)
        verdict = self._failed[record.offset] = Undecodable(f"the fold failed: {error!r}")
        return [(record, verdict, b"", origin), *items[at + 1 :]]

    def _aside(self, event: Event | Undecodable, record: Record) -> Written:
        """What is no event of one case."""
        if isinstance(event, Undecodable):
            if self._draft.in_a_row >= self._limit:
                if self.unwritten:
                    yield self.write()
                self._stop(event)
            else:
                self._begin(record)
                self._bury(record, event)
        elif not isinstance(event.data, ClockTickedV1):
            if self.unwritten:
                yield self.write()
            yield from self._decree(event, record)
            if not self.stopped:
                yield self._write(record.offset + 1, 0)
        elif self._heed(event):
            if self._lowest(event.timeline) > self._watermarks.get(event.timeline, NEVER):
                yield from self._tick(event, record)
            else:
                source = event.data.source or self.place
                self._draft.mark(event.timeline, source, self._marks[event.timeline, source])

    def _heed(self, event: Event) -> bool:
        """Whether a tick moves the mark of its source. With several sources most move no watermark."""
        source, as_of = event.data.source or self.place, to_micros(event.data.as_of)
        if source not in self._upstream or as_of <= self._marks.get((event.timeline, source), NEVER):
            return False
        self._marks[event.timeline, source] = as_of
        return True

    def _tick(self, event: Event, record: Record) -> Written:
        """A tick that moves the watermark: what is due wakes up, in pieces when it is much."""
        careful = record.offset in self._failed
        if careful and self.unwritten:
            yield self.write()
        self._begin(record)
        if failpoints.ARMED:
            failpoint("fold.before", event.type)
        timeline, source, draft = event.timeline, event.data.source or self.place, self._draft
        watermark = self._lowest(timeline)
        while (keys := draft.due(timeline, watermark, FIRED_AT_ONCE)) is None or keys:
            if keys is not None:
                draft.load(keys)
                for key in keys:
                    if careful:
                        self._wake_with_care(key, watermark, record)
                        if self.stopped:
                            return
                    else:
                        self._wake(key, watermark)
                if len(keys) < FIRED_AT_ONCE:
                    break
            yield self._write(record.offset, self._out.index)
        self._watermarks[timeline] = watermark
        self._out.forward(self._forward, timeline, watermark)
        draft.mark(timeline, source, self._marks[timeline, source])
        if failpoints.ARMED:
            failpoint("fold.after", event.type)

    def _wake(self, key: bytes, watermark: int) -> None:
        states = self._draft.states
        states[key], effects = self.fold.wake(states[key], watermark)
        self._out.add(effects)
        self._draft.timed(states[key], key)

    def _wake_with_care(self, key: bytes, watermark: int, record: Record) -> None:
        """A state that cannot be woken goes without its timer, at most `_limit` of them."""
        try:
            self._wake(key, watermark)
        except Exception as error:
            state = self._spared(key, record, error)
            if state is not None:
                state.wake_at = None

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
        self._recall()

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
            failpoint("write.before", kind_of(self._cause))
        effects = self._draft.write(offset, index)
        self._next, self._folded = offset, []
        if self._failed:
            self._failed = {at: verdict for at, verdict in self._failed.items() if at >= offset}
        if failpoints.ARMED:
            failpoint("write.after", kind_of(self._cause))
        return effects
