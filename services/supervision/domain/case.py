"""What the cases fold remembers of one case, and who answers for it. Free of policy."""

from typing import Any

from services.contracts.envelope import Event
from services.supervision.domain.clock import Clock
from services.supervision.domain.fold import State
from services.supervision.domain.policy import OFFICE, ClockSpec

OPENINGS = frozenset({"complaint.filed.v1", "approval.applied.v1", "inspection.visited.v1", "directive.issued.v1"})
# Who holds a case. A complaint is the office's until it is dispatched: whom it is about does not answer for that.
HOLDERS = frozenset({
    "complaint.dispatched.v1", "complaint.transferred.v1", "complaint.signed.v1", "approval.applied.v1",
    "approval.accepted.v1", "inspection.visited.v1", "directive.issued.v1",
})  # fmt: skip

MISSING_KEPT = 32
Holder = tuple[str | None, str | None, str | None]


class CaseState(State, array_like=True, kw_only=True):
    """One case. `closed` holds the last round of clocks that ended with nothing to say; `gaps` counts the sequences
    never seen and `missing` names the newest of them, in order; `reason` says why the case has no clocks."""

    case_id: str
    kind: str
    procedure: str | None = None
    reason: str | None = None
    source_ref: str | None = None
    agency: str | None = None
    section: str | None = None
    officer: str | None = None
    last: int = 0
    gaps: int = 0
    clocks: list[Clock] = []
    closed: dict[str, int] = {}
    missing: list[int] = []


def count(state: CaseState, sequence: int) -> bool:
    """Takes a new `sequence` into account; True when it was skipped before and comes late."""
    if sequence > state.last:
        if sequence > state.last + 1:
            state.gaps += sequence - state.last - 1
            skipped = range(state.last + 1, sequence)[-MISSING_KEPT:]
            state.missing = [*state.missing, *skipped][-MISSING_KEPT:]
        state.last = sequence
        return False
    state.missing.remove(sequence)
    state.gaps -= 1
    return True


def hold(state: CaseState, data: Any) -> None:
    """The case is now in the hands of the agency that `data` names; a colleague's name stays while the agency does."""
    section, officer = getattr(data, "section", None), getattr(data, "officer", None)
    if data.agency != state.agency:
        state.agency, state.section, state.officer = data.agency, section, officer
    else:
        state.section = section or state.section
        state.officer = officer or state.officer


def named(name: str) -> Holder:
    """Who is meant by "finance" or by "finance/budget"."""
    agency, _, section = name.partition("/")
    return agency, section or None, None


def answerable(state: CaseState, clock: Clock, spec: ClockSpec) -> Holder:
    """Agency, section and officer who answer for a clock: the office, who holds the stage, or who holds the case."""
    if spec.owner == OFFICE:
        return OFFICE, None, None
    if clock.holder is not None:
        return clock.holder
    return (state.agency, state.section, state.officer) if state.agency is not None else (OFFICE, None, None)


def accused(state: CaseState, event: Event) -> Holder:
    """Agency, section and officer whom an event speaks of, completed from the holder when it is the same agency."""
    data = event.data
    agency = data.agency if data.agency is not None else state.agency
    section, officer = getattr(data, "section", None), getattr(data, "officer", None)
    if agency == state.agency:
        section, officer = section or state.section, officer or state.officer
    return agency, section, officer
