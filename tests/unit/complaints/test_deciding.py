"""What policy and the roles of people do to a complaint: severity, signature, redo, appeal, correction, merging."""

from datetime import timedelta

import pytest

from services.complaints.domain.complaint import Complaint
from services.complaints.domain.deciding import decide
from services.complaints.domain.handling import Handling, graver
from services.complaints.policies import load_handling
from services.contracts import complaints as c
from services.contracts.lifecycle import Command, Refused
from tests.support.folding import POLICIES
from tests.support.sources import T0
from tests.unit.complaints.test_state_table import name_of

HANDLING = Handling(severities={"extortion": "red", "delay": "warning"}, sign_off_from="yellow", appeals=1)
FILED = c.ComplaintFiledV1(channel="hotline", agency="tax", offence="delay")
TAKEN = (FILED, c.ComplaintAcceptedV1(), c.ComplaintDispatchedV1(agency="tax", assisting=["land", "finance/budget"]))
UNFOUNDED = c.ComplaintConcludedV1(agency="tax", finding="unfounded", offence="delay")
REPLIED = (*TAKEN, UNFOUNDED, c.ComplaintRepliedV1())
BAD = c.ComplaintCalledBackV1(way="telephone", outcome="rated", satisfaction=2)


def live(*steps, handling=HANDLING, timeline="live", reference=None):
    """The complaint after `steps`, and its last event. A step is data, or (account, data)."""
    case, event = Complaint(case_id="c-1", timeline=timeline), None
    for minute, step in enumerate(steps):
        by, data = step if isinstance(step, tuple) else ("a-1", step)
        command = Command(name=name_of(data), data=data, reference=reference or handling, by=by)
        case, (event,) = decide(case, command, T0 + timedelta(minutes=minute))
    return case, event


def refused(*steps, **options):
    with pytest.raises(Refused) as error:
        live(*steps, **options)
    return error.value.slug


def concluded(**fields):
    return c.ComplaintConcludedV1(**({"agency": "tax", "finding": "verified", "evidence_refs": ["e-1"]} | fields))


def test_the_citys_policy_is_read_and_names_only_offences_and_severities(tmp_path):
    assert load_handling(POLICIES).severity_of("extortion") == "red"
    assert load_handling(tmp_path) == Handling()
    (tmp_path / "complaints.yaml").write_text("severities: {rudeness: red}\n")
    with pytest.raises(ValueError, match="rudeness"):
        load_handling(tmp_path)


def test_the_graver_severity_counts():
    assert graver(None, "notice") == "notice"
    assert graver("red", "warning") == "red"
    assert graver("warning", "yellow") == "yellow"


def test_what_is_accepted_has_the_severity_of_its_offence_unless_the_clerk_says_otherwise():
    assert live(FILED, c.ComplaintAcceptedV1())[1].severity == "warning"
    assert live(FILED, c.ComplaintAcceptedV1(severity="red"))[1].severity == "red"


@pytest.mark.parametrize("finding", ["verified", "partly"])
def test_a_finding_needs_evidence(finding):
    assert refused(*TAKEN, concluded(finding=finding, evidence_refs=[])) == "invalid"
    assert live(*TAKEN, UNFOUNDED)[0].status == "concluded"


def test_a_grave_conclusion_waits_for_the_head_whatever_was_found():
    case, event = live(*TAKEN, concluded(finding="unfounded", offence="extortion"))
    assert (case.status, event.severity, event.sign_off_required) == ("awaiting_sign_off", "red", True)
    assert refused(*TAKEN, concluded(offence="extortion"), c.ComplaintRepliedV1()) == "illegal-transition"
    assert live(*TAKEN, concluded(offence="delay"))[0].status == "concluded"


def test_an_agency_cannot_write_the_signature_away():
    case, event = live(*TAKEN, concluded(offence="extortion", sign_off_required=False, severity="notice"))
    assert (case.status, event.severity) == ("awaiting_sign_off", "red")


def test_a_conclusion_sent_back_needs_a_reason_and_is_in_hand_again():
    grave = (*TAKEN, concluded(offence="extortion"))
    assert refused(*grave, c.ComplaintSignedOffV1(agency="tax", approved=False)) == "invalid"
    assert live(*grave, c.ComplaintSignedOffV1(agency="tax", approved=False, reason="text-1"))[0].status == "signed"
    assert refused(*grave, c.ComplaintSignedOffV1(agency="land")) == "wrong-agency"


def test_a_correction_is_due_once_the_finding_stands_and_closing_waits_for_it():
    grave = (*TAKEN, concluded(offence="extortion"))
    assert not live(*grave)[0].correction_due
    case, event = live(*grave, c.ComplaintSignedOffV1(agency="tax"))
    assert case.correction_due
    assert event.correction_due
    light = (*TAKEN, concluded(offence="delay"), c.ComplaintRepliedV1())
    assert refused(*light, c.ComplaintClosedV1()) == "correction-due"
    assert refused(*light, c.ComplaintCorrectedV1(agency="tax")) == "invalid"
    done = (*light, c.ComplaintCorrectedV1(agency="tax", evidence_refs=["e-2"]))
    assert live(*done, c.ComplaintClosedV1())[0].status == "closed"
    assert refused(*done, c.ComplaintCorrectedV1(agency="tax", evidence_refs=["e-2"])) == "nothing-to-correct"


def test_a_service_request_that_was_met_leaves_nothing_to_correct():
    assert not live(*TAKEN, concluded(offence="service_request"))[0].correction_due


def test_a_bad_rating_is_handled_again_once():
    case, event = live(*REPLIED, BAD)
    assert (case.status, event.redo) == ("redo", True)
    again = (*REPLIED, BAD, UNFOUNDED, c.ComplaintRepliedV1(), BAD)
    assert (live(*again)[0].status, live(*again)[1].redo) == ("called_back", False)


@pytest.mark.parametrize("rating", [3, 4, 5])
def test_a_fair_rating_is_not(rating):
    data = c.ComplaintCalledBackV1(way="visit", outcome="rated", satisfaction=rating, redo=True)
    assert live(*REPLIED, data)[0].status == "called_back"


@pytest.mark.parametrize("outcome", ["unreachable", "declined"])
def test_a_rating_belongs_to_a_person_who_was_reached(outcome):
    with_rating = c.ComplaintCalledBackV1(way="telephone", outcome=outcome, satisfaction=1)
    assert refused(*REPLIED, with_rating) == "invalid"
    assert refused(*REPLIED, c.ComplaintCalledBackV1(way="telephone", outcome="rated")) == "invalid"


APPEAL, UPHELD = c.ComplaintAppealedV1(ground="facts"), c.ComplaintReviewedV1(outcome="upheld")


def test_an_appeal_is_decided_by_somebody_else_than_whoever_concluded_or_signed():
    steps = (
        *TAKEN, ("tax-1", concluded(offence="extortion")), ("tax-head", c.ComplaintSignedOffV1(agency="tax")),
        c.ComplaintRepliedV1(), APPEAL,
    )  # fmt: skip
    for handler in ("tax-1", "tax-head"):
        assert refused(*steps, (handler, UPHELD)) == "same-handler"
    case, event = live(*steps, ("office-2", UPHELD))
    assert (case.status, event.handler) == ("upheld", "office-2")
    overturned = c.ComplaintReviewedV1(outcome="overturned")
    assert live(*steps, ("office-2", overturned))[0].status == "redo"


def test_a_name_given_in_the_body_does_not_hide_who_decides():
    steps = (*TAKEN, ("tax-1", UNFOUNDED), c.ComplaintRepliedV1(), APPEAL)
    disguised = c.ComplaintReviewedV1(outcome="upheld", handler="somebody-else")
    assert refused(*steps, ("tax-1", disguised)) == "same-handler"


def test_the_last_instance_is_the_last():
    assert refused(*REPLIED, APPEAL, ("o-2", UPHELD), APPEAL) == "final"


def test_a_refusal_is_reviewed_by_somebody_else_and_overturned_it_is_accepted():
    refusal = (FILED, ("clerk-1", c.ComplaintRefusedV1(reason="in_litigation")), c.ComplaintRefusalAppealedV1())
    overturned = c.ComplaintRefusalReviewedV1(outcome="overturned")
    assert refused(*refusal, ("clerk-1", overturned)) == "same-handler"
    assert live(*refusal, ("office-1", overturned))[0].status == "accepted"
    upheld = c.ComplaintRefusalReviewedV1(outcome="upheld")
    assert live(*refusal, ("office-1", upheld))[0].status == "refusal_upheld"


def test_assisting_agencies_and_sections_give_their_opinion_and_the_lead_does_not():
    for agency in ("land", "finance"):
        live(*TAKEN, c.ComplaintAdvisedV1(agency=agency))
    assert refused(*TAKEN, c.ComplaintAdvisedV1(agency="tax")) == "wrong-agency"


def test_a_transfer_changes_the_lead_without_a_return():
    moved = (*TAKEN, c.ComplaintTransferredV1(agency="land", reason="text-1"))
    assert (live(*moved)[0].status, live(*moved)[0].agency) == ("dispatched", "land")
    assert refused(*moved, UNFOUNDED) == "wrong-agency"


def test_who_passed_it_on_is_answered_under_their_own_number():
    passed = c.ComplaintFiledV1(channel="procuratorate", intake={"their_ref": "text-9"})
    told = (passed, *TAKEN[1:], UNFOUNDED, c.ComplaintRepliedV1())
    assert live(*told)[1].answer_back
    assert not live(*REPLIED)[1].answer_back
    wrong = c.ComplaintAnsweredBackV1(channel="procuratorate", their_ref="text-8")
    assert refused(*told, wrong) == "invalid"
    assert live(*told, c.ComplaintAnsweredBackV1(channel="procuratorate", their_ref="text-9"))[0].status == "replied"
    assert live(passed, c.ComplaintRefusedV1(reason="in_litigation"))[1].answer_back


def test_a_reply_after_the_first_is_supplementary():
    assert not live(*REPLIED)[1].supplementary
    assert live(*REPLIED, c.ComplaintRepliedV1())[1].supplementary


def test_a_case_is_merged_into_one_filed_earlier_that_is_handled_itself():
    merge = c.ComplaintMergedV1(into="c-0")
    earlier = Complaint(case_id="c-0", status="dispatched", filed_at=1)
    assert live(FILED, merge, reference=earlier)[0].merged_into == "c-0"
    bad = {
        "lead-case-later": Complaint(case_id="c-0", status="filed", filed_at=2**60),
        "lead-case-not-handled": Complaint(case_id="c-0", status="merged", merged_into="c-9"),
        "no-lead-case": Complaint(case_id="c-0", timeline="city-1"),
    }
    for slug, lead in bad.items():
        assert refused(FILED, merge, reference=lead) == slug
    assert refused(FILED, merge) == "no-lead-case"


def test_a_log_of_another_timeline_says_itself_what_happened():
    steps = (*TAKEN, concluded(offence="extortion", evidence_refs=[]))
    case, event = live(*steps, timeline="city-1")
    assert (case.status, event) == ("concluded", steps[-1])
