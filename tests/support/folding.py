"""Both folds over a stream of records in memory: what the workers and the topics do, without them."""

from collections.abc import Iterable
from pathlib import Path

from services.contracts import codec
from services.contracts.alerts import AlertV1
from services.contracts.envelope import Event
from services.contracts.facts import FactRecordedV1
from services.contracts.instants import from_micros, to_micros
from services.contracts.registry import event_type
from services.contracts.topics import ALERTS
from services.supervision.domain.cases import CasesFold
from services.supervision.domain.fold import NEVER, Effect, State
from services.supervision.domain.subjects import SubjectsFold
from services.supervision.policy_files import load_policies
from simulation.replay import Record

SOURCES = 16
POLICIES = Path(__file__).parents[2] / "policies"


class Supervision:
    """Folds records of one timeline. `alerts` holds the newest version of every alert by id."""

    def __init__(self) -> None:
        policies = load_policies(POLICIES)
        self._cases = CasesFold(policies.cases, policies.calendar)
        self._subjects = SubjectsFold(policies.subjects, policies.calendar)
        self._states: dict[tuple[str, int], dict[str, State]] = {}
        self._subject_states: dict[str, State] = {}
        self._watermarks: dict[tuple[str, int], int] = {}
        self._forwarded: dict[tuple[str, int], int] = {}
        self.alerts: dict[str, AlertV1] = {}

    def take(self, records: Iterable[Record]) -> None:
        """Fold `records` in order."""
        for record in records:
            place = (record.topic, record.partition)
            event = codec.decode(record.value)
            if event.subject == "clock":
                self._tick(place, to_micros(event.data.as_of))
            else:
                states = self._states.setdefault(place, {})
                state, effects = self._cases.fold(states.get(event.subject), event, self._watermarks.get(place, NEVER))
                if state is not None:
                    states[event.subject] = state
                self._put(effects)

    def _tick(self, place: tuple[str, int], as_of: int) -> None:
        self._watermarks[place] = max(as_of, self._watermarks.get(place, NEVER))
        self._put(self._wake(self._states.setdefault(place, {}), self._cases, as_of))
        self._forwarded[place] = self._watermarks[place]  # a tick is forwarded after the effects that it caused
        self._put(self._wake(self._subject_states, self._subjects, self._known()))

    def _known(self) -> int:
        """The watermark of facts: the smallest one that all sixteen source partitions have forwarded."""
        return min(self._forwarded.values()) if len(self._forwarded) == SOURCES else NEVER

    def _wake(self, states: dict[str, State], fold: CasesFold | SubjectsFold, watermark: int) -> list[Effect]:
        due = sorted(
            (state.wake_at, key)
            for key, state in states.items()
            if state.wake_at is not None and state.wake_at < watermark
        )
        effects: list[Effect] = []
        for _, key in due:
            states[key], more = fold.wake(states[key], watermark)  # type: ignore[arg-type]
            effects += more
        return effects

    def _put(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            if effect.topic == ALERTS:
                assert isinstance(effect.data, AlertV1)
                known = self.alerts.get(effect.data.alert_id)
                if known is None or known.version < effect.data.version:
                    self.alerts[effect.data.alert_id] = effect.data
            else:
                assert isinstance(effect.data, FactRecordedV1)
                fact = Event(
                    id=effect.id, source="/supervision/cases", type=event_type(FactRecordedV1), subject=effect.subject,
                    time=from_micros(effect.time), sequence=effect.sequence, timeline=effect.timeline, data=effect.data,
                )  # fmt: skip
                earlier = self._subject_states.get(effect.subject)
                state, more = self._subjects.fold(earlier, fact, self._known())  # type: ignore[arg-type]
                if state is not None:
                    self._subject_states[effect.subject] = state
                self._put(more)
