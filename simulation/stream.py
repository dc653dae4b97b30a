"""Commands about cases and the ticks between them, in event time. Free of I/O and of any log's format."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from services.contracts import approvals, codec, complaints, directives, inspections
from services.contracts.envelope import EventModel
from services.contracts.registry import event_type


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """Where the cases of one kind live: the service's name, its topic, and the model behind each command."""

    name: str
    topic: str
    opening: str
    models: dict[str, type[EventModel]]


SERVICES: dict[str, Service] = {
    "complaint": Service(
        name="complaints", topic="complaints.v1", opening="file",
        models={
            "file": complaints.ComplaintFiledV1, "accept": complaints.ComplaintAcceptedV1,
            "refuse": complaints.ComplaintRefusedV1, "dispatch": complaints.ComplaintDispatchedV1,
            "sign-in": complaints.ComplaintSignedV1, "return": complaints.ComplaintReturnedV1,
            "respond": complaints.ComplaintRespondedV1, "extend": complaints.ComplaintExtendedV1,
            "conclude": complaints.ComplaintConcludedV1, "reply": complaints.ComplaintRepliedV1,
            "merge": complaints.ComplaintMergedV1, "appeal-refusal": complaints.ComplaintRefusalAppealedV1,
            "review-refusal": complaints.ComplaintRefusalReviewedV1, "transfer": complaints.ComplaintTransferredV1,
            "advise": complaints.ComplaintAdvisedV1, "pause": complaints.ComplaintPausedV1,
            "resume": complaints.ComplaintResumedV1, "sign-off": complaints.ComplaintSignedOffV1,
            "answer-back": complaints.ComplaintAnsweredBackV1, "call-back": complaints.ComplaintCalledBackV1,
            "appeal": complaints.ComplaintAppealedV1, "review": complaints.ComplaintReviewedV1,
            "correct": complaints.ComplaintCorrectedV1, "close": complaints.ComplaintClosedV1,
        },
    ),
    "approval": Service(
        name="approvals", topic="approvals.v1", opening="apply",
        models={
            "apply": approvals.ApprovalAppliedV1, "accept": approvals.ApprovalAcceptedV1,
            "refuse": approvals.ApprovalRefusedV1, "start-stage": approvals.ApprovalStageStartedV1,
            "finish-stage": approvals.ApprovalStageFinishedV1, "pause": approvals.ApprovalPausedV1,
            "resume": approvals.ApprovalResumedV1, "extend": approvals.ApprovalExtendedV1,
            "decide": approvals.ApprovalDecidedV1, "deliver": approvals.ApprovalDeliveredV1,
        },
    ),
    "inspection": Service(
        name="inspections", topic="inspections.v1", opening="visit",
        models={
            "visit": inspections.InspectionVisitedV1, "find": inspections.InspectionFoundV1,
            "close": inspections.InspectionClosedV1,
        },
    ),
    "directive": Service(
        name="directives", topic="directives.v1", opening="issue",
        models={
            "issue": directives.DirectiveIssuedV1, "report": directives.DirectiveReportedV1,
            "verify": directives.DirectiveVerifiedV1,
        },
    ),
}  # fmt: skip
_COMMANDS = {
    (kind, event_type(model)): command
    for kind, service in SERVICES.items()
    for command, model in service.models.items()
}


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """One step in the life of case `source_ref`: its `ordinal` counts 1, 2, 3… and equals the event's sequence.

    `data` is the JSON of the event's model, as the service takes it.
    """

    kind: str
    source_ref: str
    ordinal: int
    command: str
    occurred_at: datetime
    data: msgspec.Raw


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """A tick and the commands after it, up to the next segment's tick: every command has `occurred_at` >= `as_of`."""

    index: int
    as_of: datetime
    commands: Sequence[Command]


def case_commands(kind: str, source_ref: str, steps: Iterable[tuple[datetime, EventModel]]) -> list[Command]:
    """The commands of one case from (instant, event data), in the order given within one instant."""
    ordered = sorted(steps, key=lambda step: step[0])
    return [
        Command(
            kind=kind, source_ref=source_ref, ordinal=ordinal, command=_COMMANDS[kind, event_type(type(model))],
            occurred_at=at, data=msgspec.Raw(codec.encode_json(model)),
        )
        for ordinal, (at, model) in enumerate(ordered, start=1)
    ]  # fmt: skip


def in_order(commands: Iterable[Command]) -> list[Command]:
    """All cases' commands by (instant, case, ordinal): the one order in which they are sent."""
    return sorted(commands, key=lambda c: (c.occurred_at, c.source_ref, c.ordinal))


def daily_segments(commands: Sequence[Command], zone: ZoneInfo, end: datetime) -> Iterator[Segment]:
    """One segment for each local day that has commands, its tick at that day's midnight, and a last one whose tick
    is `end` and that has no commands. `commands` come in order and none is later than `end`."""
    index, first = 0, 0
    while first < len(commands):
        day = commands[first].occurred_at.astimezone(zone).date()
        last = first
        while last < len(commands) and commands[last].occurred_at.astimezone(zone).date() == day:
            last += 1
        midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
        yield Segment(index=index, as_of=midnight, commands=commands[first:last])
        index, first = index + 1, last
    if commands:
        yield Segment(index=index, as_of=end, commands=())
