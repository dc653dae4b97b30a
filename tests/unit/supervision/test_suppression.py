"""Suppression and buck-passing: no movement, opinions, cases passed to and fro, the head's liability (rows B1, B5)."""

from datetime import timedelta

from services.contracts.complaints import (
    ComplaintAcceptedV1,
    ComplaintAdvisedV1,
    ComplaintCalledBackV1,
    ComplaintConcludedV1,
    ComplaintDispatchedV1,
    ComplaintFiledV1,
    ComplaintPausedV1,
    ComplaintRepliedV1,
    ComplaintRespondedV1,
    ComplaintResumedV1,
    ComplaintReturnedV1,
    ComplaintSignedOffV1,
    ComplaintSignedV1,
    ComplaintTransferredV1,
)
from tests.unit.supervision.builders import Case, Subject, when

PAUSED = ComplaintPausedV1(ground="appraisal", notice_ref="n", approved_by="o")


def dispatched(*assisting: str, agency: str = "a1") -> Case:
    case = Case().event("2026-03-02", ComplaintFiledV1(channel="hotline", offence="extortion"))
    case.event("2026-03-02 10:00", ComplaintAcceptedV1())
    return case.event("2026-03-03", ComplaintDispatchedV1(agency=agency, assisting=list(assisting)))


def of_clock(case: Case, clock: str) -> dict[str, str]:
    return {name: state for name, state in case.states().items() if clock in name}


# No movement


def test_seven_working_days_without_any_movement_are_an_alert_that_says_so() -> None:
    case = dispatched().event("2026-03-04", ComplaintSignedV1(agency="a1"))
    assert of_clock(case.tick("2026-03-13 23:59"), "movement") == {}
    alert = case.tick("2026-03-14").alerts["stalled movement"]
    assert (alert.agency, alert.severity, alert.state) == ("a1", "yellow", "open")
    assert alert.evidence == ["case-1-e4"]
    assert alert.explanation["en"] == (
        "No movement: 7 working days, counted from 2026-03-04, that day not counted; due by the end of 2026-03-13; "
        "nothing happened by then."
    )
    assert "其间无任何办理动作" in alert.explanation["zh"]
    assert [f.offence for f in case.facts if f.alert_id == alert.alert_id] == ["stalled"]
    assert case.tick("2026-03-21").alerts["stalled movement"].severity == "red"


def test_every_movement_counts_anew_and_a_case_that_moves_never_stalls() -> None:
    case = dispatched()
    for day in ("03-10", "03-17", "03-24"):
        case.event(f"2026-{day}", ComplaintRespondedV1(agency="a1")).tick(f"2026-{day} 12:00")
    assert of_clock(case.tick("2026-04-01"), "movement") == {}
    assert "stalled movement" in case.tick("2026-04-03").states()


def test_a_movement_that_comes_late_settles_the_alert_and_the_count_begins_again() -> None:
    case = dispatched().tick("2026-03-13")
    case.event("2026-03-16", ComplaintRespondedV1(agency="a1"))
    alert = case.alerts["stalled movement"]
    assert alert.state == "settled"
    assert "went on on 2026-03-16 09:00:00, 4 days late" in alert.explanation["en"]
    case.tick("2026-03-26")
    assert of_clock(case, "movement") == {"stalled movement": "settled", "stalled movement#2": "open"}


def test_a_movement_that_comes_behind_its_successor_corrects_what_that_one_had_settled() -> None:
    case = dispatched().tick("2026-03-13").event("2026-03-16", ComplaintSignedV1(agency="a1"), sequence=5)
    assert case.states()["stalled movement"] == "settled"
    case.event("2026-03-11", ComplaintRespondedV1(agency="a1"), sequence=4)
    assert case.states()["stalled movement"] == "corrected"
    much_later = dispatched().tick("2026-03-13").event("2026-04-16", ComplaintSignedV1(agency="a1"), sequence=5)
    much_later.event("2026-03-11", ComplaintRespondedV1(agency="a1"), sequence=4)
    assert much_later.states()["stalled movement"] == "settled"  # still too long without another


def test_late_news_of_a_movement_corrects_an_open_alert_and_takes_its_fact_back() -> None:
    case = dispatched().tick("2026-03-13")
    case.event("2026-03-11", ComplaintRespondedV1(agency="a1"))
    assert case.states()["stalled movement"] == "corrected"
    assert [f.offence for f in case.facts if "stalled" in f.offence] == ["stalled", "stalled:corrected"]
    assert case.tick("2026-03-21").states()["stalled movement"] == "open"


def test_time_that_the_law_excludes_is_no_standstill_and_after_it_the_count_begins_afresh() -> None:
    case = dispatched().event("2026-03-04", ComplaintSignedV1(agency="a1")).event("2026-03-05", PAUSED)
    assert of_clock(case.tick("2026-05-01"), "movement") == {}
    case.event("2026-05-06", ComplaintResumedV1()).tick("2026-05-14 23:00")
    assert of_clock(case, "movement") == {}
    assert of_clock(case.tick("2026-05-15"), "movement") == {"stalled movement#2": "open"}


def test_a_returned_case_is_the_offices_and_does_not_stall_with_the_agency() -> None:
    case = dispatched().event("2026-03-04", ComplaintReturnedV1(agency="a1", reason="r")).tick("2026-04-01")
    assert of_clock(case, "movement") == {}


def test_a_concluded_case_does_not_stall_but_a_redo_and_one_sent_back_do() -> None:
    done = dispatched().event("2026-03-04", ComplaintConcludedV1(agency="a1", finding="unfounded"))
    assert of_clock(done.tick("2026-06-01"), "movement") == {}
    redo = dispatched().event("2026-03-04", ComplaintConcludedV1(agency="a1", finding="unfounded"))
    redo.event("2026-03-05", ComplaintRepliedV1(agency="a1"))
    redo.event(
        "2026-03-06", ComplaintCalledBackV1(way="telephone", outcome="rated", satisfaction=1, redo=True)
    )  # fmt: skip
    assert of_clock(redo.tick("2026-03-18"), "movement") == {"stalled movement#2": "open"}
    fine = dispatched().event("2026-03-04", ComplaintConcludedV1(agency="a1", finding="unfounded"))
    fine.event("2026-03-05", ComplaintRepliedV1(agency="a1"))
    fine.event("2026-03-06", ComplaintCalledBackV1(way="telephone", outcome="rated", satisfaction=5))
    assert of_clock(fine.tick("2026-06-18"), "movement") == {}
    back = dispatched().event(
        "2026-03-04", ComplaintConcludedV1(agency="a1", finding="verified", sign_off_required=True)
    )  # fmt: skip
    back.event("2026-03-05", ComplaintSignedOffV1(agency="a1", approved=False, reason="thin")).tick("2026-03-17")
    assert of_clock(back, "movement") == {"stalled movement#2": "open"}


# The opinion of an assisting agency


def test_each_assisting_agency_answers_for_its_own_opinion() -> None:
    case = dispatched("a2", "a3/s1")
    case.event("2026-03-05", ComplaintAdvisedV1(agency="a2", assisting=["a2"])).tick("2026-03-11")
    alert = case.alerts["overdue opinion:a3/s1"]
    assert (alert.agency, alert.section, alert.state) == ("a3", "s1", "open")
    assert alert.explanation["en"].startswith("Opinion of a3/s1: 5 working days")
    assert {f.subject for f in case.facts if f.alert_id == alert.alert_id} == {"agency:a3", "section:a3/s1"}
    case.event("2026-03-12", ComplaintAdvisedV1(agency="a3", section="s1", assisting=["a3/s1"]))
    assert of_clock(case, "opinion") == {"overdue opinion:a3/s1": "settled"}


def test_an_opinion_of_an_older_log_that_names_no_entry_answers_for_all() -> None:
    case = dispatched("a2", "a3").event("2026-03-05", ComplaintAdvisedV1(agency="a2")).tick("2026-04-01")
    assert of_clock(case, "opinion") == {}


def test_a_transfer_asks_those_that_it_names_and_nobody_else() -> None:
    case = dispatched("a2", "a3")
    case.event("2026-03-04", ComplaintTransferredV1(agency="a4", reason="r", assisting=["a3"])).tick("2026-03-12")
    assert of_clock(case, "opinion") == {"overdue opinion:a3#2": "open"}


def test_nobody_waits_for_an_opinion_once_it_is_concluded_or_returned() -> None:
    for end in (
        ComplaintConcludedV1(agency="a1", finding="unfounded"),
        ComplaintReturnedV1(agency="a1", reason="r"),
    ):
        assert of_clock(dispatched("a2").event("2026-03-05", end).tick("2026-04-01"), "opinion") == {}


def test_time_that_the_law_excludes_is_not_the_assisting_agencys() -> None:
    case = dispatched("a2").event("2026-03-04", ComplaintSignedV1(agency="a1")).event("2026-03-05", PAUSED)
    case.event("2026-03-19", ComplaintResumedV1()).tick("2026-03-24 23:00")
    assert of_clock(case, "opinion") == {}
    assert of_clock(case.tick("2026-03-25"), "opinion") == {"overdue opinion:a2": "open"}


# Passed to and fro


def passes(case: Case) -> list[tuple[str, str]]:
    return [(fact.subject, fact.agency) for fact in case.facts if fact.offence == "passed_on"]


def test_what_passes_between_two_agencies_counts_for_the_two_in_this_case() -> None:
    case = dispatched(agency="b").event("2026-03-04", ComplaintReturnedV1(agency="b", reason="r"))
    assert passes(case) == []
    case.event("2026-03-05", ComplaintDispatchedV1(agency="a"))
    case.event("2026-03-06", ComplaintTransferredV1(agency="b", reason="r"))
    case.event("2026-03-09", ComplaintTransferredV1(agency="b", section="s", reason="r"))
    assert passes(case) == [("pair:a|b/case-1", "b"), ("pair:a|b/case-1", "a")]


def test_there_and_back_within_thirty_days_is_an_alert_about_the_pair() -> None:
    pair = Subject("pair:a|b/case-1").fact("2026-03-02", "f1", "passed_on").fact("2026-03-09", "f2", "passed_on")
    (alert,) = pair.tick("2026-03-10").alerts
    assert (alert.rule, alert.subject, alert.case_ref) == ("ping-pong", "pair:a|b", "case-of-f2")
    assert alert.agencies == ["a", "b"]
    assert "2 times within 30 days" in alert.explanation["en"]
    assert alert.explanation["en"].endswith("; all in the case case-of-f2.")
    assert "同一件case-of-f2" in alert.explanation["zh"]


def test_once_or_too_far_apart_is_none() -> None:
    pair = Subject("pair:a|b/case-1").fact("2026-03-02", "f1", "passed_on").fact("2026-04-01", "f2", "passed_on")
    assert pair.tick("2026-05-01").alerts == []


# Evidence, and the head's liability


def test_a_grave_matter_concluded_without_evidence_counts_and_others_do_not() -> None:
    def offences(**fields: object) -> list[str]:
        concluded = ComplaintConcludedV1(agency="a1", **fields)
        return [f.offence for f in dispatched().event("2026-03-04", concluded).facts if f.offence == "unevidenced"]

    assert offences(finding="unfounded", severity="red") == ["unevidenced"]
    assert offences(finding="unfounded", severity="yellow", evidence_refs=["e"]) == []
    assert offences(finding="unfounded", severity="notice") == []


def test_what_an_agency_suppresses_again_and_again_is_its_heads_as_an_office() -> None:
    agency, first = Subject("agency:a1"), when("2026-03-02")
    for number, offence in enumerate(("stalled", "uncorrected", "unevidenced", "suppression", "stalled")):
        agency.fact(first + timedelta(days=10 * number), f"f{number}", offence)
    found = [alert for alert in agency.tick("2026-06-01").alerts if alert.rule == "leader-liability"]
    (alert,) = found
    assert (alert.subject, alert.agency, alert.section, alert.officer) == ("agency:a1", "a1", None, None)
    assert alert.agencies == []
    assert alert.explanation["en"].startswith("Liability of the agency's head for suppression: agency:a1, 5 times")
    assert "主要负责人" in alert.explanation["zh"]
    section = Subject("section:a1/s1")
    for number in range(9):
        section.fact(first + timedelta(days=number), f"f{number}", "stalled")
    assert section.tick("2026-06-01").alerts == []


def test_a_correction_not_made_counts_as_such_and_as_delay() -> None:
    case = dispatched().event(
        "2026-03-04", ComplaintConcludedV1(agency="a1", finding="verified", correction_due=True)
    )  # fmt: skip
    case.tick("2026-04-01")
    assert {f.offence for f in case.facts if f.alert_id == case.alerts["overdue correction"].alert_id} == {
        "uncorrected"
    }
