"""Both folds in one process over events that are decoded already, nothing durable: the bare rules.

`python -m benchmarks.full.nothing EVENTS` writes its rate and cost, and every alert with the record that caused it, to
standard output. The alerts are the reference of the other engines.
"""

import resource
import sys
import time
from collections import defaultdict
from hashlib import blake2b
from typing import Any

import msgspec

from benchmarks.full.city import PARTITIONS, log, town
from benchmarks.full.host import Hosted
from services.contracts.codec import decode, encode_json
from services.contracts.envelope import Event
from services.contracts.facts import FactRecordedV1
from services.contracts.instants import from_micros
from services.contracts.registry import event_type
from services.contracts.topics import ALERTS
from services.shared.partitioner import partition_of

WARM = 1 / 3


class Folded(msgspec.Struct, frozen=True):
    """`alerts`: (id#version, digest of the alert); `causes`: id#version -> (source, offset) for those of a case.
    `due`: the alerts' newest versions as JSON, for the simulator's oracle. `events` counts no ticks."""

    alerts: list[tuple[str, str]]
    causes: dict[str, tuple[str, int]]
    newest: list[msgspec.Raw]
    events: int
    rate: float
    cpu: float
    memory: float


def name_and_digest(data: msgspec.Raw | bytes, alert_id: str, version: int) -> tuple[str, str]:
    return f"{alert_id}#{version}", blake2b(bytes(data), digest_size=8).hexdigest()


def fold(events: int) -> Folded:
    decoded = [(f"{r.topic}-{r.partition}", decode(r.value)) for r in log(town(events))]
    supervision = Supervision()
    warm = int(len(decoded) * WARM)
    for place, event in decoded[:warm]:
        supervision.take(place, event)
    wall, cpu = time.perf_counter(), time.process_time()
    for place, event in decoded[warm:]:
        supervision.take(place, event)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    measured = len(decoded) - warm
    alerts = supervision.alerts
    newest = {alert.data.alert_id: alert.data for alert, _, _ in alerts}  # in the order of versions
    named = [name_and_digest(encode_json(e.data), e.data.alert_id, e.data.version) for e, _, _ in alerts]
    return Folded(
        alerts=named,
        causes={name: (place, at) for (name, _), (_, place, at) in zip(named, alerts, strict=True) if place},
        newest=[msgspec.Raw(encode_json(alert)) for alert in newest.values()],
        events=sum(event.subject != "clock" for _, event in decoded),
        rate=measured / wall, cpu=cpu / measured * 1e6,
        memory=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
    )  # fmt: skip


class Supervision:
    """Sixteen partitions of cases, four of subjects, states in dicts. `alerts`: effect, source, offset there."""

    def __init__(self) -> None:
        self.alerts: list[tuple[Any, str, int]] = []
        self._cases: dict[str, tuple[Hosted, dict[str, Any]]] = {}
        self._subjects = [(Hosted("subjects", f"facts.v1-{n}"), dict[str, Any]()) for n in range(PARTITIONS)]
        self._offsets: dict[str, int] = defaultdict(int)

    def take(self, place: str, event: Event) -> None:
        if place not in self._cases:
            self._cases[place] = Hosted("cases", place), {}
        offset = self._offsets[place]
        self._offsets[place] = offset + 1
        host, states = self._cases[place]
        if event.subject != "clock":
            self._put(host.event(event, states.get, states.__setitem__), place, offset)
            return
        self._put(host.tick(event, states.get, states.__setitem__), place, offset)
        told = msgspec.structs.replace(event, data=msgspec.structs.replace(event.data, source=place))
        for subjects, known in self._subjects:
            self._put(subjects.tick(told, known.get, known.__setitem__), "", 0)

    def _put(self, effects: Any, place: str, offset: int) -> None:
        for effect in effects:
            if effect.topic == ALERTS:
                self.alerts.append((effect, place, offset))
                continue
            fact = Event(
                id=effect.id, source="/supervision/cases", type=event_type(FactRecordedV1), subject=effect.subject,
                time=from_micros(effect.time), sequence=effect.sequence, timeline=effect.timeline, data=effect.data,
            )  # fmt: skip
            subjects, known = self._subjects[partition_of(effect.subject.encode(), PARTITIONS)]
            self._put(subjects.event(fact, known.get, known.__setitem__), "", 0)


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(fold(int(sys.argv[1]))))
