"""What figures remember of a case: each step once, in whatever order its events come."""

from datetime import UTC, datetime

from services.contracts.complaints import ComplaintAcceptedV1, ComplaintRespondedV1
from services.contracts.envelope import Event
from services.metrics.domain.records import Case, case_after


def _event(sequence: int, verb: str) -> Event:
    data = {"accepted": ComplaintAcceptedV1(), "responded": ComplaintRespondedV1(agency="housing")}[verb]
    return Event(
        id=f"e{sequence}", source="/complaints", type=f"complaint.{verb}.v1", subject="c", sequence=sequence,
        time=datetime(2026, 3, 2, tzinfo=UTC), timeline="t", data=data,
    )  # fmt: skip


def _after(case: Case | None, event: Event) -> Case:
    after = case_after(case, event)
    assert after is not None
    return after


def test_an_event_again_changes_nothing() -> None:
    case = _after(None, _event(2, "responded"))
    assert case_after(case, _event(2, "responded")) is None


def test_an_event_behind_its_successors_adds_its_step_and_no_more() -> None:
    later = _after(None, _event(3, "responded"))
    case = _after(later, _event(2, "accepted"))
    assert case.steps == ("responded", "accepted")
    assert (case.sequence, case.agency) == (3, "housing")
    assert case_after(case, _event(2, "accepted")) is None
