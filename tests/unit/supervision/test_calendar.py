"""Working days by decree, in the words of the decree."""

from datetime import date

import pytest

from services.contracts.clock import CalendarDecreedV1
from services.supervision.domain.calendar import Calendar
from tests.unit.supervision.builders import calendar, end_of, micros

DECREE_2027 = CalendarDecreedV1(
    year=2027, version="cn-2027", holidays=[date(2027, 1, 1), date(2027, 1, 4)], makeup_workdays=[date(2027, 1, 9)]
)


@pytest.mark.parametrize(
    ("start", "n", "last_day"),
    [
        ("2026-03-02", 0, "2026-03-02"),  # Monday: the day of receipt is day zero
        ("2026-03-02", 1, "2026-03-03"),
        ("2026-03-06", 1, "2026-03-09"),  # over a weekend
        ("2026-03-07 10:00", 1, "2026-03-09"),  # received on a Saturday
        ("2026-03-07 10:00", 0, "2026-03-07"),
        ("2026-02-27", 1, "2026-02-28"),  # Saturday 28 February is a make-up workday
        ("2026-02-13", 1, "2026-02-14"),  # the make-up Saturday before the Spring Festival
        ("2026-02-14", 1, "2026-02-24"),  # nine days of Spring Festival
        ("2026-02-12", 20, "2026-03-18"),
        ("2024-02-28", 2, "2024-03-01"),  # a leap year's 29 February is a Thursday
        ("2026-03-02 00:00", 1, "2026-03-03"),
        ("2026-03-02 23:59", 1, "2026-03-03"),
    ],
)
def test_end_of_working_day(start: str, n: int, last_day: str) -> None:
    assert calendar().end_of_working_day(micros(start), n) == end_of(last_day)


def test_calendar_days_take_no_notice_of_weekends() -> None:
    assert calendar().end_of_calendar_day(micros("2026-03-06"), 2) == end_of("2026-03-08")
    assert calendar().end_of_calendar_day(micros("2024-02-28"), 1) == end_of("2024-02-29")


def test_a_limit_past_the_last_decreed_day_is_provisional() -> None:
    days = calendar()
    assert not days.is_provisional(days.end_of_working_day(micros("2026-12-30"), 1))
    assert days.is_provisional(days.end_of_working_day(micros("2026-12-30"), 2))


def test_a_decree_makes_the_next_year_certain() -> None:
    days = calendar().with_decree(DECREE_2027)
    assert calendar().end_of_working_day(micros("2026-12-31"), 2) == end_of("2027-01-04")
    assert days.end_of_working_day(micros("2026-12-31"), 2) == end_of("2027-01-06")
    assert days.is_working_day(date(2027, 1, 9))
    assert days.version == "cn-2027"
    assert not days.is_provisional(end_of("2027-12-31"))


def test_a_missing_year_ends_what_is_certain() -> None:
    decree = CalendarDecreedV1(year=2028, version="cn-2028", holidays=[], makeup_workdays=[])
    assert calendar().with_decree(decree).is_provisional(end_of("2027-01-01"))


def test_a_decree_for_a_year_long_ago_makes_nothing_uncertain() -> None:
    decree = CalendarDecreedV1(year=1999, version="cn-1999", holidays=[], makeup_workdays=[])
    assert calendar().with_decree(decree).decreed_until == calendar().decreed_until


def test_a_decree_of_nonsense_days_harms_nothing() -> None:
    far = [date(1500, 1, 1), date(9999, 1, 1)]
    decree = CalendarDecreedV1(year=2027, version="x", holidays=far, makeup_workdays=far)
    assert calendar().with_decree(decree).end_of_working_day(micros("2026-12-31"), 2) == end_of("2027-01-04")
    assert calendar().with_decree(CalendarDecreedV1(year=9, version="x", holidays=[], makeup_workdays=[])) is calendar()


@pytest.mark.parametrize("timezone", ["Europe/Amsterdam", "America/New_York", "Asia/Shanghai"])
def test_local_days_of_23_and_25_hours(timezone: str) -> None:
    days = Calendar("plain", timezone, {})
    for text in ("2015-03-28 23:30", "2015-03-29 00:30", "2015-10-25 02:30", "2015-11-01 01:30", "2016-03-13 04:30"):
        at = micros(text)
        assert days.end_of_day(at) >= at
        assert days.local_day(at) == days.local(at).date()
        assert days.local(days.end_of_day(at)).time().isoformat() == "23:59:59.999999"


def test_times_far_outside_the_tables_still_have_an_answer() -> None:
    days = calendar()
    for text in ("1905-05-05", "2105-05-05", "9980-12-31"):
        assert days.end_of_working_day(micros(text), 3660) > days.end_of_working_day(micros(text), 20) > micros(text)
    assert days.local(days.end_of_working_day(micros("9999-12-31"), 3660)).year == 9999
