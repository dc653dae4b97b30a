"""Policy as data, compiled: per procedure, which event type does what to which clock. Free of files and of YAML."""

from typing import Any, Final

import msgspec

from services.contracts.complaints import Severity
from services.contracts.limits import Limit
from services.supervision.domain.calendar import Calendar

OFFICE: Final = "office"
SCOPES: Final = ("agency", "section", "officer", "pair")
START: Final = "start"
STOP: Final = "stop"
PAUSE: Final = "pause"
RESUME: Final = "resume"
EXTEND: Final = "extend"
RENEW: Final = "renew"


class PolicyError(ValueError):
    """Every problem of the policy files, one line each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Condition(msgspec.Struct, frozen=True):
    """True for an event when every field holds one of its values."""

    fields: tuple[tuple[str, frozenset[Any]], ...] = ()

    def holds(self, data: Any) -> bool:
        for name, values in self.fields:  # noqa: SIM110 - asked at almost every event: no generator
            if getattr(data, name, None) not in values:
                return False
        return True

    def about(self, model: type[msgspec.Struct]) -> "Condition":
        """What of it can be asked of `model`: of several event types, each is asked for the fields that it has."""
        return Condition(tuple(field for field in self.fields if field[0] in model.__struct_fields__))


class ClockSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One clock of a procedure. `warn_percent` None: no warning; `red_after` None: never a red card.

    `offence` is what a breach counts as against the agency that answers for the clock.
    """

    name: str
    label: dict[str, str]
    rule: str
    owner: str
    severity: Severity
    offence: str
    per: str | None = None
    limit: Limit | None = None
    limit_from: str | None = None
    due_from: str | None = None
    warn_percent: int | None = None
    red_after: Limit | None = None


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """What one event type does to one clock. `per`: the event's field that picks the clock, or the clocks if it is a
    list; None, or nothing in that field: all of that name.

    A start with `starts` False only starts anew (restart_on); `restart` None: a clock that has run is left alone.
    """

    clock: ClockSpec
    action: str
    per: str | None = None
    starts: bool = True
    restart: Condition | None = None


class Procedure(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    kind: str
    clocks: dict[str, ClockSpec]
    operations: dict[str, tuple[Operation, ...]]


class FactRule(msgspec.Struct, frozen=True, kw_only=True):
    """An event that counts against the agency, section and officer it names, if it holds nothing in `without`.

    `pair`: it counts for the two agencies between which it passed the case on, and for nobody alone.
    """

    when: Condition
    unless: Condition | None = None
    without: str | None = None
    pair: bool = False
    offence: str | None = None
    offence_from: str | None = None


class CasePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """policies/cases.yaml; `version` is the declared one and a hash of the content."""

    version: str
    procedures: dict[str, Procedure]
    facts: dict[str, tuple[FactRule, ...]]


class SubjectRule(msgspec.Struct, frozen=True, kw_only=True):
    """`window` in microseconds; a subject of a scope that has no threshold is not judged."""

    name: str
    label: dict[str, str]
    offences: frozenset[str]
    window: int
    window_days: int
    thresholds: dict[str, int]
    severity: Severity


class SubjectPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """policies/subjects.yaml; `version` is the declared one and a hash of the content."""

    version: str
    rules: tuple[SubjectRule, ...]


class Policies(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the folds are told: both policies and the calendar."""

    cases: CasePolicy
    subjects: SubjectPolicy
    calendar: Calendar
