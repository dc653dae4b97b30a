"""What the next write of a partition will hold. Nothing of it counts before the write; all of it does after."""

from collections import Counter
from heapq import heappop, heappush
from typing import Any

import msgspec

from services.contracts.codec import Kind
from services.supervision.runtime.outgoing import Outgoing
from services.supervision.runtime.store import PartitionStore, StoredEffect

Origin = tuple[str, tuple[int, int]]
_FIRST = (-1, -1)
_NEW = (None, False)


class Draft:
    """`states` are those loaded or made; `in_a_row` counts the unreadable records up to here with no readable one
    between; `buried` counts dead letters written since the process began, by reason. The `kept` to 2 x `kept` states
    written last stay in memory. Whoever changes a state's timer says so by `timed`: the store learns of it later."""

    def __init__(self, store: PartitionStore, state_type: type[Any], out: Outgoing, kept: int) -> None:
        self.states: dict[bytes, Any] = {}
        self._kept = kept
        self._recent: dict[bytes, Any] = {}  # states as the store has them; a state that is drafted is in neither
        self._older: dict[bytes, Any] = {}
        self.in_a_row = store.unreadable
        self.buried: Counter[Kind] = Counter()
        self._store, self._out = store, out
        self._stored: dict[bytes, tuple[int | None, bool]] = {}
        self._timers: dict[str, list[tuple[int, bytes]]] = {}  # heaps of those that the store does not have
        self._graves: list[Kind] = []
        self._high_waters = store.high_waters()
        self._moved: dict[str, tuple[int, int]] = {}
        self._marks: dict[tuple[str, str], int] = {}
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(state_type).decode

    def load(self, keys: list[bytes]) -> None:
        """Bring the states of `keys`: those kept from earlier writes, and those that the store holds."""
        states, stored, recent, older, missing = self.states, self._stored, self._recent, self._older, []
        for key in dict.fromkeys(keys):
            if key and key not in states:
                state = recent.pop(key, None) or older.pop(key, None)
                if state is None:
                    missing.append(key)
                else:
                    states[key] = state
                    stored[key] = (state.wake_at, state.provisional)
        decode = self._decode
        for key, value in zip(missing, self._store.states(missing), strict=True):
            if value is not None:
                state = states[key] = decode(value)
                stored[key] = (state.wake_at, state.provisional)

    def timed(self, state: Any, key: bytes) -> None:
        """The timer of a drafted state has changed."""
        if state.wake_at is not None:
            heappush(self._timers.setdefault(state.timeline, []), (state.wake_at, key))

    def due(self, timeline: str, before: int, most: int) -> list[bytes] | None:
        """The keys with a timer earlier than `before`, at most `most`, in the order of (time, key). None when there are
        more and some are only drafted: after a write the store knows them all."""
        states, timers = self.states, self._timers.get(timeline, [])
        stored = self._store.due(timeline.encode(), before, most)
        found = {(at, key) for at, key in stored if key not in states or states[key].wake_at == at}
        while timers and timers[0][0] < before and len(found) <= most:
            at, key = heappop(timers)
            if states[key].wake_at == at:
                found.add((at, key))
        if states and (len(stored) == most or len(found) > most):
            if stored:
                self._store.unread(timeline.encode(), stored[0][0])
            return None
        return [key for _, key in sorted(found)]

    def reload(self, key: bytes) -> Any:
        """The state of `key` as it is in the store, in place of one that a fold left half-done."""
        self.states.pop(key)
        self.load([key])
        return self.states[key]

    def repeated(self, origin: Origin | None) -> bool:
        """Whether the effect at `origin` has been folded already."""
        return origin is not None and origin[1] <= self._moved.get(origin[0], self._high_waters.get(origin[0], _FIRST))

    def remember(self, origin: Origin | None) -> None:
        if origin is not None:
            self._moved[origin[0]] = origin[1]

    def mark(self, timeline: str, source: str, as_of: int) -> None:
        """A source's tick, in microseconds."""
        self._marks[timeline, source] = as_of

    def bury(self, kind: Kind) -> None:
        self._graves.append(kind)
        self.in_a_row += 1

    def write(self, offset: int, index: int) -> list[StoredEffect]:
        """One atomic write of all this and of the position; the effects it holds."""
        store, encode, stored = self._store, self._encode, self._stored
        put = store.put_state
        for key, state in self.states.items():
            wake_at, provisional = stored.get(key, _NEW)
            if wake_at != state.wake_at:
                store.move_timer(state.timeline.encode(), key, wake_at, state.wake_at)
            if provisional is not state.provisional:
                store.set_provisional(key, state.provisional)
            put(key, encode(state))
        for source, at in self._moved.items():
            store.put_high_water(source, at)
        for (timeline, source), as_of in self._marks.items():
            store.put_mark(timeline, source, as_of)
        store.unreadable = self.in_a_row
        effects = self._out.effects
        store.write(offset, index, effects)
        self.buried.update(self._graves)
        self._high_waters |= self._moved
        self._recent.update(self.states)
        if len(self._recent) > self._kept:
            self._recent, self._older = {}, self._recent
        self._clear()
        return effects

    def discard(self) -> None:
        """Begin anew from what the store holds."""
        self._store.discard()
        self._clear()

    def _clear(self) -> None:
        self.states, self._stored, self._timers = {}, {}, {}
        self._graves, self._moved, self._marks = [], {}, {}
        self._out.effects = []
        self.in_a_row = self._store.unreadable
