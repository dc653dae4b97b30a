"""Whatever the decoder lets through, the rules must take. Free of stores and of hypothesis."""

from functools import cache
from pathlib import Path

import msgspec

from services.contracts import codec
from services.contracts.approvals import ApprovalAcceptedV1, ApprovalAppliedV1, ApprovalStageStartedV1
from services.contracts.codec import Undecodable
from services.contracts.complaints import ComplaintDispatchedV1, ComplaintFiledV1
from services.contracts.directives import DirectiveIssuedV1
from services.contracts.envelope import Event, EventModel
from services.contracts.instants import from_micros, to_micros
from services.contracts.limits import Limit
from services.contracts.registry import event_type
from services.supervision.domain.calendar import MICROS_MAX
from services.supervision.domain.case import CaseState
from services.supervision.domain.cases import CasesFold
from services.supervision.domain.fold import NEVER, Effect
from services.supervision.policy_files import load_policies

_POLICIES = Path(__file__).parents[2] / "policies"
_T0 = 1_772_420_400_000_000  # 2 March 2026, 11:00 in the city
_LIMIT = Limit(amount=10)
_LIVES: tuple[tuple[EventModel, ...], ...] = (
    (),
    (ComplaintFiledV1(channel="letter"), ComplaintDispatchedV1(agency="a1", officer="o1")),
    (
        ApprovalAppliedV1(item="i", agency="a1"), ApprovalAcceptedV1(agency="a1", promised_limit=_LIMIT),
        ApprovalStageStartedV1(stage="survey", agency="a2", limit=_LIMIT),
    ),
    (DirectiveIssuedV1(agency="a1", kind="other"),),
)  # fmt: skip


@cache
def _fold() -> CasesFold:
    policies = load_policies(_POLICIES)
    return CasesFold(policies.cases, policies.calendar)


@cache
def _begun() -> tuple[bytes | None, ...]:
    """The stored states of cases in the middle of their lives."""
    return tuple(_state_after(life) for life in _LIVES)


def _state_after(life: tuple[EventModel, ...]) -> bytes | None:
    state: CaseState | None = None
    for number, data in enumerate(life):
        event = Event(
            id=f"e{number}", source="/s", type=event_type(type(data)), subject="c", time=from_micros(_T0),
            sequence=number + 1, timeline="live", data=data,
        )  # fmt: skip
        state, _ = _fold().fold(state, event, NEVER)
    return None if state is None else msgspec.msgpack.encode(state)


def can_be_folded(value: bytes | None) -> None:
    """Fold the event in `value`, if there is one, into every kind of case, early and late, and let all time pass.

    AssertionError when what the rules say could not be published; what else is raised is a mistake of the rules.
    """
    try:
        event = codec.decode(value)
    except Undecodable:
        return
    fold = _fold()
    if event.type in fold.decree_types:
        fold = fold.decreed(event)
    for begun in _begun():
        for watermark in (NEVER, to_micros(event.time), MICROS_MAX * 2):
            state = None if begun is None else msgspec.msgpack.decode(begun, type=CaseState)
            after, effects = fold.fold(state, msgspec.structs.replace(event, sequence=event.sequence + 9), watermark)
            assert after is not None
            _can_be_published([*effects])
            stored = msgspec.msgpack.decode(msgspec.msgpack.encode(after), type=CaseState)
            last, effects = fold.wake(stored, MICROS_MAX * 2)
            assert last.wake_at is None
            _can_be_published([*effects])


def _can_be_published(effects: list[Effect]) -> None:
    for effect in effects:
        value = codec.encode(
            effect.data, id=effect.id, source="/s", subject=effect.subject, time=from_micros(effect.time),
            sequence=effect.sequence, timeline=effect.timeline,
        )  # fmt: skip
        assert len(value) < 1_000_000
        assert codec.decode(value).data == effect.data
