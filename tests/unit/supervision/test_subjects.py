"""Repeat offenders: three overdue facts of one officer within thirty days."""

from datetime import timedelta

from tests.unit.supervision.builders import Subject, when

T0 = when("2026-03-01")
DAY = timedelta(days=1)


def days(*at: float, until: float = 400) -> Subject:
    subject = Subject()
    for number, day in enumerate(at):
        subject.fact(T0 + DAY * day, f"f{number}")
    return subject.tick(T0 + DAY * until)


def test_the_third_time_within_thirty_days_is_reported_once() -> None:
    subject = days(0, 10, 29, 29.5)
    (alert,) = subject.alerts
    assert (alert.rule, alert.subject, alert.severity, alert.state) == ("repeat-delay", "officer:o1", "red", "open")
    assert alert.raised_at == T0 + DAY * 29
    assert alert.evidence == ["event-f0", "event-f1", "event-f2"]
    assert [step.step for step in alert.trail] == ["counted"] * 3
    assert "3 times within 30 days" in alert.explanation["en"]
    assert "30天内3次" in alert.explanation["zh"]


def test_a_fact_exactly_thirty_days_old_is_out() -> None:
    assert days(0, 10, 30).alerts == []


def test_reported_again_only_after_the_count_has_fallen() -> None:
    assert len(days(0, 1, 2, 10, 31.5).alerts) == 2  # at 31.5 only two were left
    assert len(days(0, 1, 2, 10, 11, 31).alerts) == 1  # never fewer than three


def test_facts_wait_for_the_watermark() -> None:
    subject = days(0, 1, 2, until=2)
    assert subject.alerts == []
    assert subject.state.wake_at == round((T0 + DAY * 2).timestamp() * 1_000_000)
    assert len(subject.tick(T0 + DAY * 2 + timedelta(microseconds=1)).alerts) == 1


def test_a_repeated_fact_counts_once() -> None:
    subject = Subject().fact(T0, "f0").fact(T0, "f0").fact(T0 + DAY, "f1").tick(T0 + DAY * 2)
    subject.fact(T0, "f0").fact(T0 + DAY, "f1")
    assert subject.alerts == []
    assert len(subject.state.windows["repeat-delay"]) == 2


def test_offences_of_other_rules_and_of_none_are_kept_apart() -> None:
    subject = Subject().fact(T0, "f0", "service_request")
    assert subject.state is None
    subject.fact(T0, "f1").fact(T0, "f2", "extortion").fact(T0, "f3").tick(T0 + DAY)
    assert subject.alerts == []


def test_an_agency_has_its_own_threshold_and_names_no_officer() -> None:
    subject = Subject("agency:a1")
    for number in range(6):
        subject.fact(T0 + DAY * number, f"f{number}")
    (alert,) = subject.tick(T0 + DAY * 7).alerts
    assert (alert.agency, alert.section, alert.officer) == ("a1", None, None)


def test_a_corrected_fact_no_longer_counts() -> None:
    subject = Subject().fact(T0, "f0").fact(T0 + DAY, "f1")
    subject.fact(T0 + DAY * 2, "c1", "overdue:corrected", corrects="f1").fact(T0 + DAY * 3, "f2")
    assert subject.tick(T0 + DAY * 4).alerts == []


def test_an_alert_that_cannot_stand_without_the_corrected_fact_is_corrected() -> None:
    subject = days(0, 1, 2, until=3).fact(T0 + DAY * 4, "c1", "overdue:corrected", corrects="f1").tick(T0 + DAY * 5)
    raised, corrected = subject.alerts
    assert raised.alert_id == corrected.alert_id
    assert (corrected.state, corrected.version, corrected.corrected_at) == ("corrected", 2, T0 + DAY * 4)
    assert len(subject.fact(T0 + DAY * 6, "f9").tick(T0 + DAY * 7).alerts) == 3  # two were left, the third is new


def test_an_alert_that_stands_without_the_corrected_fact_stays() -> None:
    subject = days(0, 1, 2, 3, until=4).fact(T0 + DAY * 4, "c1", "overdue:corrected", corrects="f1")
    assert len(subject.tick(T0 + DAY * 5).alerts) == 1


def test_memory_is_bounded_however_many_facts_there_are() -> None:
    assert len(days(*(n / 100 for n in range(500))).state.windows["repeat-delay"]) < 25
    assert days(0, 1, 200).state.windows["repeat-delay"][0].fact_id == "f2"
