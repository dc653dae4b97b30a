"""Commands on cases: load, decide, save with outbox (rule 2). Generic over a service's domain; free of HTTP.

Two writers at once: the one whose document write comes first wins, the other is told (`Conflict`, or `Stale` when it
named a version) and repeats by itself if the command still makes sense. Nothing is retried behind its back, but a
lost race is looked at once more for the command's own Idempotency-Key: then it was the same request twice.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

import msgspec

from services.contracts import codec
from services.contracts.envelope import LIVE, Envelope, EventModel
from services.contracts.identifiers import case_id as named_case_id
from services.contracts.identifiers import name_of, new_id
from services.contracts.instants import from_micros, to_micros
from services.contracts.lifecycle import Case, Command, Lifecycle, Refused
from services.contracts.registry import event_type
from services.shared.access import Principal, Reach
from services.shared.cases import CaseRepository, Recorded, Result, Stored, Write, WriteConflict
from services.shared.failpoints import failpoint

C = TypeVar("C", bound=Case)
Decide = Callable[[C, Command, datetime], tuple[C, tuple[EventModel, ...]]]


class NotFound(Exception):
    """There is no such case."""


class OutsideScope(Exception):
    """The case, or the agency that the command names, belongs to somebody else."""


class Conflict(Exception):
    """Another writer was first. `status`, `version` and `allowed` say where the case stands now."""

    def __init__(self, status: str, version: int, allowed: tuple[str, ...]) -> None:
        super().__init__(f"another command was first: the case is {status} now, version {version}")
        self.status, self.version, self.allowed = status, version, allowed


class Stale(Conflict):
    """The command named a version that the case no longer has."""


class KeyReused(Exception):
    """The Idempotency-Key came with another request before."""


class Kind(msgspec.Struct, Generic[C], frozen=True, kw_only=True):
    """What tells one service's cases from another's."""

    service: str
    topic: str
    case_type: type[C]
    life: Lifecycle
    decide: Decide[C]


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One command as it came in. `occurred_at` is given on timelines other than live only.

    `beside` are fields that the document gets beside the case, in the same write.
    """

    name: str
    data: EventModel
    actor: Principal
    reach: Reach
    case_id: str | None = None
    timeline: str = LIVE
    occurred_at: datetime | None = None
    key: str | None = None
    expected_version: int | None = None
    beside: dict[str, Any] = {}


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the caller is told, and told again when the request is repeated."""

    case_id: str
    status: str
    version: int
    sequence: int
    receipt_code: str | None = None


class CaseService(Generic[C]):
    """The commands of one service. A service with more to do overrides what the first group of methods offers."""

    def __init__(
        self, kind: Kind[C], cases: CaseRepository[C], groups: Mapping[str, str], clock: Callable[[], datetime]
    ) -> None:
        self.kind, self.cases, self.groups, self.clock = kind, cases, groups, clock

    # What a service may add

    def references(self, data: Sequence[EventModel]) -> Mapping[str, Any]:
        """What the catalogues say now about the openings in `data`, by the name that `reference_name` gives."""
        return {}

    def reference_name(self, data: EventModel) -> str | None:
        """Under which name `references` has what belongs to `data`; None: nothing belongs to it."""
        return None

    def holders(self, case: C) -> Sequence[str | None]:
        """The agencies in whose hands the case is: they and their groups may see it."""
        return (case.agency,)

    def beside(self, case: C) -> dict[str, Any]:
        """Fields that the document of a new live case has beside the case."""
        return {}

    def complete(self, writes: Sequence[Write[C]]) -> list[Write[C]]:
        """`writes` with what their documents have beside the case that follows from its events."""
        return list(writes)

    def answer(self, case: C, version: int, *, opened: bool) -> Answer:
        """What the caller is told."""
        return Answer(case_id=case.case_id, status=case.status, version=version, sequence=case.sequence)

    def observe(self, data: EventModel) -> None:
        """Count what is worth counting about an event that has just been saved."""

    # One command

    def execute(self, order: Order) -> tuple[Answer, bool]:
        """The answer to `order`, and whether it is the first answer to an earlier, equal request.

        Raises NotFound, OutsideScope, KeyReused, Stale, Conflict, or Refused; then nothing has changed.
        """
        opening = order.name == self.kind.life.opening
        case_id = order.case_id or self._new_case_id(order)
        key = name_of("key", order.actor.subject, order.key) if order.key else None
        digest = self._digest(order) if key else ""
        if opening:
            # Hardly ever has the case been opened before, and the store finds out while it inserts. What is refused is
            # looked at once more below: it may be the repetition of a request that was not.
            with suppress(WriteConflict, Refused, OutsideScope, Stale):
                return self._saved(order, None, case_id, key, digest), False
        stored = self.cases.load(case_id)
        if stored is None and not opening:
            raise NotFound(case_id)
        if first := self._first_answer(stored, key, digest):
            return first, True
        try:
            return self._saved(order, stored, case_id, key, digest), False
        except WriteConflict:
            stored = self.cases.load(case_id)
            if first := self._first_answer(stored, key, digest):
                return first, True
            raise self._conflict(stored, order) from None

    def _saved(self, order: Order, stored: Stored[C] | None, case_id: str, key: str | None, digest: str) -> Answer:
        """Carry `order` out on the case as it was read. Raises WriteConflict when another writer was first."""
        self._check(order, stored)
        (write,) = self.complete([self._write(order, stored, case_id, key, digest)])
        self.cases.save(write)
        failpoint("command.saved")
        self.observe(order.data)
        return self.answer(write.after, write.version, opened=stored is None)

    def _new_case_id(self, order: Order) -> str:
        """A name that a repeated request finds again: by the log's own id, else by the Idempotency-Key."""
        kind = self.kind.life.kind
        source_ref = getattr(order.data, "source_ref", None)
        if order.timeline != LIVE and source_ref:
            return named_case_id(kind, order.timeline, source_ref)
        if order.key:
            return f"{kind}-{name_of('opening', kind, order.timeline, order.actor.subject, order.key)}"
        return f"{kind}-{new_id()}"

    def _digest(self, order: Order) -> str:
        at = order.occurred_at.isoformat() if order.occurred_at else ""
        body = codec.encode_json(order.data).decode()
        return name_of("request", order.name, order.case_id or "", order.timeline, at, body)

    def _first_answer(self, stored: Stored[C] | None, key: str | None, digest: str) -> Answer | None:
        result = next((r for r in stored.results if r.key == key), None) if stored and key else None
        if result is None:
            return None
        if result.digest != digest:
            raise KeyReused
        return msgspec.json.decode(result.answer, type=Answer)

    def _check(self, order: Order, stored: Stored[C] | None) -> None:
        named = getattr(order.data, "agency", None)
        holders = self.holders(stored.case) if stored else (named,)
        if not self._within(order.reach, holders) or (named and not order.reach.covers(named, self.groups)):
            raise OutsideScope
        if stored is None:
            if order.expected_version not in (None, 0):
                raise Stale("new", 0, (self.kind.life.opening,))
            return
        if stored.case.timeline != order.timeline:
            detail = f"the case belongs to timeline {stored.case.timeline}, the command to {order.timeline}"
            raise self.kind.life.refusal(stored.case, "other-timeline", detail)
        if order.expected_version not in (None, stored.version):
            raise self._conflict(stored, order)

    def _conflict(self, stored: Stored[C] | None, order: Order) -> Conflict:
        case, version = (stored.case, stored.version) if stored else (None, 0)
        status = case.status if case else "new"
        kind = Conflict if order.expected_version is None else Stale
        return kind(status, version, self.kind.life.allowed(status))

    def _write(self, order: Order, stored: Stored[C] | None, case_id: str, key: str | None, digest: str) -> Write[C]:
        source_ref = getattr(order.data, "source_ref", None)
        case = stored.case if stored else self.new_case(case_id, order.timeline, source_ref)
        # Clocks of two machines differ: a live command is never dated before the event that it follows.
        now = order.occurred_at or max(self.clock(), from_micros(max(case.last_at, 0)))
        name = self.reference_name(order.data)
        reference = self.references([order.data]).get(name) if name else None
        by = order.actor.subject if order.timeline == LIVE else None
        command = Command(name=order.name, data=order.data, reference=reference, by=by)
        after, events = self.kind.decide(case, command, now)
        recorded, bodies = self.record(case, events, now, order.actor.subject)
        version = stored.version + 1 if stored else 1
        answer = self.answer(after, version, opened=stored is None)
        return Write(
            before=stored, after=after, events=recorded, bodies=bodies,
            result=Result(key, digest, codec.encode_json(answer)) if key else None,
            extra=(self.beside(after) if stored is None else {}) | order.beside,
        )  # fmt: skip

    def new_case(self, case_id: str, timeline: str, source_ref: str | None) -> C:
        """A case before its first event."""
        return self.kind.case_type(case_id=case_id, timeline=timeline, source_ref=source_ref)

    def record(
        self, case: C, events: Sequence[EventModel], now: datetime, by: str
    ) -> tuple[tuple[Recorded, ...], tuple[bytes, ...]]:
        """`events` of `case` as the document keeps them, and the records that go to the log.

        Live events get new ids; those of an imported log are named, so that every import of it yields the same.
        """
        recorded, bodies = [], []
        for sequence, data in enumerate(events, start=case.sequence + 1):
            live = case.timeline == LIVE
            raw = codec.encode_json(data)
            envelope = Envelope(
                id=new_id() if live else name_of("event", case.timeline, case.case_id, sequence),
                source=f"/{self.kind.service}", type=event_type(type(data)), subject=case.case_id,
                time=now.astimezone(UTC), sequence=sequence, timeline=case.timeline, data=msgspec.Raw(raw),
            )  # fmt: skip
            recorded.append(Recorded(sequence, envelope.id, envelope.type, to_micros(now), by, raw))
            bodies.append(codec.encode_json(envelope))
        return tuple(recorded), tuple(bodies)

    # Reading

    def read(self, case_id: str, reach: Reach) -> tuple[Stored[C], list[Recorded]]:
        """A case and its events. Raises NotFound or OutsideScope."""
        stored = self.cases.load(case_id)
        if stored is None:
            raise NotFound(case_id)
        if not self._within(reach, self.holders(stored.case)):
            raise OutsideScope
        return stored, self.cases.history(case_id)

    def _within(self, reach: Reach, holders: Sequence[str | None]) -> bool:
        return any(reach.covers(holder, self.groups) for holder in holders)
