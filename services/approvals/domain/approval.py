"""The life of an application for an approval (rows C1, C2). Free of frameworks, clocks and I/O.

    new ─apply→ applied ─accept→ accepted ─decide→ decided ─deliver→ delivered
                   │               │   ↑               ↑
                   │             pause resume          │ decide (withdrawn)
                   │               ↓   │               │
                   └─refuse→      paused ──────────────┘
                      refused

extend leaves an accepted application where it is. start-stage and finish-stage leave one that is accepted, decided or
delivered where it is (some stages follow the decision); while it is paused a stage may be finished but none started.
A stage runs once at a time.
"""

from datetime import datetime

import msgspec

from services.approvals.domain.item import Item, Stage
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
)
from services.contracts.envelope import EventModel
from services.contracts.lifecycle import Case, Command, Lifecycle, advance
from services.contracts.limits import Limit


def _stages(status: str) -> dict[str, tuple[str, ...]]:
    return {"start-stage": (status,), "finish-stage": (status,)}


LIFE = Lifecycle(
    kind="approval",
    opening="apply",
    models={
        "apply": ApprovalAppliedV1, "accept": ApprovalAcceptedV1, "refuse": ApprovalRefusedV1,
        "start-stage": ApprovalStageStartedV1, "finish-stage": ApprovalStageFinishedV1, "pause": ApprovalPausedV1,
        "resume": ApprovalResumedV1, "extend": ApprovalExtendedV1, "decide": ApprovalDecidedV1,
        "deliver": ApprovalDeliveredV1,
    },
    table={
        "new": {"apply": ("applied",)},
        "applied": {"accept": ("accepted",), "refuse": ("refused",)},
        "accepted": {**_stages("accepted"), "pause": ("paused",), "extend": ("accepted",), "decide": ("decided",)},
        "paused": {"finish-stage": ("paused",), "resume": ("accepted",), "decide": ("decided",)},
        "decided": {**_stages("decided"), "deliver": ("delivered",)},
        "delivered": _stages("delivered"),
        "refused": {},
    },
)  # fmt: skip


class Approval(Case, frozen=True, kw_only=True):
    """What the catalogue said on the day of the application stays with it, whatever the catalogue says later."""

    item: str = ""
    item_version: str | None = None
    section: str | None = None
    statutory_limit: Limit | None = None
    promised_limit: Limit | None = None
    stages: tuple[Stage, ...] = ()
    open_stages: tuple[str, ...] = ()


def decide(document: Approval, command: Command, now: datetime) -> tuple[Approval, tuple[EventModel, ...]]:
    """The application after `command` at `now`, and its events. `command.reference` is the Item applied for, if known.

    What a command leaves open and the catalogue knows is written into the event: section, limits, a stage's limit.
    Raises Refused when the status or the stage does not allow the command, or `now` lies before the last event.
    """
    (status,) = LIFE.next_statuses(document, command, now)
    match command.data:
        case ApprovalAppliedV1() as applied:
            return _apply(document, status, applied, command.reference, now)
        case ApprovalAcceptedV1() as accepted:
            data: EventModel = msgspec.structs.replace(
                accepted, section=accepted.section or document.section,
                statutory_limit=accepted.statutory_limit or document.statutory_limit,
                promised_limit=accepted.promised_limit or document.promised_limit,
            )  # fmt: skip
            return advance(document, status, now), (data,)
        case ApprovalStageStartedV1() as started:
            return _start_stage(document, status, started, now)
        case ApprovalStageFinishedV1(stage=stage) as finished:
            if stage not in document.open_stages:
                running = ", ".join(document.open_stages) or "none"
                raise LIFE.refusal(document, "stage-not-open", f"stage {stage} is not running: {running} is")
            remaining = tuple(name for name in document.open_stages if name != stage)
            return advance(document, status, now, open_stages=remaining), (finished,)
        case ApprovalDecidedV1(outcome=outcome) if document.status == "paused" and outcome != "withdrawn":
            detail = f"decide ({outcome}) while the clock is stopped: resume first; only a withdrawal ends a pause"
            raise LIFE.refusal(document, "paused", detail)
        case _:
            return advance(document, status, now), (command.data,)


def _apply(
    document: Approval, status: str, applied: ApprovalAppliedV1, item: Item | None, now: datetime
) -> tuple[Approval, tuple[EventModel, ...]]:
    section, version = applied.section, applied.item_version
    if item is not None:
        section, version = section or item.section, version or item.version
        document = msgspec.structs.replace(
            document, statutory_limit=item.statutory_limit, promised_limit=item.promised_limit, stages=item.stages
        )
    after = advance(
        document, status, now, agency=applied.agency, item=applied.item, item_version=version, section=section
    )
    return after, (msgspec.structs.replace(applied, section=section, item_version=version),)


def _start_stage(
    document: Approval, status: str, started: ApprovalStageStartedV1, now: datetime
) -> tuple[Approval, tuple[EventModel, ...]]:
    if started.stage in document.open_stages:
        detail = f"stage {started.stage} is running already: finish it before it starts again"
        raise LIFE.refusal(document, "stage-open", detail)
    limit = started.limit
    if limit is None and started.due_at is None:
        limit = next((stage.limit for stage in document.stages if stage.code == started.stage), None)
    after = advance(document, status, now, open_stages=(*document.open_stages, started.stage))
    return after, (msgspec.structs.replace(started, limit=limit),)
