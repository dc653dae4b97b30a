"""The state tables of the four sources, walked at random and looked at as tables."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.approvals.domain import approval
from services.complaints.domain import complaint, deciding
from services.contracts import approvals as a
from services.contracts import complaints as c
from services.contracts import directives as d
from services.contracts import inspections as i
from services.contracts.lifecycle import NEW, Command, Refused
from services.contracts.limits import Limit
from services.directives.domain import directive
from services.inspections.domain import inspection
from tests.support.sources import T0

LIMIT = Limit(amount=5)
DATA = {
    "complaint": [
        c.ComplaintFiledV1(channel="hotline", agency="tax"), c.ComplaintAcceptedV1(),
        c.ComplaintRefusedV1(reason="in_litigation"), c.ComplaintDispatchedV1(agency="tax", assisting=["land"]),
        c.ComplaintDispatchedV1(agency="land"), c.ComplaintSignedV1(agency="tax"), c.ComplaintSignedV1(agency="land"),
        c.ComplaintReturnedV1(agency="tax", reason="not ours"), c.ComplaintRespondedV1(agency="land"),
        c.ComplaintExtendedV1(limit=LIMIT, approved_by="o-1", reason="expert"),
        c.ComplaintConcludedV1(agency="tax", finding="verified"), c.ComplaintRepliedV1(),
        c.ComplaintConcludedV1(agency="land", finding="partly", sign_off_required=True, correction_due=True),
        c.ComplaintConcludedV1(agency="tax", finding="unfounded", handler="tax-1"), c.ComplaintMergedV1(into="c-1"),
        c.ComplaintRefusalAppealedV1(), c.ComplaintRefusalReviewedV1(outcome="upheld"),
        c.ComplaintRefusalReviewedV1(outcome="overturned"), c.ComplaintTransferredV1(agency="land", reason="theirs"),
        c.ComplaintAdvisedV1(agency="land"), c.ComplaintResumedV1(),
        c.ComplaintPausedV1(ground="testing", notice_ref="n", approved_by="o-1"),
        c.ComplaintSignedOffV1(agency="land"), c.ComplaintSignedOffV1(agency="tax"),
        c.ComplaintSignedOffV1(agency="land", approved=False, reason="thin"), c.ComplaintRepliedV1(lead="c-1"),
        c.ComplaintAnsweredBackV1(channel="hotline", their_ref="t"), c.ComplaintAppealedV1(),
        c.ComplaintCalledBackV1(way="telephone", outcome="rated", satisfaction=1, redo=True),
        c.ComplaintCalledBackV1(way="visit", outcome="unreachable"), c.ComplaintReviewedV1(outcome="upheld"),
        c.ComplaintReviewedV1(outcome="overturned", redo=True, handler="tax-1"), c.ComplaintClosedV1(),
        c.ComplaintCorrectedV1(agency="land"), c.ComplaintCorrectedV1(agency="tax"),
    ],
    "approval": [
        a.ApprovalAppliedV1(item="x", agency="tax"), a.ApprovalAcceptedV1(agency="tax"),
        a.ApprovalRefusedV1(agency="tax", reason="incomplete"), a.ApprovalStageStartedV1(stage="survey", agency="tax"),
        a.ApprovalStageStartedV1(stage="review", agency="tax"), a.ApprovalStageFinishedV1(stage="survey", agency="tax"),
        a.ApprovalStageFinishedV1(stage="review", agency="tax"),
        a.ApprovalPausedV1(agency="tax", ground="hearing", notice_ref="n"), a.ApprovalResumedV1(agency="tax"),
        a.ApprovalExtendedV1(agency="tax", limit=LIMIT, approved_by="o-1", notice_ref="n"),
        a.ApprovalDecidedV1(agency="tax", outcome="granted"), a.ApprovalDecidedV1(agency="tax", outcome="withdrawn"),
        a.ApprovalDeliveredV1(agency="tax"),
    ],
    "inspection": [
        i.InspectionVisitedV1(agency="tax", covert=True), i.InspectionClosedV1(agency="tax"),
        *[i.InspectionFoundV1(agency="tax", finding_id=f, offence="delay") for f in "abc"],
        i.InspectionFoundV1(agency="land", finding_id="d", offence="delay"),
    ],
    "directive": [
        d.DirectiveIssuedV1(agency="tax", kind="rotation", limit=LIMIT), d.DirectiveReportedV1(agency="tax"),
        d.DirectiveIssuedV1(agency="tax", kind="rotation", limit=LIMIT, due_at=T0 + timedelta(days=9)),
        d.DirectiveReportedV1(agency="land"), d.DirectiveVerifiedV1(agency="tax", accepted=True),
        d.DirectiveVerifiedV1(agency="tax", accepted=False, limit=LIMIT),
        d.DirectiveVerifiedV1(agency="tax", accepted=False, due_at=T0 - timedelta(days=1)),
    ],
}  # fmt: skip
LIVES = {
    "complaint": (complaint.LIFE, deciding.decide, complaint.Complaint),
    "approval": (approval.LIFE, approval.decide, approval.Approval),
    "inspection": (inspection.LIFE, inspection.decide, inspection.Inspection),
    "directive": (directive.LIFE, directive.decide, directive.Directive),
}
kinds = pytest.mark.parametrize("kind", LIVES)


def command_of(life, data):
    return Command(name=next(n for n, model in life.models.items() if type(data) is model), data=data)


def tried(decide, case, command, at):
    """What `decide` returns and None, or the case as it was and why the command was refused."""
    try:
        return *decide(case, command, at), None
    except Refused as refused:
        return case, (), refused


def new(kind):
    return LIVES[kind][2](case_id=f"{kind}-1")


def after(kind, *steps):
    """The case after `steps`, a minute apart."""
    life, decide, _ = LIVES[kind]
    case = new(kind)
    for minute, data in enumerate(steps):
        case, _ = decide(case, command_of(life, data), T0 + timedelta(minutes=minute))
    return case


@kinds
def test_the_table_is_closed_reachable_and_every_command_has_its_event(kind):
    life = LIVES[kind][0]
    reached, waiting = set(), [NEW]
    while waiting:
        status = waiting.pop()
        reached.add(status)
        waiting += [n for nexts in life.table[status].values() for n in nexts if n not in reached]
    assert reached == set(life.table)
    assert {name for row in life.table.values() for name in row} == set(life.models)
    assert list(life.table[NEW]) == [life.opening]


@kinds
def test_the_diagram_names_every_status_and_command(kind):
    module = {"complaint": complaint, "approval": approval, "inspection": inspection, "directive": directive}[kind]
    for word in (*LIVES[kind][0].table, *LIVES[kind][0].models):
        assert word in module.__doc__


@kinds
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_random_walk_never_leaves_the_table(kind, data):
    life, decide, _ = LIVES[kind]
    case, at, events = new(kind), T0, []
    for _ in range(data.draw(st.integers(1, 25))):
        step = data.draw(st.sampled_from(DATA[kind]))
        at += timedelta(minutes=data.draw(st.integers(-3, 60)))
        command = command_of(life, step)
        moved, found, refused = tried(decide, case, command, at)
        if refused:
            assert (moved, refused.status, refused.allowed) == (case, case.status, life.allowed(case.status))
            assert refused.detail
            at = max(at, T0)
            continue
        assert moved.status in life.table[case.status][command.name]
        assert moved.sequence == case.sequence + len(found)
        assert moved.last_at >= case.last_at
        assert (moved.case_id, moved.timeline) == (case.case_id, case.timeline)
        assert decide(case, command, at) == (moved, found)
        events += found
        case = moved
    assert case.sequence == len(events)


@kinds
def test_an_event_before_the_last_one_is_refused(kind):
    life, decide, _ = LIVES[kind]
    first, second = DATA[kind][0], DATA[kind][1]
    case = after(kind, first)
    with pytest.raises(Refused) as refused:
        decide(case, command_of(life, second), T0 - timedelta(seconds=1))
    assert refused.value.slug in {"out-of-order", "illegal-transition"}
    decide(case, command_of(life, second), T0)


FILED, ACCEPTED = c.ComplaintFiledV1(channel="open311"), c.ComplaintAcceptedV1()
DISPATCHED = c.ComplaintDispatchedV1(agency="tax")


def test_a_complaint_is_concluded_straight_after_dispatch_as_logs_have_it():
    concluded = c.ComplaintConcludedV1(agency="tax", finding="verified")
    case = after("complaint", FILED, ACCEPTED, DISPATCHED, concluded, c.ComplaintRepliedV1())
    assert (case.status, case.sequence) == ("replied", 5)


def test_a_returned_complaint_is_dispatched_again_to_another_agency():
    returned = c.ComplaintReturnedV1(agency="tax", reason="not ours")
    case = after("complaint", FILED, ACCEPTED, DISPATCHED, returned, c.ComplaintDispatchedV1(agency="land"))
    assert (case.status, case.agency) == ("dispatched", "land")


def test_a_refused_complaint_is_replied_to():
    case = after("complaint", FILED, c.ComplaintRefusedV1(reason="in_litigation"), c.ComplaintRepliedV1())
    assert (case.status, case.sequence) == ("refused", 3)


def test_an_assisting_agency_responds_but_does_not_conclude():
    steps = FILED, ACCEPTED, c.ComplaintDispatchedV1(agency="tax", assisting=["land"])
    after("complaint", *steps, c.ComplaintRespondedV1(agency="land"))
    with pytest.raises(Refused, match="lies with tax"):
        after("complaint", *steps, c.ComplaintConcludedV1(agency="land", finding="verified"))


APPLIED, TAKEN = a.ApprovalAppliedV1(item="x", agency="tax"), a.ApprovalAcceptedV1(agency="tax")
START, FINISH = (a.ApprovalStageStartedV1(stage="survey", agency="tax"),
                 a.ApprovalStageFinishedV1(stage="survey", agency="tax"))  # fmt: skip
GRANTED = a.ApprovalDecidedV1(agency="tax", outcome="granted")


def test_a_stage_runs_again_only_after_it_finished_and_also_after_the_decision():
    case = after("approval", APPLIED, TAKEN, START, FINISH, START, GRANTED, FINISH, START)
    assert (case.status, case.open_stages) == ("decided", ("survey",))
    with pytest.raises(Refused, match="running already"):
        after("approval", APPLIED, TAKEN, START, START)
    with pytest.raises(Refused, match="is not running"):
        after("approval", APPLIED, TAKEN, FINISH)


def test_while_paused_a_stage_finishes_none_starts_and_only_a_withdrawal_decides():
    paused = a.ApprovalPausedV1(agency="tax", ground="hearing", notice_ref="n-1")
    after("approval", APPLIED, TAKEN, START, paused, FINISH)
    with pytest.raises(Refused, match="it accepts finish-stage, resume, decide"):
        after("approval", APPLIED, TAKEN, paused, START)
    with pytest.raises(Refused, match="resume first"):
        after("approval", APPLIED, TAKEN, paused, GRANTED)
    withdrawn = a.ApprovalDecidedV1(agency="tax", outcome="withdrawn")
    assert after("approval", APPLIED, TAKEN, paused, withdrawn).status == "decided"


def test_a_rejected_report_opens_the_directive_again():
    issued, reported = d.DirectiveIssuedV1(agency="tax", kind="rectification"), d.DirectiveReportedV1(agency="tax")
    again = d.DirectiveVerifiedV1(agency="tax", accepted=False, limit=LIMIT)
    done = d.DirectiveVerifiedV1(agency="tax", accepted=True)
    case = after("directive", issued, reported, again, reported, done)
    assert (case.status, case.reports) == ("verified", 2)


def test_a_directive_takes_one_term_that_has_not_passed():
    both = d.DirectiveIssuedV1(agency="tax", kind="other", limit=LIMIT, due_at=T0 + timedelta(days=1))
    past = d.DirectiveIssuedV1(agency="tax", kind="other", due_at=T0 - timedelta(days=1))
    for data in (both, past):
        with pytest.raises(Refused) as refused:
            after("directive", data)
        assert refused.value.slug == "invalid"


def test_a_finding_is_recorded_once_and_about_the_agency_that_was_visited():
    visited = i.InspectionVisitedV1(agency="tax", covert=True)
    found = i.InspectionFoundV1(agency="tax", finding_id="f", offence="delay")
    assert after("inspection", visited, found).findings == ("f",)
    with pytest.raises(Refused, match="recorded already"):
        after("inspection", visited, found, found)
    with pytest.raises(Refused, match="needs a visit of its own"):
        after("inspection", visited, i.InspectionFoundV1(agency="land", finding_id="g", offence="delay"))
