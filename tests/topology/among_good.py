"""Good records of one partition, bad ones put among them, and what became of each. Free of Kafka."""

import json
import re
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import msgspec

from services.contracts.clock import CalendarDecreedV1, ClockTickedV1
from services.contracts.codec import KINDS, MAX_EVENT, Undecodable, decode
from services.contracts.dead_letters import DeadLetterV1
from services.contracts.topics import ALERTS, DEAD_LETTERS, FACTS
from services.supervision.domain.cases import CasesFold
from services.supervision.domain.subjects import SubjectsFold
from services.supervision.policy_files import load_policies
from services.supervision.runtime.partition import PartitionFold
from services.supervision.runtime.reader import ReadRecord
from services.supervision.runtime.store import PartitionStore, StoredEffect
from simulation.city.generate import generate
from simulation.replay import records
from tests.fuzz.oracle import judged
from tests.fuzz.spoiling import as_bytes
from tests.support.folding import POLICIES

TOPIC, PARTITION = "approvals.v1", 2
PLACE = f"{TOPIC}-{PARTITION}"
COUNTS = {FACTS: 4, ALERTS: 4, DEAD_LETTERS: 1}
T0_MS = 1_700_000_000_000
KAFKA_TAKES = 1_000_000  # bytes of a record, as brokers and producers come
Headers = tuple[tuple[str, bytes], ...]


class Written(NamedTuple):
    """A record before it has a place."""

    key: bytes | None
    value: bytes | None
    headers: Headers = ()


@cache
def good() -> list[Written]:
    """Two months of permits of one partition with stages, pauses, breaches and ticks."""
    town = generate(POLICIES, seed=7, days=60)
    mine = [r for r in records(town.timeline, town.segments()) if (r.topic, r.partition) == (TOPIC, PARTITION)]
    return [Written(record.key, record.value) for record in mine]


@cache
def events() -> list[bytes]:
    """Those of them that are events of cases."""
    return [r.value for r in good() if r.key is not None and r.value is not None]


def laid(log: Sequence[Written], topic: str = TOPIC, partition: int = PARTITION, start: int = 0) -> list[ReadRecord]:
    return [ReadRecord(topic, partition, start + n, T0_MS + start + n, *record) for n, record in enumerate(log)]


def cases_fold(store: PartitionStore, **options: Any) -> PartitionFold:
    policies = load_policies(POLICIES)
    fold = CasesFold(policies.cases, policies.calendar)
    wiring: dict[str, Any] = {"upstream": frozenset(), "forward": (FACTS, ALERTS), "partitions": COUNTS}
    return PartitionFold(fold, store, PLACE, **wiring | {"dead_letter_limit": 10**6} | options)


def subjects_fold(store: PartitionStore) -> PartitionFold:
    policies = load_policies(POLICIES)
    fold = SubjectsFold(policies.subjects, policies.calendar)
    wiring: dict[str, Any] = {"upstream": frozenset({PLACE}), "forward": (ALERTS,), "partitions": COUNTS}
    return PartitionFold(fold, store, f"{FACTS}-0", **wiring, dead_letter_limit=10**6)


@contextmanager
def a_store() -> Iterator[PartitionStore]:
    with TemporaryDirectory() as folder:
        store = PartitionStore(Path(folder) / "store")
        yield store
        store.close()


def folded(worker: PartitionFold, log: Sequence[ReadRecord], batch: int = 500) -> list[StoredEffect]:
    parts = (log[at : at + batch] for at in range(0, len(log), batch))
    return [effect for part in parts for effects in worker.take(part) for effect in effects]


def said(effects: Sequence[StoredEffect]) -> list[tuple[str, int, bytes, bytes]]:
    """Everything but the dead letters, in order; without the offsets of their causes."""
    return [(e.topic, e.partition, e.key, e.value) for e in effects if e.topic != DEAD_LETTERS]


def letters(effects: Sequence[StoredEffect]) -> dict[int, DeadLetterV1]:
    """Offset -> the dead letter of the record that lay there."""
    found = [decode(effect.value).data for effect in effects if effect.topic == DEAD_LETTERS]
    assert len({letter.offset for letter in found}) == len(found), "one record, one letter"
    return {letter.offset: letter for letter in found}


@cache
def said_alone() -> list[tuple[str, int, bytes, bytes]]:
    with a_store() as store:
        effects = folded(cases_fold(store), laid(good()))
        assert not letters(effects)
        assert sum(effect.topic == ALERTS and effect.key != b"clock" for effect in effects) > 20
        return said(effects)


def mixed(bad: Sequence[Written], places: Sequence[float]) -> tuple[list[ReadRecord], dict[int, Written]]:
    """The good records with the bad ones put in at `places` (shares of the log), and offset -> bad record."""
    log = [(n, record, False) for n, record in enumerate(good())]
    extra = [(place * len(good()), record, True) for place, record in zip(places, bad, strict=True)]
    together = sorted([*log, *extra], key=lambda item: item[0])
    return laid([record for _, record, _ in together]), {
        offset: record for offset, (_, record, is_bad) in enumerate(together) if is_bad
    }


def state_of(store: PartitionStore, timeline: str, subject: str) -> Any:
    (value,) = store.states([f"{timeline}\0{subject}".encode()])
    return None if value is None else msgspec.msgpack.decode(value, type=CasesFold.state_type)


def verdict_on(record: Written) -> str:
    """The type of a record's event, or why it cannot be folded."""
    verdict = judged(record.value)
    if verdict in KINDS or verdict in ("clock.ticked.v1", "calendar.decreed.v1"):
        return verdict
    return verdict if decode(record.value).subject.encode() == record.key else "key"


def accounted(store: PartitionStore, effects: Sequence[StoredEffect], bad: dict[int, Written]) -> Counter[str]:
    """What became of each bad record; AssertionError when one of them is nowhere."""
    found, fate = letters(effects), Counter[str]()
    for offset, record in bad.items():
        verdict = verdict_on(record)
        if offset in found:
            letter = found[offset]
            assert (letter.topic, letter.partition, letter.consumer) == (TOPIC, PARTITION, "supervision.cases")
            assert raw(letter.key) == record.key
            assert raw(letter.value) == record.value
            assert letter.reason.isprintable()
            fate[f"dead letter: {verdict}"] += 1
            continue
        event = decode(record.value)
        if isinstance(event.data, ClockTickedV1 | CalendarDecreedV1):
            fate["tick or decree"] += 1
        else:
            assert state_of(store, event.timeline, event.subject).last >= event.sequence
            fate["folded or repeated"] += 1
    assert set(found) <= set(bad), "a good record became a dead letter"
    return fate


def raw(text: str | None) -> bytes | None:
    return None if text is None else b64decode(text)


def elsewhere(value: bytes) -> bytes:
    """The same record as one of a case of its own, on a timeline of its own: what it does, it does to nobody else."""
    for name in (b"subject", b"timeline"):
        value = re.sub(rb'"%s":"[^"]*"' % name, b'"%s":"somewhere-else"' % name, value, count=1)
    return value


def harmless(value: bytes | None) -> bool:
    """Whether it can be read but speaks of the good cases' timeline or calendar: then it is no bad record but news."""
    try:
        event = decode(value)
    except Undecodable:
        return True
    return event.timeline == "somewhere-else" and not isinstance(event.data, CalendarDecreedV1)


def filed(**changes: Any) -> bytes:
    """An application of a case of its own; `changes` are of the envelope, or of the data for a field that it has."""
    record = json.loads(elsewhere(next(value for value in events() if b"approval.applied.v1" in value)))
    for name, value in changes.items():
        (record["data"] if name in record["data"] else record)[name] = value
    return as_bytes(record)


def tick(as_of: str, timeline: str = "somewhere-else", source: Any = None) -> bytes:
    record = {"id": "t", "source": "/s", "type": "clock.ticked.v1", "subject": "clock", "time": "2026-03-02T00:00:00Z"}
    return as_bytes(record | {"sequence": 0, "timeline": timeline, "data": {"as_of": as_of, "source": source}})


HUGE = "督" * (MAX_EVENT // 8)
