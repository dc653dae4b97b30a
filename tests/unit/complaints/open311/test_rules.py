"""Periods, and the policy of services: what is public, and what holds together."""

from datetime import UTC, datetime, timedelta

import pytest

from services.complaints.open311.mapping import Wrong, filing, period
from services.complaints.open311.policy import load_open311
from tests.support.sources import T0


def test_a_period_is_at_most_ninety_days_and_the_last_ninety_when_nobody_says():
    assert period("", "", T0) == (T0 - timedelta(days=90), T0)
    assert period("2026-01-01T00:00:00Z", "", T0) == (datetime(2026, 1, 1, tzinfo=UTC), T0)
    for start, end in (("2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z"), ("yesterday", ""), ("2026-01-01", "")):
        with pytest.raises(Wrong):
            period(start, end, T0)


def test_every_service_names_an_offence_or_an_item_that_exists(policy):
    assert {s.item for s in policy.services if s.item} == set(policy.items)
    assert {s.agency for s in policy.services if s.agency} <= set(policy.agencies)


def test_what_is_not_public_is_not_even_kept_beside_the_case(policy):
    place = {"lat": "41", "long": "119"}
    assert filing(policy, {"service_code": "delay", **place}).beside == {"service_code": "delay"}
    assert filing(policy, {"service_code": "city_service", **place}).beside == {"service_code": "city_service", **place}


@pytest.mark.parametrize(
    ("policy_text", "said"),
    [("services: [{code: a, zh: a, en: a, group: none_such}]", "there is no none_such"),
     ("items: [nothing]", "nothing"),
     ("services: [{code: a, zh: a, en: a, group: none_such, offence: theft}]", "theft")],
)  # fmt: skip
def test_a_policy_that_does_not_hold_together_says_where(tmp_path, policy_text, said):
    (tmp_path / "open311.yaml").write_text(policy_text)
    with pytest.raises(ValueError, match=said):
        load_open311(tmp_path)
