"""One complaint of the generated city: filed at any hour, then handled well or badly (rows A1, A2, B1-B3, B5)."""

from datetime import datetime
from random import Random
from typing import Any, Literal

from services.contracts.complaints import (
    Channel,
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
    Offence,
    RefusalReason,
)
from services.contracts.envelope import EventModel
from services.contracts.limits import Limit
from simulation.city.behaviour import OFFENCES, Behaviour, Diary
from simulation.city.registry import City, Desk

Finding = Literal["verified", "partly", "unfounded"]
Steps = list[tuple[datetime, EventModel]]
_CHANNELS: tuple[Channel, ...] = (
    "hotline", "hotline", "hotline", "website", "letter", "supervision_box", "media", "petition_office", "supervisor",
    "reception_day", "email",
)  # fmt: skip
_FINDINGS: tuple[Finding, ...] = ("verified", "partly", "unfounded")
_REFUSALS: tuple[RefusalReason, ...] = (
    "not_an_agency_matter", "in_litigation", "already_answered_finally", "other_statutory_channel",
)  # fmt: skip


def plan(city: City, behaviour: Behaviour, diary: Diary, ref: str) -> Steps:
    """The whole life of complaint `ref` filed at the diary's instant, as if there were no end of the simulation."""
    rng, rates = diary.rng, behaviour.rates
    desk, offence = _about(city, behaviour, rng)
    steps: Steps = [(diary.at, ComplaintFiledV1(
        channel=rng.choice(_CHANNELS), offence=offence, agency=desk.agency, section=desk.section, officer=desk.officer,
        enterprise=f"enterprise-{rng.randint(1, 400):03}", source_ref=ref))]  # fmt: skip
    accepted_at = diary.works(2, 4) if diary.happens(rates.late_acceptance) else diary.works(0, 1)
    if diary.happens(rates.refused):
        return [*steps, (accepted_at, ComplaintRefusedV1(reason=rng.choice(_REFUSALS)))]
    steps.append((accepted_at, ComplaintAcceptedV1()))
    late = diary.happens(rates.late_dispatch)
    steps.append(_dispatched(diary, desk, *((2, 3) if late else (0, 1))))
    desk = _passed_on(city, behaviour, diary, desk, steps)
    late = diary.happens(behaviour.rate("late_sign_in", desk))
    who: dict[str, Any] = {"agency": desk.agency, "section": desk.section, "officer": desk.officer}
    steps.append((diary.works(2, 3) if late else diary.works(0, 1), ComplaintSignedV1(**who)))
    response = diary.pace(behaviour.rate("late_response", desk), rates.no_response)
    if response != "never":
        responded_at = diary.works(4, 6) if response == "late" else diary.works(0, 2)
        steps.append((responded_at, ComplaintRespondedV1(agency=desk.agency)))
    if diary.happens(rates.extended):
        steps.append((diary.works(1, 3), ComplaintExtendedV1(
            limit=Limit(amount=5), approved_by="office", reason="further inquiries are needed")))  # fmt: skip
    conclusion = diary.pace(behaviour.rate("late_conclusion", desk), behaviour.rate("no_conclusion", desk))
    if conclusion == "never":
        return steps
    (finding,) = rng.choices(_FINDINGS, (rates.verified, rates.partly, 1 - rates.verified - rates.partly))
    steps.append((
        diary.works(8, 16) if conclusion == "late" else diary.works(1, 4),
        ComplaintConcludedV1(finding=finding, offence=offence, **who),
    ))  # fmt: skip
    reply = diary.pace(rates.late_reply, rates.no_reply)
    if reply != "never":
        replied_at = diary.works(8, 14) if reply == "late" else diary.works(0, 2)
        steps.append((replied_at, ComplaintRepliedV1(agency=desk.agency)))
    return steps


def _about(city: City, behaviour: Behaviour, rng: Random) -> tuple[Desk, Offence]:
    if rng.random() < behaviour.drawn:
        offender = rng.choice(behaviour.offenders)
        return offender.desk, offender.offence
    return rng.choice(city.desks()), rng.choice(OFFENCES)


def _dispatched(diary: Diary, desk: Desk, least: int, most: int) -> tuple[datetime, EventModel]:
    data = ComplaintDispatchedV1(agency=desk.agency, section=desk.section, officer=desk.officer)
    return diary.works(least, most), data


def _passed_on(city: City, behaviour: Behaviour, diary: Diary, desk: Desk, steps: Steps) -> Desk:
    """Agencies return the complaint, up to three times, each time to another one; the desk where it ends (row B1)."""
    share = behaviour.returned(desk.agency)
    for _ in range(3):
        if not diary.happens(share):
            break
        steps.append((diary.works(0, 1), ComplaintReturnedV1(agency=desk.agency, reason="not our responsibility")))
        desk = diary.rng.choice([other for other in city.desks() if other.agency != desk.agency])
        steps.append(_dispatched(diary, desk, 0, 1))
        share = behaviour.rates.returned_again
    return desk
