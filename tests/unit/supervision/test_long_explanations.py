"""What an alert says of a clock that was changed very often."""

import pytest

from services.contracts.approvals import (
    ApprovalAcceptedV1,
    ApprovalAppliedV1,
    ApprovalExtendedV1,
    ApprovalPausedV1,
    ApprovalResumedV1,
)
from services.contracts.codec import encode
from services.contracts.instants import to_micros
from services.contracts.limits import Limit
from services.supervision.domain.alerts import STEPS_SHOWN
from tests.unit.supervision.builders import Case, end_of, when


def test_an_alert_of_a_clock_paused_thousands_of_times_still_fits_a_record() -> None:
    """An agency may pause as often as it likes; each step is evidence, but Kafka takes no endless record."""
    case = Case("p").event("2026-03-02", ApprovalAppliedV1(item="i", agency="a1"))
    case.event("2026-03-02", ApprovalAcceptedV1(agency="a1", promised_limit=Limit(amount=5)))
    at = when("2026-03-03")
    for _ in range(500):
        case.event(at, ApprovalPausedV1(agency="a1", ground="hearing", notice_ref="n"))
        case.event(at, ApprovalResumedV1(agency="a1"))
    extension = ApprovalExtendedV1(agency="a1", limit=Limit(amount=1), approved_by="h", notice_ref="n")
    alert = case.event(at, extension).tick("2026-03-18").alerts["overdue promised"]
    assert to_micros(alert.due_at) == end_of("2026-03-10")
    assert len(alert.evidence) == STEPS_SHOWN
    assert (alert.evidence[0], alert.evidence[-1]) == ("p-e2", "p-e1003")
    assert (alert.trail[0].step, alert.trail[-1].step) == ("started", "escalated")
    assert "; 481 more changes; " in alert.explanation["en"]
    assert "extended by 1 working day" in alert.explanation["en"]
    assert "；另有481次变更；" in alert.explanation["zh"]
    assert alert.explanation["zh"].count("不计入期限") == 19
    assert len(encode(alert, id="i", source="/s", subject="s", time=at, sequence=1)) < 50_000


@pytest.mark.parametrize("count", [19, 20, 21])
def test_twenty_changes_are_told_one_by_one(count: int) -> None:
    case = Case("d").event("2026-03-02", ApprovalAppliedV1(item="i", agency="a1"))
    case.event("2026-03-02", ApprovalAcceptedV1(agency="a1", promised_limit=Limit(amount=5)))
    for _ in range(count):
        case.event("2026-03-03", ApprovalPausedV1(agency="a1", ground="hearing", notice_ref="n"))
        case.event("2026-03-03", ApprovalResumedV1(agency="a1"))
    sentence = case.tick("2026-03-18").alerts["overdue promised"].explanation["en"]
    assert sentence.count("time excluded") == min(count, 20)
    assert ("1 more change;" in sentence) == (count == 21)
