"""Commands on cases: load, decide, save with outbox (rule 2). Generic over a service's domain; free of HTTP.

Two writers at once: the one whose document write comes first wins, the other is told (`Conflict`, or `Stale` when it
named a version) and repeats by itself if the command still makes sense. Nothing is retried behind its back, but a
lost race is looked at once more for the command's own Idempotency-Key: then it was the same request twice.
"""

from collections.abc import Callable, Mapping, Sequence
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
IMPORT_ATTEMPTS = 5
MAX_DATA = 64 * 1024


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
    """One command as it came in. `occurred_at` is given on timelines other than live only."""

    name: str
    data: EventModel
    actor: Principal
    reach: Reach
    case_id: str | None = None
    timeline: str = LIVE
    occurred_at: datetime | None = None
    key: str | None = None
    expected_version: int | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the caller is told, and told again when the request is repeated."""

    case_id: str
    status: str
    version: int
    sequence: int
    receipt_code: str | None = None


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One command of an imported log: `ordinal` counts 1, 2, 3… within the case and equals the event's sequence."""

    source_ref: str
    ordinal: int
    command: str
    occurred_at: datetime
    data: msgspec.Raw


class RefusedLine(msgspec.Struct, frozen=True, kw_only=True):
    source_ref: str
    ordinal: int
    detail: str


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a batch. `repeated` had been applied by an earlier one."""

    applied: int
    repeated: int
    refused: list[RefusedLine]


class CaseService(Generic[C]):
    """The commands of one service. A service with more to do overrides what the first group of methods offers."""

    def __init__(
        self, kind: Kind[C], cases: CaseRepository[C], groups: Mapping[str, str], clock: Callable[[], datetime]
    ) -> None:
        self.kind, self.cases, self.groups, self.clock = kind, cases, groups, clock
        self._decoders = {name: msgspec.json.Decoder(model) for name, model in kind.life.models.items()}

    # What a service may add

    def references(self, data: Sequence[EventModel]) -> Mapping[str, Any]:
        """What the catalogues say now about the openings in `data`, by the name that `reference_name` gives."""
        return {}

    def reference_name(self, data: EventModel) -> str | None:
        """Under which name `references` has what belongs to `data`; None: nothing belongs to it."""
        return None

    def beside(self, case: C) -> dict[str, Any]:
        """Fields that the document of a new live case has beside the case."""
        return {}

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
        stored = self.cases.load(case_id)
        if stored is None and not opening:
            raise NotFound(case_id)
        if first := self._first_answer(stored, key, digest):
            return first, True
        self._check(order, stored)
        write = self._write(order, stored, case_id, key, digest)
        try:
            self.cases.save(write)
        except WriteConflict:
            stored = self.cases.load(case_id)
            if first := self._first_answer(stored, key, digest):
                return first, True
            raise self._conflict(stored, order) from None
        failpoint("command.saved")
        self.observe(order.data)
        return self.answer(write.after, write.version, opened=opening), False

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
        first = msgspec.json.decode(result.answer, type=Answer)
        assert stored is not None
        return self.repeated(stored.case, first)

    def repeated(self, case: C, first: Answer) -> Answer:
        """The first answer as it is told again: a service may add what it does not keep in the document."""
        return first

    def _check(self, order: Order, stored: Stored[C] | None) -> None:
        named = getattr(order.data, "agency", None)
        holder = stored.case.agency if stored else named
        if not order.reach.covers(holder, self.groups) or (named and not order.reach.covers(named, self.groups)):
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
        case = stored.case if stored else self._new_case(case_id, order.timeline, source_ref)
        # Clocks of two machines differ: a live command is never dated before the event that it follows.
        now = order.occurred_at or max(self.clock(), from_micros(max(case.last_at, 0)))
        name = self.reference_name(order.data)
        reference = self.references([order.data]).get(name) if name else None
        after, events = self.kind.decide(case, Command(name=order.name, data=order.data, reference=reference), now)
        recorded, bodies = self._record(case, events, now, order.actor.subject)
        version = stored.version + 1 if stored else 1
        answer = self.answer(after, version, opened=stored is None)
        kept = msgspec.structs.replace(answer, receipt_code=None)
        return Write(
            before=stored, after=after, events=recorded, bodies=bodies,
            result=Result(key, digest, codec.encode_json(kept)) if key else None,
            extra=self.beside(after) if stored is None else {},
        )  # fmt: skip

    def _new_case(self, case_id: str, timeline: str, source_ref: str | None) -> C:
        return self.kind.case_type(case_id=case_id, timeline=timeline, source_ref=source_ref)

    def _record(
        self, case: C, events: Sequence[EventModel], now: datetime, by: str
    ) -> tuple[tuple[Recorded, ...], tuple[bytes, ...]]:
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
        if not reach.covers(stored.case.agency, self.groups):
            raise OutsideScope
        return stored, self.cases.history(case_id)

    # Many commands of an imported log

    def import_lines(self, timeline: str, lines: Sequence[Line], by: str) -> Imported:
        """Apply `lines`, each case's in their order, with one document write a case.

        What an earlier batch has applied is counted as repeated. A line that does not fit its case is refused with the
        reason; the lines after it in the same case are refused as well, since their ordinals then leave a gap.
        """
        by_case: dict[str, list[Line]] = {}
        for line in lines:
            by_case.setdefault(named_case_id(self.kind.life.kind, timeline, line.source_ref), []).append(line)
        outcome = _Outcome()
        open_cases = by_case
        for _ in range(IMPORT_ATTEMPTS):
            lost = self._import_once(timeline, open_cases, by, outcome)
            if not lost:
                return outcome.imported()
            open_cases = {case_id: by_case[case_id] for case_id in lost}
        raise Conflict("changing", 0, ())

    def _import_once(
        self, timeline: str, by_case: Mapping[str, Sequence[Line]], by: str, outcome: "_Outcome"
    ) -> set[str]:
        found = self.cases.load_many(by_case)
        batches: list[tuple[str, list[tuple[Line, EventModel]]]] = []
        for case_id, lines in by_case.items():
            stored = found.get(case_id)
            todo, repeated, refused = self._fresh(lines, stored.case.sequence if stored else 0)
            outcome.note(case_id, repeated=repeated, refused=refused)
            if todo:
                batches.append((case_id, todo))
        references = self.references([data for _, todo in batches for _, data in todo])
        writes: list[Write[C]] = []
        for case_id, todo in batches:
            write, refused = self._apply(timeline, case_id, found.get(case_id), todo, references, by)
            outcome.note(case_id, applied=len(write.events) if write else 0, refused=refused)
            if write:
                writes.append(write)
        lost = self.cases.save_many(writes)
        for case_id in lost:
            outcome.forget(case_id)
        for case_id, todo in batches:
            for _, data in todo if case_id not in lost else ():
                self.observe(data)
        failpoint("import.saved")
        return lost

    def _fresh(
        self, lines: Sequence[Line], sequence: int
    ) -> tuple[list[tuple[Line, EventModel]], int, list[RefusedLine]]:
        """The lines that go on from `sequence`, how many lie before it, and those that leave a gap or are no data."""
        todo: list[tuple[Line, EventModel]] = []
        refused: list[RefusedLine] = []
        repeated = 0
        for line in lines:
            if line.ordinal <= sequence:
                repeated += 1
                continue
            if line.ordinal != sequence + len(todo) + 1:
                detail = f"ordinal {sequence + len(todo) + 1} is next in this case"
                refused.append(RefusedLine(source_ref=line.source_ref, ordinal=line.ordinal, detail=detail))
                continue
            decoder = self._decoders.get(line.command)
            try:
                if decoder is None:
                    raise ValueError(f"no command {line.command!r}: there are {', '.join(self._decoders)}")
                if len(line.data) > MAX_DATA:
                    raise ValueError(f"data has {len(line.data)} bytes: {MAX_DATA} are the most")
                to_micros(line.occurred_at)
                todo.append((line, decoder.decode(line.data)))
            except (ValueError, msgspec.DecodeError) as error:
                refused.append(RefusedLine(source_ref=line.source_ref, ordinal=line.ordinal, detail=str(error)))
        return todo, repeated, refused

    def _apply(
        self, timeline: str, case_id: str, stored: Stored[C] | None, todo: Sequence[tuple[Line, EventModel]],
        references: Mapping[str, Any], by: str,
    ) -> tuple[Write[C] | None, list[RefusedLine]]:  # fmt: skip
        case = stored.case if stored else self._new_case(case_id, timeline, todo[0][0].source_ref)
        recorded: list[Recorded] = []
        bodies: list[bytes] = []
        refused: list[RefusedLine] = []
        for index, (line, data) in enumerate(todo):
            reference = references.get(self.reference_name(data) or "")
            try:
                after, events = self.kind.decide(
                    case, Command(name=line.command, data=data, reference=reference), line.occurred_at
                )
            except Refused as error:
                refused = [
                    RefusedLine(
                        source_ref=rest.source_ref, ordinal=rest.ordinal,
                        detail=error.detail if rest is line else f"ordinal {line.ordinal} was refused before it",
                    )
                    for rest, _ in todo[index:]
                ]  # fmt: skip
                break
            new, encoded = self._record(case, events, line.occurred_at, by)
            recorded += new
            bodies += encoded
            case = after
        if not recorded:
            return None, refused
        return Write(before=stored, after=case, events=tuple(recorded), bodies=tuple(bodies)), refused


class _Outcome:
    """Counts by case, so that a case that has to be done again is not counted twice."""

    def __init__(self) -> None:
        self._cases: dict[str, tuple[int, int, list[RefusedLine]]] = {}

    def note(self, case: str, applied: int = 0, repeated: int = 0, refused: Sequence[RefusedLine] = ()) -> None:
        before = self._cases.get(case, (0, 0, []))
        self._cases[case] = (before[0] + applied, before[1] + repeated, [*before[2], *refused])

    def forget(self, case: str) -> None:
        self._cases.pop(case, None)

    def imported(self) -> Imported:
        found = self._cases.values()
        return Imported(
            applied=sum(c[0] for c in found), repeated=sum(c[1] for c in found),
            refused=[line for c in found for line in c[2]],
        )  # fmt: skip
