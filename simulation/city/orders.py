"""Inspections and directives of the generated city: visits with findings, orders reported, rejected or ignored
(rows E1, D3, G1)."""

from datetime import datetime, timedelta

from services.contracts.directives import (
    DirectiveIssuedV1,
    DirectiveKind,
    DirectiveReportedV1,
    DirectiveVerifiedV1,
)
from services.contracts.envelope import EventModel
from services.contracts.inspections import InspectionClosedV1, InspectionFoundV1, InspectionVisitedV1
from services.contracts.limits import Limit
from simulation.city.behaviour import OFFENCES, Behaviour, Diary
from simulation.city.registry import City

Steps = list[tuple[datetime, EventModel]]
_KINDS: tuple[DirectiveKind, ...] = ("rectification", "media_response", "centre_entry", "monthly_summary", "other")


def plan_inspection(city: City, behaviour: Behaviour, diary: Diary, ref: str) -> Steps:
    """A visit at the diary's instant: none to two findings, then the record, in time or late."""
    rng = diary.rng
    offender = rng.choice(behaviour.offenders) if rng.random() < behaviour.drawn else None
    desk = offender.desk if offender else rng.choice(city.desks())
    steps: Steps = [(diary.at, InspectionVisitedV1(
        agency=desk.agency, section=desk.section, covert=rng.random() < 0.4, source_ref=ref))]  # fmt: skip
    for number in range(1, 1 + (rng.randint(1, 2) if diary.happens(behaviour.rates.found) else 0)):
        steps.append((diary.works(0, 0), InspectionFoundV1(
            agency=desk.agency, section=desk.section, officer=desk.officer, finding_id=f"{ref}/{number}",
            offence=offender.offence if offender else rng.choice(OFFENCES), severity="warning",
            discovery="office" if rng.random() < 0.8 else "self_report")))  # fmt: skip
    late = diary.happens(behaviour.rates.late_write_up)
    steps.append((diary.works(4, 6) if late else diary.works(0, 2), InspectionClosedV1(agency=desk.agency)))
    return steps


def plan_directive(city: City, behaviour: Behaviour, diary: Diary, ref: str) -> Steps:
    """An order at the diary's instant, with a limit or a date; its reports may be late, rejected, or never come."""
    rng, rates = diary.rng, behaviour.rates
    desk = rng.choice(city.desks())
    kind = rng.choice(_KINDS)
    days = 3 if kind == "media_response" else rng.choice((5, 10, 15))
    dated = kind != "media_response" and rng.random() < 0.3
    steps: Steps = [(diary.at, DirectiveIssuedV1(
        agency=desk.agency, section=desk.section, officer=desk.officer, kind=kind, source_ref=ref,
        limit=None if dated else Limit(amount=days),
        due_at=diary.at + timedelta(days=days + 4) if dated else None))]  # fmt: skip
    for _ in range(3):
        report = diary.pace(behaviour.rate("late_report", desk), rates.no_report)
        if report == "never":
            return steps
        reported = diary.works(days + 1, days + 8) if report == "late" else diary.works(1, max(1, days - 1))
        steps.append((reported, DirectiveReportedV1(agency=desk.agency, evidence_refs=[f"{ref}/report"])))
        verified = diary.works(6, 8) if diary.happens(rates.late_verification) else diary.works(0, 3)
        accepted = not diary.happens(rates.rejected)
        days = days if accepted else 5
        steps.append((verified, DirectiveVerifiedV1(
            agency=desk.agency, accepted=accepted, limit=None if accepted else Limit(amount=days))))  # fmt: skip
        if accepted:
            break
    return steps
