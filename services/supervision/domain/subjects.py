"""The subjects fold: repeat offenders over sliding windows of event time (domain row H3). Free of I/O and wall clocks.

Facts of different sources arrive in a different order in every run. So they wait in the state until the watermark has
passed them and are then counted by (known_at, fact_id): windows, evidence and alerts are the same in every replay.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Final, Self

import msgspec

from services.contracts.alerts import AlertCorrectedV1, AlertRaisedV1, AlertV1, TrailStep
from services.contracts.envelope import Event
from services.contracts.facts import FactRecordedV1
from services.contracts.identifiers import alert_id, name_of
from services.contracts.instants import from_micros, to_micros
from services.contracts.topics import ALERTS
from services.supervision.domain.alerts import CORRECTION
from services.supervision.domain.calendar import Calendar
from services.supervision.domain.fold import Effect, State
from services.supervision.domain.policy import SCOPES, SubjectPolicy, SubjectRule

# A window keeps the newest facts only: as many as its threshold needs, and these to stand in for corrected ones.
SPARE: Final = 16


class Fact(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What the fold keeps of a fact.recorded.v1."""

    known_at: int
    fact_id: str
    offence: str
    case_ref: str
    agency: str
    section: str | None
    officer: str | None
    alert_id: str | None
    evidence: list[str]


class Raised(msgspec.Struct, array_like=True, gc=False):
    """The newest alert of one rule: the facts that made it (the last one crossed the threshold), and whether the count
    has stayed at the threshold since."""

    facts: list[Fact]
    above: bool = True
    corrected_at: int | None = None


class SubjectState(State, array_like=True, kw_only=True):
    """One subject of one timeline. `pending` and the windows are in the order of (known_at, fact_id)."""

    subject: str
    pending: list[Fact] = []
    windows: dict[str, list[Fact]] = {}
    raised: dict[str, Raised] = {}


class SubjectsFold:
    """Pure; see fold.Fold. Times are known_at: facts with known_at < watermark are complete."""

    name = "subjects"
    state_type = SubjectState
    decree_types: frozenset[str] = frozenset()

    def __init__(self, policy: SubjectPolicy, calendar: Calendar) -> None:
        self.policy = policy
        self.calendar = calendar
        offences = {offence for rule in policy.rules for offence in rule.offences}
        self._rules: dict[tuple[str, str], tuple[SubjectRule, ...]] = {
            (scope, offence): rules
            for scope in SCOPES
            for offence in offences
            if (rules := tuple(rule for rule in policy.rules if scope in rule.thresholds and offence in rule.offences))
        }

    def fold(
        self, state: SubjectState | None, event: Event, watermark: int
    ) -> tuple[SubjectState | None, Sequence[Effect]]:
        data: FactRecordedV1 = event.data
        if (_scope(data.subject), data.offence.removesuffix(CORRECTION)) not in self._rules:
            return state, ()
        if state is None:
            state = SubjectState(timeline=event.timeline, subject=data.subject)
        fact = Fact(
            to_micros(data.known_at), data.fact_id, data.offence, data.case_ref, data.agency, data.section,
            data.officer, data.alert_id, data.evidence,
        )  # fmt: skip
        place = bisect_left(state.pending, _order(fact), key=_order)
        if place == len(state.pending) or state.pending[place].fact_id != fact.fact_id:
            state.pending.insert(place, fact)
        return self.wake(state, watermark)

    def wake(self, state: SubjectState, watermark: int) -> tuple[SubjectState, Sequence[Effect]]:
        effects: list[Effect] = []
        complete = bisect_left(state.pending, watermark, key=_known_at)
        for fact in state.pending[:complete]:
            self._count(state, fact, effects)
        del state.pending[:complete]
        state.wake_at = state.pending[0].known_at if state.pending else None
        return state, effects

    def decreed(self, event: Event) -> Self:
        return self

    def recompute(self, state: SubjectState, event: Event, watermark: int) -> tuple[SubjectState, Sequence[Effect]]:
        return state, ()

    def _count(self, state: SubjectState, fact: Fact, effects: list[Effect]) -> None:
        scope, offence = _scope(state.subject), fact.offence.removesuffix(CORRECTION)
        for rule in self._rules.get((scope, offence), ()):
            window = state.windows.setdefault(rule.name, [])
            if fact.offence != offence:
                self._uncount(state, rule, window, fact, effects)
                continue
            threshold = rule.thresholds[scope]
            place = bisect_left(window, _order(fact), key=_order)
            if place < len(window) and window[place].fact_id == fact.fact_id:
                continue
            if place == 0 and len(window) >= threshold + SPARE:
                continue
            first = bisect_right(window, fact.known_at - rule.window, key=_known_at)
            window.insert(place, fact)
            raised = state.raised.get(rule.name)
            if raised is not None and place - first < threshold:
                raised.above = False
            if place + 1 - first >= threshold and (raised is None or not raised.above):
                state.raised[rule.name] = raised = Raised(window[first : place + 1])
                effects.append(self._alert(AlertRaisedV1, state, rule, raised, fact.known_at))
            outside = bisect_right(window, window[-1].known_at - rule.window, key=_known_at)
            del window[: max(outside, len(window) - threshold - SPARE)]

    def _uncount(
        self, state: SubjectState, rule: SubjectRule, window: list[Fact], correction: Fact, effects: list[Effect]
    ) -> None:
        """In time after all: the fact leaves the window, and an alert that cannot stand without it is corrected."""
        mistaken = correction.evidence[0] if correction.evidence else ""
        window[:] = [fact for fact in window if fact.fact_id != mistaken]
        raised = state.raised.get(rule.name)
        if raised is None or raised.corrected_at is not None or all(f.fact_id != mistaken for f in raised.facts):
            return
        threshold = rule.thresholds[_scope(state.subject)]
        if len(window) - bisect_right(window, correction.known_at - rule.window, key=_known_at) < threshold:
            raised.corrected_at, raised.above = correction.known_at, False
            effects.append(self._alert(AlertCorrectedV1, state, rule, raised, correction.known_at))

    def _alert(self, model: type[AlertV1], state: SubjectState, rule: SubjectRule, raised: Raised, at: int) -> Effect:
        facts, crossing, scope = raised.facts, raised.facts[-1], _scope(state.subject)
        corrected = raised.corrected_at
        alert = alert_id(rule.name, state.timeline, state.subject, crossing.fact_id)
        version = 1 if corrected is None else 2
        data = model(
            alert_id=alert, version=version, rule=rule.name, subject=_shown(state.subject), timeline=state.timeline,
            severity=rule.severity, state="open" if corrected is None else "corrected",
            raised_at=from_micros(crossing.known_at),
            corrected_at=None if corrected is None else from_micros(corrected),
            policy_version=self.policy.version, calendar_version=self.calendar.version,
            explanation=self._explain(state, rule, raised), agency=crossing.agency, agencies=_pair(state.subject),
            case_ref=crossing.case_ref if scope == "pair" else None,
            section=None if scope == "agency" else crossing.section,
            officer=crossing.officer if scope == "officer" else None,
            evidence=list(dict.fromkeys(event for fact in facts for event in fact.evidence)),
            trail=[_counted(fact) for fact in facts],
        )  # fmt: skip
        return Effect(
            topic=ALERTS, id=name_of("effect", alert, version), subject=alert, time=at, sequence=version,
            timeline=state.timeline, data=data,
        )  # fmt: skip

    def _explain(self, state: SubjectState, rule: SubjectRule, raised: Raised) -> dict[str, str]:
        facts = raised.facts
        days = [self.calendar.local_day(fact.known_at).isoformat() for fact in facts]
        who, threshold = _shown(state.subject), rule.thresholds[_scope(state.subject)]
        en = (
            f"{rule.label['en'].capitalize()}: {who}, {len(facts)} times within {rule.window_days} days "
            f"(reported from {threshold}): {', '.join(days)}"
        )
        zh = (
            f"{rule.label['zh']}：{who}，{rule.window_days}天内{len(facts)}次（达{threshold}次即报）：{'、'.join(days)}"
        )
        if _scope(state.subject) == "pair":
            en += f"; all in the case {facts[-1].case_ref}"
            zh += f"；同一件{facts[-1].case_ref}"
        if raised.corrected_at is not None:
            en += "; corrected: one of them was in time after all"
            zh += "；更正：其中有未超期的"
        return {"zh": zh + "。", "en": en + "."}


def _scope(subject: str) -> str:
    return subject.partition(":")[0]


def _shown(subject: str) -> str:
    """A subject as its alert names it: of a pair of agencies without the case in which they are one."""
    return subject.partition("/")[0] if _scope(subject) == "pair" else subject


def _pair(subject: str) -> list[str]:
    """The two agencies of a pair; none for any other subject, whose agency says it all."""
    return _shown(subject).partition(":")[2].split("|") if _scope(subject) == "pair" else []


def _order(fact: Fact) -> tuple[int, str]:
    return fact.known_at, fact.fact_id


def _known_at(fact: Fact) -> int:
    return fact.known_at


def _counted(fact: Fact) -> TrailStep:
    return TrailStep(
        step="counted", at=from_micros(fact.known_at), event_id=fact.evidence[-1] if fact.evidence else None,
        detail={"fact_id": fact.fact_id, "offence": fact.offence, "case_ref": fact.case_ref, "alert_id": fact.alert_id},
    )  # fmt: skip
