"""In place of the reader of an engine: batches that are handed over. Free of Kafka."""

from collections.abc import Iterable, Sequence
from queue import Empty, SimpleQueue

from services.shared.consuming import Record
from services.supervision.runtime.reader import Place


class Fed:
    """Gives each batch that was `put` at one poll; remembers what else was asked of it."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.paused: set[Place] = set()
        self._batches: SimpleQueue[tuple[Place, Sequence[Record]]] = SimpleQueue()

    def put(self, place: Place, records: Sequence[Record]) -> None:
        self._batches.put((place, records))

    def poll(self, seconds: float) -> dict[Place, Sequence[Record]]:
        try:
            place, records = self._batches.get(block=seconds > 0, timeout=seconds or None)
        except Empty:
            return {}
        return {place: records}

    def caught_up(self, place: Place, offset: int) -> bool:
        return self._batches.empty()

    def begin(self, place: Place, offset: int) -> None:
        self.begun.append(offset)

    def end(self, place: Place) -> None:
        """Nothing to do."""

    def pause(self, places: Iterable[Place]) -> None:
        self.paused |= set(places)

    def resume(self, places: Iterable[Place]) -> None:
        self.paused -= set(places)
