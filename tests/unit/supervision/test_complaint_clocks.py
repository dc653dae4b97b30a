"""The clocks of a complaint's whole life, told as what happens to it (rows A1, A2, B1-B5)."""

from services.contracts.complaints import (
    ComplaintAcceptedV1,
    ComplaintAnsweredBackV1,
    ComplaintAppealedV1,
    ComplaintCalledBackV1,
    ComplaintClosedV1,
    ComplaintConcludedV1,
    ComplaintCorrectedV1,
    ComplaintDispatchedV1,
    ComplaintExtendedV1,
    ComplaintFiledV1,
    ComplaintMergedV1,
    ComplaintPausedV1,
    ComplaintRefusalAppealedV1,
    ComplaintRefusalReviewedV1,
    ComplaintRefusedV1,
    ComplaintRepliedV1,
    ComplaintResumedV1,
    ComplaintReturnedV1,
    ComplaintReviewedV1,
    ComplaintSignedOffV1,
    ComplaintSignedV1,
    ComplaintTransferredV1,
)
from services.contracts.limits import Limit
from tests.unit.supervision.builders import Case

FILED = ComplaintFiledV1(channel="hotline", offence="extortion", source_ref="row-7")
SIGNED = ComplaintSignedV1(agency="a1")
UNFOUNDED = ComplaintConcludedV1(agency="a1", finding="unfounded")
GRAVE = ComplaintConcludedV1(agency="a1", finding="verified", sign_off_required=True)
REPLIED = ComplaintRepliedV1(agency="a1")
BAD = ComplaintCalledBackV1(way="telephone", outcome="rated", satisfaction=1, redo=True)


def filed() -> Case:
    return Case().event("2026-03-02", FILED)


def in_hand() -> Case:
    case = filed().event("2026-03-02", ComplaintAcceptedV1())
    return case.event("2026-03-03", ComplaintDispatchedV1(agency="a1", officer="o1")).event("2026-03-03 10:00", SIGNED)


def replied(concluded: ComplaintConcludedV1 = UNFOUNDED) -> Case:
    return in_hand().event("2026-03-05", concluded).event("2026-03-06", REPLIED)


def test_a_grave_conclusion_that_the_head_does_not_sign_is_a_red_alert() -> None:
    case = in_hand().event("2026-03-05", GRAVE).tick("2026-03-10 23:00")
    assert "overdue sign_off" not in case.states()
    alert = case.tick("2026-03-11").alerts["overdue sign_off"]
    assert (alert.severity, alert.state, alert.agency) == ("red", "open", "a1")
    case.event("2026-03-11 10:00", ComplaintSignedOffV1(agency="a1"))
    assert case.states()["overdue sign_off"] == "settled"


def test_a_conclusion_that_needs_no_signature_starts_no_clock_for_one() -> None:
    case = in_hand().event("2026-03-05", UNFOUNDED).tick("2026-04-30")
    assert not any("sign_off" in name or "correction" in name for name in case.states())


def test_a_conclusion_sent_back_has_to_be_made_again() -> None:
    case = in_hand().event("2026-03-05", GRAVE)
    case.event("2026-03-06", ComplaintSignedOffV1(agency="a1", approved=False, reason="thin"))
    assert "overdue conclusion#2" not in case.tick("2026-03-20 23:00").states()
    assert case.tick("2026-03-21").states()["overdue conclusion#2"] == "open"


def test_what_was_verified_is_put_right_in_fifteen_days_or_there_is_an_alert_and_then_a_red_card() -> None:
    case = in_hand().event("2026-03-05", GRAVE)
    case.event("2026-03-06", ComplaintSignedOffV1(agency="a1", correction_due=True))
    assert case.tick("2026-03-27 23:00").states()["warning correction"] == "open"
    assert case.tick("2026-03-28").states()["overdue correction"] == "open"
    assert case.tick("2026-04-30").alerts["overdue correction"].severity == "red"
    case.event("2026-05-04", ComplaintCorrectedV1(agency="a1", evidence_refs=["e"]))
    assert case.states()["overdue correction"] == "settled"


def test_the_two_clocks_of_the_conclusion_run_side_by_side() -> None:
    case = in_hand().event("2026-03-04", ComplaintPausedV1(ground="appraisal", notice_ref="n", approved_by="o"))
    case.event("2026-03-24", ComplaintResumedV1())
    case.event("2026-03-25", ComplaintExtendedV1(limit=Limit(amount=5), approved_by="o", reason="r"))
    case.tick("2026-04-03")
    assert case.states().get("overdue total") == "open"
    assert "overdue conclusion" not in case.states()


def test_a_transfer_asks_the_new_agency_to_sign_in_and_the_conclusion_runs_from_the_first_dispatch() -> None:
    case = in_hand().event("2026-03-09", ComplaintTransferredV1(agency="a2", reason="r"))
    alert = case.tick("2026-03-18").alerts["overdue sign_in#2"]
    assert alert.agency == "a2"
    assert case.alerts["overdue conclusion"].agency == "a2"


def test_a_returned_complaint_that_the_office_leaves_lying_is_an_alert_of_the_office() -> None:
    case = in_hand().event("2026-03-04", ComplaintReturnedV1(agency="a1", reason="r")).tick("2026-03-06")
    assert case.alerts["overdue redispatch"].agency == "office"


def test_a_bad_rating_is_put_right_and_answered_within_fifteen_days() -> None:
    case = replied().event("2026-03-09", BAD).event("2026-03-18", UNFOUNDED).event("2026-03-30", REPLIED)
    assert "overdue redo" not in case.tick("2026-04-02").states()
    late = replied().event("2026-03-09", BAD).event("2026-03-18", UNFOUNDED).tick("2026-03-31")
    assert late.states()["overdue redo"] == "open"
    fair = ComplaintCalledBackV1(way="telephone", outcome="rated", satisfaction=4)
    assert not any("redo" in name for name in replied().event("2026-03-09", fair).tick("2026-05-30").states())


def test_nobody_called_back_is_an_alert_and_a_supplementary_reply_asks_for_no_second_call() -> None:
    assert replied().tick("2026-03-14").states()["overdue call_back"] == "open"
    case = replied().event("2026-03-09", ComplaintAppealedV1())
    case.event("2026-03-10", ComplaintRepliedV1(agency="a1", supplementary=True))
    assert not any("call_back" in name for name in case.tick("2026-05-30").states())


def test_an_appeal_has_a_clock_of_its_own_and_overturned_it_starts_the_redo() -> None:
    case = replied().event("2026-03-09", ComplaintAppealedV1()).tick("2026-03-31")
    assert case.alerts["overdue appeal"].agency == "office"
    case.event("2026-03-31 10:00", ComplaintReviewedV1(outcome="overturned", redo=True, handler="o2"))
    assert case.states()["overdue appeal"] == "settled"
    assert case.tick("2026-04-30").alerts["overdue redo"].agency == "a1"


def test_an_overturned_refusal_starts_the_dispatch_and_the_reply_that_the_refusal_had_ended() -> None:
    refused = filed().event("2026-03-02 10:00", ComplaintRefusedV1(reason="in_litigation"))
    assert refused.tick("2026-05-01").states() == {}
    case = filed().event("2026-03-02 10:00", ComplaintRefusedV1(reason="in_litigation"))
    case.event("2026-03-03", ComplaintRefusalAppealedV1()).tick("2026-03-11")
    assert case.states() == {"overdue refusal_appeal": "open"}
    case.event("2026-03-12", ComplaintRefusalReviewedV1(outcome="overturned")).tick("2026-03-14")
    assert case.states() == {"overdue refusal_appeal": "settled", "overdue dispatch": "open"}
    assert case.tick("2026-04-08").states()["unanswered reply#2"] == "open"


def test_an_upheld_refusal_starts_nothing() -> None:
    case = filed().event("2026-03-02 10:00", ComplaintRefusedV1(reason="in_litigation"))
    case.event("2026-03-03", ComplaintRefusalAppealedV1())
    case.event("2026-03-04", ComplaintRefusalReviewedV1(outcome="upheld")).tick("2026-05-30")
    assert case.states() == {}


def test_a_merged_complaint_keeps_its_reply_clock_alone() -> None:
    case = filed().event("2026-03-02 10:00", ComplaintMergedV1(into="case-0")).tick("2026-03-24")
    assert case.states() == {"unanswered reply": "open"}
    case.event("2026-03-24", ComplaintRepliedV1(lead="case-0"))
    assert case.states() == {"unanswered reply": "settled"}


def test_who_passed_it_on_is_answered_in_three_days() -> None:
    case = in_hand().event("2026-03-05", UNFOUNDED)
    case.event("2026-03-06", ComplaintRepliedV1(agency="a1", answer_back=True)).tick("2026-03-12")
    assert case.alerts["overdue answer_back"].agency == "office"
    case.event("2026-03-12", ComplaintAnsweredBackV1(channel="petition_office", their_ref="t"))
    assert case.states()["overdue answer_back"] == "settled"


def test_a_closed_complaint_is_quiet_for_ever() -> None:
    case = replied().event("2026-03-10", ComplaintClosedV1()).tick("2026-12-30")
    assert case.states() == {}


def test_a_supervisors_report_is_answered_sooner_than_other_complaints() -> None:
    report = ComplaintFiledV1(channel="supervisor", procedure="complaint-supervisor")
    case = Case().event("2026-03-02", report).tick("2026-03-13 01:00")
    assert "unanswered reply" not in case.states()
    case.tick("2026-03-17")
    assert case.states()["unanswered reply"] == "open"
    other = filed().tick("2026-03-17")
    assert "unanswered reply" not in other.states()
    case.event("2026-03-17 10:00", REPLIED)
    assert case.states()["unanswered reply"] == "settled"
