"""Many commands of an imported log at once: one document write a case, a few round trips a batch. Free of HTTP."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from services.contracts.envelope import EventModel
from services.contracts.identifiers import case_id as named_case_id
from services.contracts.instants import to_micros
from services.contracts.lifecycle import Command, Refused
from services.shared.cases import Recorded, Stored, Write
from services.shared.commands import CaseService, Conflict
from services.shared.failpoints import failpoint

ATTEMPTS = 5
MAX_DATA = 64 * 1024


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


class Importer:
    """Applies the lines of imported logs to the cases of one service."""

    def __init__(self, service: CaseService[Any]) -> None:
        self._service = service
        models = service.kind.life.models
        self._decoders = {name: msgspec.json.Decoder(model) for name, model in models.items()}

    def apply(self, timeline: str, lines: Sequence[Line], by: str) -> Imported:
        """Apply `lines`, each case's in their order, with one document write a case.

        What an earlier batch has applied is counted as repeated. A line that does not fit its case is refused with the
        reason; the lines after it in the same case are refused as well, since their ordinals then leave a gap.
        """
        by_case: dict[str, list[Line]] = {}
        for line in lines:
            by_case.setdefault(named_case_id(self._service.kind.life.kind, timeline, line.source_ref), []).append(line)
        outcome = _Outcome()
        open_cases = by_case
        for _ in range(ATTEMPTS):
            lost = self._import_once(timeline, open_cases, by, outcome)
            if not lost:
                return outcome.imported()
            open_cases = {case_id: by_case[case_id] for case_id in lost}
        raise Conflict("changing", 0, ())

    def _import_once(
        self, timeline: str, by_case: Mapping[str, Sequence[Line]], by: str, outcome: _Outcome
    ) -> set[str]:
        found = self._service.cases.load_many(by_case)
        batches: list[tuple[str, list[tuple[Line, EventModel]]]] = []
        for case_id, lines in by_case.items():
            stored = found.get(case_id)
            todo, repeated, refused = self._fresh(lines, stored.case.sequence if stored else 0)
            outcome.note(case_id, repeated=repeated, refused=refused)
            if todo:
                batches.append((case_id, todo))
        references = self._service.references([data for _, todo in batches for _, data in todo])
        writes: list[Write[Any]] = []
        for case_id, todo in batches:
            write, refused = self._decide(timeline, case_id, found.get(case_id), todo, references, by)
            outcome.note(case_id, applied=len(write.events) if write else 0, refused=refused)
            if write:
                writes.append(write)
        lost = self._service.cases.save_many(self._service.complete(writes))
        for case_id in lost:
            outcome.forget(case_id)
        for case_id, todo in batches:
            for _, data in todo if case_id not in lost else ():
                self._service.observe(data)
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

    def _decide(
        self, timeline: str, case_id: str, stored: Stored[Any] | None, todo: Sequence[tuple[Line, EventModel]],
        references: Mapping[str, Any], by: str,
    ) -> tuple[Write[Any] | None, list[RefusedLine]]:  # fmt: skip
        case = stored.case if stored else self._service.new_case(case_id, timeline, todo[0][0].source_ref)
        recorded: list[Recorded] = []
        bodies: list[bytes] = []
        refused: list[RefusedLine] = []
        for index, (line, data) in enumerate(todo):
            reference = references.get(self._service.reference_name(data) or "")
            try:
                after, events = self._service.kind.decide(
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
            new, encoded = self._service.record(case, events, line.occurred_at, by)
            recorded += new
            bodies += encoded
            case = after
        if not recorded:
            return None, refused
        return Write(before=stored, after=case, events=tuple(recorded), bodies=tuple(bodies)), refused
