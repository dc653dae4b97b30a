"""One application for an approval in the generated city: stages, pauses, extension, decision, delivery (C1, C2)."""

from datetime import datetime
from typing import Any

from services.contracts.approvals import (
    ApprovalAcceptedV1,
    ApprovalAppliedV1,
    ApprovalDecidedV1,
    ApprovalDeliveredV1,
    ApprovalExtendedV1,
    ApprovalPausedV1,
    ApprovalRefusedV1,
    ApprovalResumedV1,
    ApprovalStageFinishedV1,
    ApprovalStageStartedV1,
    PauseGround,
)
from services.contracts.envelope import EventModel
from services.contracts.limits import Limit
from simulation.city.behaviour import Behaviour, Diary
from simulation.city.registry import City, Desk, Item

Steps = list[tuple[datetime, EventModel]]
_GROUNDS: tuple[PauseGround, ...] = ("expert_review", "testing", "inspection", "hearing", "correction_of_materials")


def plan(city: City, behaviour: Behaviour, diary: Diary, ref: str) -> Steps:
    """The whole life of application `ref` handed in at the diary's instant, with what the catalogue says written in."""
    rng, rates = diary.rng, behaviour.rates
    item = rng.choice(city.items)
    section = next(s for s in city.agency(item.agency).sections if s.code == item.section)
    desk = Desk(agency=item.agency, section=item.section, officer=rng.choice(section.officers))
    who: dict[str, Any] = {"agency": desk.agency, "section": desk.section, "officer": desk.officer}
    steps: Steps = [(diary.at, ApprovalAppliedV1(
        item=item.code, item_version=item.version, enterprise=f"enterprise-{rng.randint(1, 400):03}",
        at_centre=rng.random() < 0.9, source_ref=ref, **who))]  # fmt: skip
    accepted_at = diary.works(6, 8) if diary.happens(behaviour.rate("late_acceptance", desk)) else diary.works(0, 4)
    if diary.happens(rates.refused):
        return [*steps, (accepted_at, ApprovalRefusedV1(agency=desk.agency, reason="incomplete"))]
    steps.append((accepted_at, ApprovalAcceptedV1(
        statutory_limit=item.statutory_limit, promised_limit=item.promised_limit, **who)))  # fmt: skip
    _stages(item, behaviour, diary, desk, who, steps)
    if diary.happens(rates.extended):
        extension = ApprovalExtendedV1(
            agency=desk.agency, limit=Limit(amount=10), approved_by="head of agency", notice_ref=f"{ref}/extension"
        )
        steps.append((diary.works(0, 1), extension))
    decision = diary.pace(behaviour.rate("late_permit", desk), behaviour.rate("no_decision", desk))
    if decision == "never":
        return steps
    promised, statutory = item.promised_limit.amount, item.statutory_limit.amount
    waited = diary.works(promised, statutory + 3) if decision == "late" else diary.works(0, 1)
    steps.append((waited, ApprovalDecidedV1(outcome="granted" if rng.random() < 0.9 else "denied", **who)))
    delivery = diary.pace(behaviour.rate("late_delivery", desk), rates.no_delivery)
    if delivery != "never":
        delivered_at = diary.works(11, 15) if delivery == "late" else diary.works(0, 5)
        steps.append((delivered_at, ApprovalDeliveredV1(agency=desk.agency)))
    return steps


def _stages(item: Item, behaviour: Behaviour, diary: Diary, desk: Desk, who: dict[str, Any], steps: Steps) -> None:
    """Every stage of the item in turn. A legal pause lies between two stages or within one; an abusive one begins when
    little time is left and has nothing to do with the stage."""
    rates, rng = behaviour.rates, diary.rng
    for stage in item.stages:
        steps.append((diary.works(0, 0), ApprovalStageStartedV1(stage=stage.code, limit=stage.limit, **who)))
        if diary.happens(rates.legal_pause / 2):
            _pause(diary, desk, steps, 0, 1, rng.randint(2, 8))
        days = stage.limit.amount
        if diary.happens(behaviour.rate("stage_overrun", desk)):
            finished = diary.works(days + 1, days + 4)
        else:
            finished = diary.works(0, max(0, days - 1))
        steps.append((finished, ApprovalStageFinishedV1(stage=stage.code, **who)))
        if diary.happens(rates.legal_pause / 2):
            _pause(diary, desk, steps, 0, 0, rng.randint(2, 8))
    if diary.happens(rates.abusive_pause):
        _pause(
            diary, desk, steps, max(0, item.promised_limit.amount // 2), item.promised_limit.amount, rng.randint(10, 20)
        )


def _pause(diary: Diary, desk: Desk, steps: Steps, least: int, most: int, length: int) -> None:
    ground = diary.rng.choice(_GROUNDS)
    paused = ApprovalPausedV1(agency=desk.agency, ground=ground, notice_ref=f"notice-{diary.rng.randint(1, 9999):04}")
    steps.append((diary.works(least, most), paused))
    steps.append((diary.works(length, length), ApprovalResumedV1(agency=desk.agency)))
