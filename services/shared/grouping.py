"""Writers who come at once share one round trip and one sync of the journal. Free of what is written.

A writer who comes alone writes at once. Those who come while it writes wait for it; the first of them then writes for
all that wait. So nobody waits for company, and the busier the store is, the more each of its answers is for.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

MOST = 100
T = TypeVar("T")
R = TypeVar("R")


class _Waiting(Generic[T, R]):
    def __init__(self, item: T) -> None:
        self.item = item
        self.result: R | None = None
        self.error: BaseException | None = None
        self.done = False


class Grouped(Generic[T, R]):
    """Hands the items of several threads to `write`, at most `MOST` at once; it returns a result for each."""

    def __init__(self, write: Callable[[Sequence[T]], Sequence[R]]) -> None:
        self._write = write
        self._queue: list[_Waiting[T, R]] = []
        self._queueing, self._writing = threading.Lock(), threading.Lock()

    def submit(self, item: T) -> R:
        """The result of `item` once it is written. Raises what `write` raised for the group that it was in."""
        mine: _Waiting[T, R] = _Waiting(item)
        with self._queueing:
            self._queue.append(mine)
        while not mine.done:
            with self._writing:
                if not mine.done:
                    self._write_some()
        if mine.error is not None:
            raise mine.error
        return mine.result  # type: ignore[return-value]  # done without an error: it is there

    def _write_some(self) -> None:
        with self._queueing:
            group, self._queue = self._queue[:MOST], self._queue[MOST:]
        try:
            results = self._write([one.item for one in group])
            for one, result in zip(group, results, strict=True):
                one.result = result
        except BaseException as error:
            for one in group:
                one.error = error
        finally:
            for one in group:
                one.done = True
