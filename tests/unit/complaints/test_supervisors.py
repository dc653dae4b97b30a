"""Supervisors (监督员): terms of office by the city's calendar."""

from datetime import UTC, date, datetime

import msgspec
import pytest

from services.complaints.supervisors.domain.supervisor import Refused, Supervisor, Term, appointed, ended, term_at

SPRING = Term(from_on=date(2026, 3, 2), to_on=date(2026, 5, 31))
DEPUTY = Supervisor(code="npc-7", body="peoples_congress", group="g1")


def test_a_term_holds_from_the_first_minute_of_its_first_day_in_the_city_to_the_last_of_its_last():
    known = appointed(None, DEPUTY, SPRING)
    before, first = datetime(2026, 3, 1, 15, 59, tzinfo=UTC), datetime(2026, 3, 1, 16, 0, tzinfo=UTC)
    last, after = datetime(2026, 5, 31, 15, 59, tzinfo=UTC), datetime(2026, 5, 31, 16, 0, tzinfo=UTC)
    assert [term_at(known, at) for at in (before, first, last, after)] == [None, SPRING, SPRING, None]


def test_terms_follow_one_another_and_never_overlap():
    known = appointed(None, DEPUTY, SPRING)
    summer = Term(from_on=date(2026, 6, 1), to_on=date(2026, 8, 31))
    again = appointed(known, msgspec.structs.replace(DEPUTY, body="enterprise"), summer)
    assert (again.terms, again.body, again.version) == ((SPRING, summer), "enterprise", 2)
    with pytest.raises(Refused, match="overlaps"):
        appointed(again, DEPUTY, Term(from_on=date(2026, 5, 31), to_on=date(2026, 6, 30)))
    assert appointed(again, DEPUTY, SPRING).terms == again.terms


def test_a_term_ended_early_is_over_the_day_after():
    known = ended(appointed(None, DEPUTY, SPRING), date(2026, 4, 10))
    assert known.terms == (Term(from_on=SPRING.from_on, to_on=date(2026, 4, 10)),)
    with pytest.raises(Refused, match="no term of office"):
        ended(known, date(2026, 4, 11))


def test_a_term_that_ends_before_it_begins_is_none():
    with pytest.raises(ValueError, match="to_on"):
        Term(from_on=date(2026, 3, 2), to_on=date(2026, 3, 1))
