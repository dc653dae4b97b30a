"""Generated lives of cases, and how they are folded with true ticks. Strategies only, no tests."""

from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import strategies as st

from services.contracts.approvals import (
    ApprovalAcceptedV1,
    ApprovalAppliedV1,
    ApprovalDecidedV1,
    ApprovalDeliveredV1,
    ApprovalExtendedV1,
    ApprovalPausedV1,
    ApprovalResumedV1,
    ApprovalStageFinishedV1,
    ApprovalStageStartedV1,
)
from services.contracts.complaints import (
    ComplaintAcceptedV1,
    ComplaintConcludedV1,
    ComplaintDispatchedV1,
    ComplaintExtendedV1,
    ComplaintFiledV1,
    ComplaintRepliedV1,
    ComplaintReturnedV1,
    ComplaintSignedV1,
)
from services.contracts.directives import DirectiveIssuedV1, DirectiveReportedV1, DirectiveVerifiedV1
from services.contracts.envelope import Event, EventModel
from services.contracts.limits import Limit
from tests.unit.supervision.builders import Case, event, when

T0 = when("2026-01-26 08:00")
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
AGENCIES = st.sampled_from(["a1", "a2"])
LIMITS = st.builds(Limit, amount=st.integers(0, 12), unit=st.sampled_from(["working_days", "calendar_days", "hours"]))
MAYBE_LIMITS = st.none() | LIMITS
MOMENTS = st.integers(0, 90 * 24 * 4).map(lambda quarter: T0 + timedelta(minutes=15 * quarter))
DUES = st.none() | MOMENTS
COMPLAINT = st.one_of(
    st.builds(ComplaintAcceptedV1),
    st.builds(ComplaintDispatchedV1, agency=AGENCIES, officer=st.sampled_from([None, "o1"]), due_at=DUES),
    st.builds(ComplaintSignedV1, agency=AGENCIES, section=st.just("s1")),
    st.builds(ComplaintReturnedV1, agency=AGENCIES, reason=st.just("r")),
    st.builds(ComplaintExtendedV1, limit=LIMITS, approved_by=st.just("h"), reason=st.just("r")),
    st.builds(ComplaintConcludedV1, agency=AGENCIES, finding=st.sampled_from(["verified", "unfounded"])),
    st.builds(ComplaintRepliedV1),
)
STAGES = st.sampled_from(["survey", "design"])
APPROVAL = st.one_of(
    st.builds(ApprovalAcceptedV1, agency=AGENCIES, promised_limit=MAYBE_LIMITS, statutory_limit=MAYBE_LIMITS),
    st.builds(ApprovalStageStartedV1, stage=STAGES, agency=AGENCIES, limit=MAYBE_LIMITS, due_at=DUES),
    st.builds(ApprovalStageFinishedV1, stage=STAGES, agency=AGENCIES),
    st.builds(ApprovalPausedV1, agency=AGENCIES, ground=st.just("hearing"), notice_ref=st.just("n")),
    st.builds(ApprovalResumedV1, agency=AGENCIES),
    st.builds(ApprovalExtendedV1, agency=AGENCIES, limit=LIMITS, approved_by=st.just("h"), notice_ref=st.just("n")),
    st.builds(ApprovalDecidedV1, agency=AGENCIES, outcome=st.just("granted")),
    st.builds(ApprovalDeliveredV1, agency=AGENCIES),
)
DIRECTIVE = st.one_of(
    st.builds(DirectiveReportedV1, agency=AGENCIES),
    st.builds(DirectiveVerifiedV1, agency=AGENCIES, accepted=st.booleans(), limit=MAYBE_LIMITS, due_at=DUES),
)
OPENINGS: list[tuple[EventModel, st.SearchStrategy[EventModel]]] = [
    (ComplaintFiledV1(channel="letter"), COMPLAINT),
    (ComplaintFiledV1(channel="letter", procedure="complaint-sla"), COMPLAINT),
    (ApprovalAppliedV1(item="i", agency="a1"), APPROVAL),
    (DirectiveIssuedV1(agency="a1", kind="rectification"), DIRECTIVE),
]


@st.composite
def lives(draw: st.DrawFn, ordered: bool = True) -> list[Event]:
    """The events of one case, in the order of sequence; times in order too, or not."""
    opening, rest = draw(st.sampled_from(OPENINGS))
    models = [opening, *draw(st.lists(rest, max_size=9))]
    times = draw(st.lists(MOMENTS, min_size=len(models), max_size=len(models)))
    if ordered:
        times.sort()
    return [event(at, models[number], number + 1, "case-1") for number, at in enumerate(times)]


def said(case: Case) -> list[bytes]:
    """Every alert version and every fact, as bytes, in the order of their names."""
    return sorted(msgspec.msgpack.encode((effect.id, effect.time, effect.data)) for effect in case.effects)


def run(life: list[Event], ticks: list[datetime] | None = None) -> Case:
    """The case with true ticks: none is ahead of an event that comes after it."""
    case, waiting = Case(), sorted(ticks or [])
    for position, record in enumerate(life):
        ahead = min(later.time for later in life[position:])
        while waiting and waiting[0] <= ahead:
            case.tick(waiting.pop(0))
        case.take(record)
    for tick in [*waiting, T0 + timedelta(days=400)]:
        case.tick(tick)
    return case
