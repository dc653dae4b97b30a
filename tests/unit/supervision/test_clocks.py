"""Clocks of single cases, told as what happens to a complaint, a permit or a directive."""

from datetime import date, timedelta

import pytest

from services.contracts.alerts import AlertV1
from services.contracts.approvals import (
    ApprovalAcceptedV1,
    ApprovalAppliedV1,
    ApprovalDecidedV1,
    ApprovalExtendedV1,
    ApprovalPausedV1,
    ApprovalResumedV1,
    ApprovalStageFinishedV1,
    ApprovalStageStartedV1,
)
from services.contracts.clock import CalendarDecreedV1
from services.contracts.complaints import (
    ComplaintAcceptedV1,
    ComplaintConcludedV1,
    ComplaintDispatchedV1,
    ComplaintExtendedV1,
    ComplaintFiledV1,
    ComplaintRefusedV1,
    ComplaintRepliedV1,
    ComplaintRespondedV1,
    ComplaintReturnedV1,
    ComplaintSignedV1,
)
from services.contracts.conversation import ComplaintAskedV1, ComplaintSupplementedV1
from services.contracts.directives import DirectiveIssuedV1, DirectiveReportedV1, DirectiveVerifiedV1
from services.contracts.instants import to_micros
from services.contracts.limits import Limit
from tests.unit.supervision.builders import Case, end_of, when

DUE = when("2026-03-05 12:00")
FILED = ComplaintFiledV1(channel="hotline", procedure="complaint-sla", source_ref="row-7")
DISPATCHED = ComplaintDispatchedV1(agency="a1", section="s1", officer="o1", due_at=DUE)
CONCLUDED = ComplaintConcludedV1(agency="a1", finding="unfounded")
APPLIED = ApprovalAppliedV1(item="i1", agency="a1", section="s1", officer="o1")
DECIDED = ApprovalDecidedV1(agency="a1", outcome="granted")
PAUSED = ApprovalPausedV1(agency="a1", ground="hearing", notice_ref="n1")
RESUMED = ApprovalResumedV1(agency="a1")
RIGHT_AFTER = timedelta(microseconds=1)


def sla() -> Case:
    return Case().event("2026-03-02", FILED).event("2026-03-02", DISPATCHED)


def permit(accepted: str = "2026-03-02", days: int = 10) -> Case:
    promised = Limit(amount=days)
    return (
        Case("permit-1")
        .event(accepted, APPLIED)
        .event(accepted, ApprovalAcceptedV1(agency="a1", promised_limit=promised, statutory_limit=Limit(amount=20)))
    )


def due_of(case: Case, clock: str) -> int:
    return next(c.due for c in case.state.clocks if c.name == clock)


# A deadline that the source set


def test_answer_at_the_very_due_time_is_in_time() -> None:
    assert sla().event(DUE, CONCLUDED).tick("2026-04-01").alerts == {}


def test_answer_one_microsecond_late_settles_but_stays_on_record() -> None:
    alert = sla().event(DUE + RIGHT_AFTER, CONCLUDED).alerts["overdue conclusion"]
    assert (alert.state, alert.version, alert.settled_at) == ("settled", 2, DUE + RIGHT_AFTER)
    assert (alert.due_at, alert.raised_at) == (DUE, DUE + RIGHT_AFTER)
    assert (alert.source_ref, alert.agency, alert.section, alert.officer) == ("row-7", "a1", "s1", "o1")


def test_a_tick_at_the_due_time_accuses_nobody_and_the_next_one_does() -> None:
    case = sla().tick(DUE)
    assert case.alerts == {}
    assert case.tick(DUE + RIGHT_AFTER).states() == {"overdue conclusion": "open"}


def test_an_answer_that_was_in_time_but_arrived_late_corrects_the_alert() -> None:
    case = sla().tick("2026-03-10").event("2026-03-04", CONCLUDED)
    alert = case.alerts["overdue conclusion"]
    assert (alert.state, alert.version, alert.corrected_at) == ("corrected", 2, when("2026-03-10"))
    assert [fact.offence for fact in case.facts] == ["overdue"] * 3 + ["overdue:corrected"] * 3
    assert [fact.evidence for fact in case.facts[3:]] == [[fact.fact_id] for fact in case.facts[:3]]


def test_a_late_answer_followed_by_the_record_of_a_punctual_one_is_corrected() -> None:
    case = sla().event("2026-03-09", CONCLUDED).event("2026-03-05 11:00", CONCLUDED)
    alert = case.alerts["overdue conclusion"]
    assert (alert.state, alert.version) == ("corrected", 3)
    assert alert.settled_at is not None


def test_a_breach_counts_against_agency_section_and_officer() -> None:
    facts = sla().tick("2026-03-06").facts
    assert [fact.subject for fact in facts] == ["agency:a1", "section:a1/s1", "officer:o1"]
    assert {fact.offence for fact in facts} == {"overdue"}
    assert {fact.known_at for fact in facts} == {DUE + RIGHT_AFTER}


def test_a_deadline_already_passed_at_dispatch_is_a_breach_known_now() -> None:
    case = Case().tick("2026-03-08").event("2026-03-06", FILED).event("2026-03-06", DISPATCHED)
    assert case.states() == {"overdue conclusion": "open"}
    assert {fact.known_at for fact in case.facts} == {when("2026-03-08")}


def test_a_repeated_record_changes_nothing() -> None:
    case = sla().tick("2026-03-06")
    before = (case.state, len(case.effects))
    assert case.event("2026-03-02", DISPATCHED, sequence=2).state == before[0]
    assert len(case.effects) == before[1]


def test_a_gap_in_the_sequence_is_counted_and_tolerated() -> None:
    case = Case().event("2026-03-02", FILED, 1).event("2026-03-02", DISPATCHED, 4)
    assert case.state.gaps == 2
    assert case.tick("2026-03-06").states() == {"overdue conclusion": "open"}


def test_a_case_without_its_opening_has_no_clocks_and_says_why() -> None:
    case = Case().event("2026-03-02", DISPATCHED, 2).event("2026-03-09", CONCLUDED, 3)
    assert (case.alerts, case.state.reason) == ({}, "its opening event was never seen")


@pytest.mark.parametrize("procedure", ["no-such", "permit-standard"])
def test_an_unknown_procedure_or_one_of_another_kind_has_no_clocks_and_says_why(procedure: str) -> None:
    case = Case().event("2026-03-02", ComplaintFiledV1(channel="hotline", procedure=procedure))
    assert case.event("2026-03-02", DISPATCHED).tick("2027-01-01").alerts == {}
    assert procedure in case.state.reason


# Working days


def test_a_complaint_nobody_owns_goes_unanswered_on_the_office_and_no_agency() -> None:
    case = Case().event("2026-03-02", ComplaintFiledV1(channel="letter", agency="a1", officer="o1")).tick("2026-06-01")
    assert case.states() == {"overdue acceptance": "open", "unanswered reply": "open"}
    assert {alert.agency for alert in case.alerts.values()} == {"office"}
    assert case.alerts["unanswered reply"].severity == "red"
    assert case.facts == []


def test_a_refusal_stops_acceptance_and_reply() -> None:
    case = Case().event("2026-03-02", ComplaintFiledV1(channel="letter"))
    case.event("2026-03-03", ComplaintRefusedV1(reason="in_litigation"))
    assert case.tick("2026-12-01").alerts == {}


def test_red_card_five_working_days_after_the_due_day() -> None:
    case = permit(days=10).tick("2026-03-17 00:00")
    assert due_of(case, "promised") == end_of("2026-03-16")
    assert case.alerts["overdue promised"].severity == "yellow"
    assert case.tick("2026-03-24 00:00").alerts["overdue promised"].severity == "red"
    alert = case.event("2026-03-25", DECIDED).alerts["overdue promised"]
    assert (alert.state, alert.severity, alert.version) == ("settled", "red", 3)
    assert [step.step for step in alert.trail] == [
        "started", "warned", "due", "breached", "escalated", "stopped", "settled",
    ]  # fmt: skip
    assert "9 days late" in alert.explanation["en"]
    assert "超期9天" in alert.explanation["zh"]


def test_a_warning_at_ninety_per_cent_ends_with_the_decision() -> None:
    case = permit(days=10).tick("2026-03-13 23:59")
    assert "warning promised" not in case.alerts
    assert case.tick("2026-03-14 00:00").states() == {"warning promised": "open"}
    assert case.event("2026-03-16", DECIDED).states() == {"warning promised": "settled"}
    assert case.facts == []


def test_a_warning_ends_with_the_breach() -> None:
    case = permit(days=10).tick("2026-03-18")
    assert case.states() == {"warning promised": "settled", "overdue promised": "open"}
    assert case.alerts["warning promised"].settled_at == case.alerts["overdue promised"].raised_at


def test_spring_festival_does_not_count() -> None:
    assert due_of(permit("2026-02-12", 5), "promised") == end_of("2026-02-26")


def test_no_promise_no_promised_clock() -> None:
    case = Case().event("2026-03-02", APPLIED).event("2026-03-02", ApprovalAcceptedV1(agency="a1"))
    assert [clock.name for clock in case.state.clocks] == ["statutory", "total"]


# Pauses and extensions


def test_a_pause_keeps_the_days_that_had_not_run() -> None:
    case = permit(days=10)  # Monday 2 March, due Monday 16 March
    case.event("2026-03-04", PAUSED)  # two of ten days have run
    assert due_of(case, "promised") is None
    assert case.tick("2026-05-10").alerts == {}
    case.event("2026-05-11", RESUMED)  # a Monday, day zero of the other eight
    assert due_of(case, "promised") == end_of("2026-05-21")
    assert due_of(case, "total") == end_of("2026-05-28")  # the clock with pauses runs on: 60 working days


def test_a_pause_and_resumption_on_one_day_change_nothing() -> None:
    case = permit(days=10)
    before = due_of(case, "promised")
    case.event("2026-03-04 10:00", PAUSED).event("2026-03-04 16:00", RESUMED)
    assert due_of(case, "promised") == before


def test_two_pauses_add_up_and_are_told() -> None:
    case = permit(days=10).event("2026-03-03", PAUSED).event("2026-03-05", RESUMED)
    case.event("2026-03-10", PAUSED).event("2026-03-11", RESUMED)
    assert due_of(case, "promised") == end_of("2026-03-19")
    alert = case.tick("2026-03-20 00:00").alerts["overdue promised"]
    assert "time excluded from 2026-03-03 to 2026-03-05" in alert.explanation["en"]
    assert "2026-03-10至2026-03-11不计入期限" in alert.explanation["zh"]
    assert [step.step for step in alert.trail][:5] == ["started", "paused", "resumed", "paused", "resumed"]


def test_a_pause_after_the_due_time_does_not_undo_the_breach() -> None:
    case = permit(days=5).event("2026-03-10", PAUSED).event("2026-04-10", DECIDED)
    assert case.states()["overdue promised"] == "settled"
    assert case.alerts["overdue promised"].raised_at == when("2026-03-10 00:00")


def test_a_pause_in_time_but_recorded_late_corrects_and_the_clock_goes_on() -> None:
    case = permit(days=5).tick("2026-03-11").event("2026-03-09", PAUSED)
    assert case.states()["overdue promised"] == "corrected"
    case.event("2026-03-16", RESUMED).tick("2026-03-17")
    alert = case.alerts["overdue promised"]
    assert (alert.state, alert.version) == ("open", 3)
    assert alert.due_at == when("2026-03-16 23:59").replace(second=59, microsecond=999999)


def test_a_decision_while_paused_is_in_time() -> None:
    assert permit(days=5).event("2026-03-09", PAUSED).event("2026-04-20", DECIDED).states().keys() == {
        "warning promised"
    }


def test_an_extension_adds_its_days() -> None:
    extension = ApprovalExtendedV1(agency="a1", limit=Limit(amount=10), approved_by="head", notice_ref="n2")
    case = permit(days=10).event("2026-03-10", extension)
    assert due_of(case, "promised") == end_of("2026-03-30")
    assert due_of(case, "statutory") == end_of("2026-04-14")  # 6 April is a holiday
    assert "extended by 10 working days" in case.tick("2026-04-01").alerts["overdue promised"].explanation["en"]


def test_an_extension_after_the_due_time_comes_too_late() -> None:
    extension = ApprovalExtendedV1(agency="a1", limit=Limit(amount=10), approved_by="head", notice_ref="n2")
    case = permit(days=10).event("2026-03-18", extension)
    assert case.states()["overdue promised"] == "open"
    assert case.tick("2026-03-20").states()["overdue promised"] == "open"


def test_a_set_deadline_is_extended_from_itself() -> None:
    extension = ComplaintExtendedV1(limit=Limit(amount=2), approved_by="head", reason="r")
    case = Case().event("2026-03-02", ComplaintFiledV1(channel="hotline")).event("2026-03-02", ComplaintAcceptedV1())
    case.event("2026-03-02", ComplaintDispatchedV1(agency="a1", due_at=DUE)).event("2026-03-04", extension)
    assert due_of(case, "conclusion") == end_of("2026-03-09")  # Thursday noon, two working days on
    hours = ComplaintExtendedV1(limit=Limit(amount=3, unit="hours"), approved_by="head", reason="r")
    assert due_of(case.event("2026-03-04", hours), "conclusion") == end_of("2026-03-09") + 3 * 3_600_000_000


# Stages, restarts, hand-overs


def test_each_stage_has_its_clock_and_answers_for_itself() -> None:
    start = ApprovalStageStartedV1(stage="survey", agency="a2", section="s2", officer="o2", limit=Limit(amount=2))
    case = permit().event("2026-03-02", start)
    case.event("2026-03-02", ApprovalStageStartedV1(stage="design", agency="a1", limit=Limit(amount=9)))
    case.event("2026-03-06", ApprovalStageFinishedV1(stage="survey", agency="a2"))
    alert = case.alerts["overdue stage:survey"]
    assert (alert.state, alert.agency, alert.section, alert.officer) == ("settled", "a2", "s2", "o2")
    assert {clock.name for clock in case.state.clocks} >= {"stage:design"}


def test_a_finished_stage_does_not_start_again() -> None:
    start = ApprovalStageStartedV1(stage="survey", agency="a2", limit=Limit(amount=2))
    case = permit().event("2026-03-02", start).event("2026-03-03", ApprovalStageFinishedV1(stage="survey", agency="a2"))
    assert "stage:survey" not in {clock.name for clock in case.event("2026-03-03", start).state.clocks}


def test_a_rejected_report_starts_the_next_round() -> None:
    case = Case("directive-1").event("2026-03-02", DirectiveIssuedV1(agency="a1", kind="rectification"))
    case.event("2026-03-17", DirectiveReportedV1(agency="a1"))  # due on the 16th
    again = DirectiveVerifiedV1(agency="a1", accepted=False, limit=Limit(amount=3))
    case.event("2026-03-18", again).tick("2026-04-20")
    first, second = case.alerts["overdue report"], case.alerts["overdue report#2"]
    assert (first.state, second.state) == ("settled", "open")
    assert first.alert_id != second.alert_id
    assert second.trail[0].step == "restarted"
    assert second.due_at is not None
    assert to_micros(second.due_at) == end_of("2026-03-23")
    assert case.event("2026-04-21", DirectiveReportedV1(agency="a1")).states()["overdue report#2"] == "settled"


def test_an_accepted_report_starts_nothing() -> None:
    case = Case("directive-1").event("2026-03-02", DirectiveIssuedV1(agency="a1", kind="rectification"))
    case.event("2026-03-10", DirectiveReportedV1(agency="a1"))
    case.event("2026-03-11", DirectiveVerifiedV1(agency="a1", accepted=True))
    assert case.tick("2026-12-01").alerts == {}


def test_returning_a_case_does_not_stop_the_clock_of_its_conclusion() -> None:
    case = Case().event("2026-03-02", ComplaintFiledV1(channel="hotline")).event("2026-03-02", ComplaintAcceptedV1())
    case.event("2026-03-02", ComplaintDispatchedV1(agency="a1"))
    case.event("2026-03-03", ComplaintReturnedV1(agency="a1", reason="not ours"))
    case.event("2026-03-04", ComplaintDispatchedV1(agency="a2"))
    case.event("2026-03-05", ComplaintSignedV1(agency="a2", officer="o2"))
    case.event("2026-03-05", ComplaintRespondedV1(agency="a2"))
    alert = case.tick("2026-03-17 00:00").alerts["overdue conclusion"]
    assert to_micros(alert.due_at) == end_of("2026-03-16")  # counted from the first dispatch
    assert (alert.agency, alert.officer) == ("a2", "o2")
    assert [fact.subject for fact in case.facts if fact.offence == "returned"] == ["agency:a1"]


def test_a_verified_complaint_counts_and_a_service_request_does_not() -> None:
    for finding, offence, counted in (
        ("verified", "extortion", True), ("unfounded", "extortion", False), ("verified", "service_request", False),
    ):  # fmt: skip
        case = sla().event("2026-03-03", ComplaintConcludedV1(agency="a1", finding=finding, offence=offence))
        assert {fact.offence for fact in case.facts} == ({offence} if counted else set())


def test_the_reply_settles_the_unanswered_alert() -> None:
    case = Case().event("2026-03-02", ComplaintFiledV1(channel="hotline")).tick("2026-03-26")
    assert case.event("2026-03-27", ComplaintRepliedV1()).states()["unanswered reply"] == "settled"


# The calendar


def test_a_provisional_deadline_is_recomputed_by_the_decree() -> None:
    case = permit("2026-12-25", 10)
    assert due_of(case, "promised") == end_of("2027-01-08")
    assert case.state.provisional
    decree = CalendarDecreedV1(
        year=2027, version="cn-2027", holidays=[date(2027, 1, 1), date(2027, 1, 4)], makeup_workdays=[]
    )
    case.decree("2026-12-28", decree)
    assert due_of(case, "promised") == end_of("2027-01-12")
    assert not case.state.provisional
    alert = case.tick("2027-01-13 00:00").alerts["overdue promised"]
    assert (alert.calendar_version, alert.provisional) == ("cn-2027", False)
    assert "recomputed" in [step.step for step in alert.trail]


def test_an_alert_past_the_decreed_calendar_says_that_it_is_provisional() -> None:
    alert: AlertV1 = permit("2026-12-25", 10).tick("2027-01-09 00:00").alerts["overdue promised"]
    assert alert.provisional
    assert "provisional" in alert.explanation["en"]
    assert "暂定" in alert.explanation["zh"]


def test_what_is_said_between_the_person_and_the_office_moves_no_clock_and_no_holder() -> None:
    quiet, talking = sla(), sla()
    talking.event("2026-03-03", ComplaintAskedV1(text_ref="text-1", agency="a2"))
    talking.event("2026-03-03 10:00", ComplaintSupplementedV1(text_ref="text-2", answers=3))
    assert talking.state.clocks == quiet.state.clocks
    assert talking.state.agency == quiet.state.agency == "a1"
    assert talking.state.reason is None
    ends = [(a.rule, a.clock, a.agency, a.due_at) for a in quiet.tick("2026-04-30").alerts.values()]
    assert ends, "the case is overdue by then"
    assert [(a.rule, a.clock, a.agency, a.due_at) for a in talking.tick("2026-04-30").alerts.values()] == ends
