"""One RocksDB for one topic-partition: states, timers, marks, effects and the applied offset, written together.

Free of Kafka and of what the states mean. Layout of keys: s state, t timer, p provisional, w mark of a source,
h high-water mark of a source, d decree, e effects of one write not yet known to be published, ! position.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from rocksdict import BlockBasedOptions, Checkpoint, Options, Rdict, ReadOptions, WriteBatch

_POSITION = b"!next"
CONDEMNED = "CONDEMNED"
_BIAS = 1 << 63
BY_KEY = -1


def _u64(value: int) -> bytes:
    return (value + _BIAS).to_bytes(8, "big")


def _options() -> Options:
    """One writer, whose states are mostly found in memory: what is looked for on disk is mostly not there."""
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_allow_concurrent_memtable_write(False)
    blocks = BlockBasedOptions()
    blocks.set_bloom_filter(10, False)
    options.set_block_based_table_factory(blocks)
    return options


class StoredEffect(msgspec.Struct, array_like=True, gc=False):
    """A record to publish: headers are (name, value) pairs. `partition` BY_KEY: where Kafka's default partitioner lays
    the key."""

    topic: str
    partition: int
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


def condemn(path: Path) -> None:
    """Say that the store at `path` holds bytes that nobody wrote: whoever opens it next takes a checkpoint instead."""
    (path / CONDEMNED).touch()


def is_damage(error: BaseException) -> bool:
    """Whether RocksDB says that its files are not what it wrote; it raises plain Exception for everything."""
    return str(error).startswith(("Corruption", "IO error: No such file")) or "Corruption:" in str(error)


_encode = msgspec.msgpack.Encoder().encode
_decode_effects = msgspec.msgpack.Decoder(list[StoredEffect]).decode


class PartitionStore:
    """`offset` is the next record to fold and `index` how many of its effects are already in the store."""

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._db = Rdict(str(path), _options())
        position = self._db.get(_POSITION)
        self.offset: int
        self.index: int
        self._next_piece: int
        self.unreadable: int  # records in a row, up to `offset`
        at = msgspec.msgpack.decode(position) if position else (0, 0, 0, 0)
        self.offset, self.index, self._next_piece, self.unreadable = at
        first = next((key for key, _ in self._scan(b"e", b"f")), None)
        self._first_piece = self._next_piece if first is None else int.from_bytes(first[1:], "big") - _BIAS
        self._acknowledged = self._first_piece
        self._earliest: dict[bytes, int] = {}
        self._batch = WriteBatch(raw_mode=True)

    def write(self, offset: int, index: int, effects: list[StoredEffect]) -> None:
        """Commit what was put since the last write, `effects` and the position in one write."""
        batch = self._batch
        for number in range(self._first_piece, self._acknowledged):
            batch.delete(b"e" + _u64(number))
        self._first_piece = self._acknowledged
        if effects:
            batch.put(b"e" + _u64(self._next_piece), _encode(effects))
            self._next_piece += 1
        batch.put(_POSITION, _encode((offset, index, self._next_piece, self.unreadable)))
        self._db.write(batch)
        self.offset, self.index = offset, index
        self._batch = WriteBatch(raw_mode=True)

    def discard(self) -> None:
        """Forget what was put since the last write, and which timers were read."""
        self._batch = WriteBatch(raw_mode=True)
        self._earliest.clear()

    @property
    def unacknowledged(self) -> bool:
        """Whether effects are written that are not yet known to be published."""
        return self._next_piece > self._acknowledged

    def acknowledge(self) -> None:
        """Every effect written so far is published: the next write deletes them."""
        self._acknowledged = self._next_piece

    def unpublished(self) -> Iterator[StoredEffect]:
        """Effects that may not have been published before the last end of the process, in order."""
        return (effect for _, value in self._scan(b"e", b"f") for effect in _decode_effects(value))

    def states(self, keys: list[bytes]) -> list[bytes | None]:
        """The encoded state of each key, in order."""
        found: Any = self._db.get([b"s" + key for key in keys]) if keys else []
        return list(found)

    def put_state(self, key: bytes, value: bytes) -> None:
        self._batch.put(b"s" + key, value)

    def move_timer(self, timeline: bytes, key: bytes, old: int | None, new: int | None) -> None:
        """Replace the timer of `key` (timeline, NUL, name), `old` and `new` being different."""
        if old is not None:
            self._batch.delete(b"t" + timeline + b"\0" + _u64(old) + key)
        if new is not None:
            self._batch.put(b"t" + timeline + b"\0" + _u64(new) + key, b"")
            if new < self._earliest.get(timeline, new):
                self._earliest[timeline] = new

    def due(self, timeline: bytes, before: int, most: int) -> list[tuple[int, bytes]]:
        """At most `most` (time, key) of timers earlier than `before`, in order; the next call begins behind them.

        No timer is earlier than `_earliest`: a tick with nothing due costs one comparison, and the scan starts behind
        the graves of the timers that have fired.
        """
        earliest = self._earliest.get(timeline, -_BIAS)
        if before <= earliest:
            return []
        prefix = b"t" + timeline + b"\0"
        start = len(prefix) + 8
        found: list[tuple[int, bytes]] = []
        self._earliest[timeline] = _BIAS - 1
        for key, _ in self._scan(prefix + _u64(earliest), prefix + b"\xff" * 8):
            at = int.from_bytes(key[len(prefix) : start], "big") - _BIAS
            if at >= before or len(found) == most:
                self._earliest[timeline] = at
                break
            found.append((at, key[start:]))
        return found

    def unread(self, timeline: bytes, at: int) -> None:
        """`due` begins with the timers of `at` again."""
        self._earliest[timeline] = at

    def set_provisional(self, key: bytes, provisional: bool) -> None:
        if provisional:
            self._batch.put(b"p" + key, b"")
        else:
            self._batch.delete(b"p" + key)

    def provisional(self) -> list[bytes]:
        return [key[1:] for key, _ in self._scan(b"p", b"q")]

    def marks(self) -> dict[tuple[str, str], int]:
        """(timeline, source) -> highest as_of in microseconds."""
        found = {}
        for key, value in self._scan(b"w", b"x"):
            timeline, source = key[1:].decode().split("\0")
            found[timeline, source] = msgspec.msgpack.decode(value)
        return found

    def put_mark(self, timeline: str, source: str, as_of: int) -> None:
        self._batch.put(f"w{timeline}\0{source}".encode(), msgspec.msgpack.encode(as_of))

    def high_waters(self) -> dict[str, tuple[int, int]]:
        """Source -> (offset, index) of its last effect folded here."""
        return {key[1:].decode(): tuple(msgspec.msgpack.decode(value)) for key, value in self._scan(b"h", b"i")}

    def put_high_water(self, source: str, at: tuple[int, int]) -> None:
        self._batch.put(b"h" + source.encode(), msgspec.msgpack.encode(at))

    def decrees(self) -> list[bytes]:
        return [value for _, value in self._scan(b"d", b"e")]

    def put_decree(self, offset: int, value: bytes) -> None:
        self._batch.put(b"d" + _u64(offset), value)

    def checkpoint(self, path: Path) -> None:
        """A consistent copy of the store as a new folder `path`."""
        Checkpoint(self._db).create_checkpoint(str(path))

    def verify(self) -> None:
        """Read everything. Raises what RocksDB raises for a block whose checksum is wrong."""
        for _ in self._scan(b"", b"\xff"):
            pass

    def close(self) -> None:
        self._db.close()

    def _scan(self, start: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        iterator = self._db.iter(ReadOptions())
        iterator.seek(start)
        while iterator.valid() and iterator.key() < end:
            yield iterator.key(), iterator.value()
            iterator.next()
        iterator.status()  # raises for a bad block, which ends an iteration just as the end of the data does
