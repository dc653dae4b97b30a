"""What a partition sends: effects of the fold, forwarded ticks and dead letters, each with the place of its cause."""

from collections.abc import Sequence

from services.contracts.clock import ClockTickedV1
from services.contracts.codec import encode
from services.contracts.identifiers import name_of
from services.contracts.instants import from_micros
from services.contracts.topics import DEAD_LETTERS
from services.shared.consuming import Record, dead_letter
from services.supervision.domain.fold import Effect
from services.supervision.runtime.store import BY_KEY, StoredEffect


class Outgoing:
    """`effects` are those of the next write. `partitions` says how many each topic has."""

    def __init__(self, fold_name: str, place: str, partitions: dict[str, int]) -> None:
        self.effects: list[StoredEffect] = []
        self.index = 0
        self._consumer, self._source = f"supervision.{fold_name}", f"/supervision/{fold_name}"
        self._place, self._partitions = place, partitions
        self._origin, self._headers_of_cause = "", [("cause-ts", b"0")]

    def begin(self, cause: Record, index: int) -> None:
        """Effects from here on are of the record `cause`, the first of them its effect number `index`."""
        self._origin, self.index = f"{self._place}:{cause.offset}:", index
        self._headers_of_cause = [("cause-ts", str(cause.timestamp).encode())]

    def add(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            key = effect.subject.encode()
            value = encode(
                effect.data, id=effect.id, source=self._source, subject=effect.subject,
                time=from_micros(effect.time), sequence=effect.sequence, timeline=effect.timeline,
            )  # fmt: skip
            self._emit(effect.topic, BY_KEY, key, value)

    def forward(self, topics: Sequence[str], timeline: str, as_of: int) -> None:
        """One tick of this place, to every partition of `topics`; `as_of` in microseconds."""
        at = from_micros(as_of)
        tick = ClockTickedV1(as_of=at, source=self._place)
        name = name_of("forwarded", self._place, timeline, as_of)
        value = encode(tick, id=name, source=self._source, subject="clock", time=at, sequence=1, timeline=timeline)
        for topic in topics:
            for partition in range(self._partitions[topic]):
                self._emit(topic, partition, b"clock", value)

    def bury(self, record: Record, reason: str) -> None:
        """A dead letter with the whole of `record`."""
        key, value = dead_letter(self._consumer, record, reason, from_micros(record.timestamp * 1000))
        self._emit(DEAD_LETTERS, 0, key, value)

    def _emit(self, topic: str, partition: int, key: bytes, value: bytes) -> None:
        headers = [("origin", f"{self._origin}{self.index}".encode()), *self._headers_of_cause]
        self.index += 1
        self.effects.append(StoredEffect(topic, partition, key, value, headers))
