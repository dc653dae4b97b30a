"""One moment, one city's policies and small builders for the tests of the rules. Reads the policy files once."""

from collections.abc import Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from services.contracts.alerts import AlertV1
from services.contracts.envelope import Event, EventModel
from services.contracts.facts import FactRecordedV1
from services.contracts.instants import to_micros
from services.contracts.registry import event_type
from services.supervision.domain.calendar import Calendar
from services.supervision.domain.cases import CasesFold
from services.supervision.domain.fold import NEVER, Effect
from services.supervision.domain.policy import Policies
from services.supervision.domain.subjects import SubjectsFold, SubjectState
from services.supervision.policy_files import load_policies

LOCAL = ZoneInfo("Asia/Shanghai")
POLICY_FOLDER = Path(__file__).parents[3] / "policies"


@cache
def policies() -> Policies:
    return load_policies(POLICY_FOLDER)


def calendar() -> Calendar:
    return policies().calendar


def when(text: str) -> datetime:
    """A local time of the city: "2026-03-02" is nine in the morning, "2026-03-02 17:30" as it says."""
    return datetime.fromisoformat(text if " " in text else f"{text} 09:00").replace(tzinfo=LOCAL)


def micros(text: str) -> int:
    return to_micros(when(text))


def end_of(day: str) -> int:
    """The last microsecond of a local day."""
    return to_micros(datetime.fromisoformat(f"{day} 23:59:59.999999").replace(tzinfo=LOCAL))


class Case:
    """One case on its way through the fold; every state passes through its stored form between two calls."""

    def __init__(self, case_id: str = "case-1", fold: CasesFold | None = None, timeline: str = "live") -> None:
        self.fold = fold or CasesFold(policies().cases, policies().calendar)
        self.case_id = case_id
        self.timeline = timeline
        self.effects: list[Effect] = []
        self.sequence = 0
        self.watermark = NEVER
        self._stored: bytes | None = None

    @property
    def state(self):
        return msgspec.msgpack.decode(self._stored, type=self.fold.state_type) if self._stored else None

    def event(self, at: str | datetime, data: EventModel, sequence: int | None = None) -> "Case":
        self.sequence = self.sequence + 1 if sequence is None else sequence
        moment = when(at) if isinstance(at, str) else at
        return self.take(event(moment, data, self.sequence, self.case_id, self.timeline))

    def take(self, record: Event) -> "Case":
        state, effects = self.fold.fold(self.state, record, self.watermark)
        return self._keep(state, effects)

    def tick(self, as_of: str | datetime) -> "Case":
        self.watermark = to_micros(when(as_of) if isinstance(as_of, str) else as_of)
        state = self.state
        if state is not None and state.wake_at is not None and state.wake_at < self.watermark:
            self._keep(*self.fold.wake(state, self.watermark))
            assert self.state.wake_at is None or self.state.wake_at >= self.watermark
        return self

    def decree(self, at: str, data: EventModel) -> "Case":
        record = event(when(at), data, 0, "calendar", self.timeline)
        self.fold = self.fold.decreed(record)
        state = self.state
        if state is not None and state.provisional:
            self._keep(*self.fold.recompute(state, record, self.watermark))
        return self

    def _keep(self, state, effects) -> "Case":
        self._stored = None if state is None else msgspec.msgpack.encode(state)
        self.effects.extend(effects)
        return self

    @property
    def alerts(self) -> dict[str, AlertV1]:
        """The newest version of every alert, by "rule clock"; versions must come as 1, 2, 3…"""
        newest: dict[str, AlertV1] = {}
        for data in self.said(AlertV1):
            key = f"{data.rule} {data.clock}"
            assert data.version == (newest[key].version + 1 if key in newest else 1)
            newest[key] = data
        return newest

    @property
    def facts(self) -> list[FactRecordedV1]:
        return list(self.said(FactRecordedV1))

    def said(self, model: type) -> Iterator:
        return (effect.data for effect in self.effects if isinstance(effect.data, model))

    def states(self) -> dict[str, str]:
        return {name: alert.state for name, alert in self.alerts.items()}


def event(at: datetime, data: EventModel, sequence: int, subject: str, timeline: str = "live") -> Event:
    return Event(
        id=f"{subject}-e{sequence}", source="/test", type=event_type(type(data)), subject=subject, time=at,
        sequence=sequence, timeline=timeline, data=data,
    )  # fmt: skip


class Subject:
    """One subject on its way through the fold of repeat offenders."""

    def __init__(self, subject: str = "officer:o1", fold: SubjectsFold | None = None) -> None:
        self.fold = fold or SubjectsFold(policies().subjects, policies().calendar)
        self.subject = subject
        self.effects: list[Effect] = []
        self.watermark = NEVER
        self._stored: bytes | None = None

    @property
    def state(self) -> SubjectState | None:
        return msgspec.msgpack.decode(self._stored, type=SubjectState) if self._stored else None

    def fact(self, at: str | datetime, name: str, offence: str = "overdue", corrects: str | None = None) -> "Subject":
        moment = when(at) if isinstance(at, str) else at
        data = FactRecordedV1(
            fact_id=name, subject=self.subject, offence=offence, known_at=moment, occurred_at=moment,
            case_ref=f"case-of-{name}", agency="a1", section="s1", officer="o1", evidence=[corrects or f"event-{name}"],
        )  # fmt: skip
        state, effects = self.fold.fold(self.state, event(moment, data, 1, self.subject), self.watermark)
        return self._keep(state, effects)

    def tick(self, as_of: str | datetime) -> "Subject":
        self.watermark = to_micros(when(as_of) if isinstance(as_of, str) else as_of)
        state = self.state
        if state is not None and state.wake_at is not None and state.wake_at < self.watermark:
            self._keep(*self.fold.wake(state, self.watermark))
        return self

    def _keep(self, state, effects) -> "Subject":
        self._stored = None if state is None else msgspec.msgpack.encode(state)
        self.effects.extend(effects)
        return self

    @property
    def alerts(self) -> list[AlertV1]:
        return [effect.data for effect in self.effects]
