"""Which alerts must come, by brute force over whole histories. Shares no code with supervision: its own reading of
policies/*.yaml, its own working days, its own clocks. Rows B1, B2, B5, C2, G1, H1, H2, H3.

An event at the due instant is in time. Time passes in a case before each of its events and up to `end`.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import yaml

from services.contracts.registry import event_type
from simulation import working_days
from simulation.deadlines import Deadline
from simulation.stream import SERVICES, Command
from simulation.working_days import WorkingDays

_TICK = timedelta(microseconds=1)
_OFFICE = "office"
_TAKES_OVER = frozenset({
    "complaint.dispatched.v1", "complaint.transferred.v1", "complaint.signed.v1", "approval.applied.v1",
    "approval.accepted.v1", "inspection.visited.v1", "directive.issued.v1",
})  # fmt: skip
Who = tuple[str, str | None, str | None]


class Expected(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """An alert that must stand on the board. `subject` is the case's own reference, or "agency:CODE" and the like;
    `at` is the due instant of a clock's alert and the instant of a subject's alert."""

    rule: str
    subject: str
    clock: str
    at: datetime
    state: str
    severity: str
    agency: str


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """Something that counts against whoever is named in `who`; or for the `pair` of agencies that passed a case on."""

    at: datetime
    offence: str
    who: Who
    pair: str = ""


class Round(msgspec.Struct, kw_only=True):
    """One run of one clock of a case, and what has been said about it."""

    spec: dict[str, Any]
    value: str | None
    name: str
    deadline: Deadline
    holder: Who | None
    stopped: bool = False
    warned: list[Any] | None = None
    breached: list[Any] | None = None


def expected(commands: Iterable[Command], policies: Path, end: datetime) -> set[Expected]:
    """Every alert of these cases once the last tick is `end`."""
    cases_policy, subjects_policy = (
        yaml.safe_load((policies / name).read_text(encoding="utf-8")) for name in ("cases.yaml", "subjects.yaml")
    )
    days = working_days.load(policies)
    histories: defaultdict[tuple[str, str], list[Command]] = defaultdict(list)
    for command in commands:
        histories[command.kind, command.source_ref].append(command)
    alerts: set[Expected] = set()
    facts: list[Fact] = []
    for (_, ref), history in histories.items():
        case = _Case(ref, cases_policy, days)
        case.live(sorted(history, key=lambda c: c.ordinal), end)
        alerts |= case.alerts()
        facts += case.facts
    return alerts | _repeats(facts, subjects_policy["rules"], end)


class _Case:
    def __init__(self, ref: str, policy: dict[str, Any], days: WorkingDays) -> None:
        self.ref, self.policy, self.days = ref, policy, days
        self.clocks: dict[str, dict[str, Any]] = {}
        self.rounds: list[Round] = []
        self.facts: list[Fact] = []
        self.holder: Who | None = None

    def live(self, history: Sequence[Command], end: datetime) -> None:
        for command in history:
            model = SERVICES[command.kind].models[command.command]
            data = msgspec.json.decode(command.data, type=model)
            if command.ordinal == 1:
                self.clocks = self.policy["procedures"][data.procedure]["clocks"]  # type: ignore[attr-defined]
            self._pass_time(command.occurred_at)
            self._happen(event_type(model), command.occurred_at, data)
        self._pass_time(end)

    def alerts(self) -> set[Expected]:
        found = set()
        for run in self.rounds:
            for rule, said in (("warning", run.warned), (run.spec["rule"], run.breached)):
                if said is not None:
                    due, state, severity, who = said
                    found.add(
                        Expected(
                            rule=rule, subject=self.ref, clock=run.name, at=due, state=state, severity=severity,
                            agency=who[0],
                        )
                    )  # fmt: skip
        return found

    def _happen(self, kind: str, at: datetime, data: Any) -> None:
        before = self.holder
        if kind in _TAKES_OVER:
            self.holder = self._completed(data)
        for name, spec in self.clocks.items():
            self._clock(name, spec, kind, at, data)
        for rule in self.policy["facts"]:  # YAML 1.1 reads the key `on` as true
            if (
                rule.get("on", rule.get(True)) == kind
                and _matches(rule.get("when"), data)
                and not _excepted(rule.get("unless"), data)
                and not getattr(data, rule.get("without", ""), None)
            ):
                self._count(rule, at, data, before)

    def _clock(self, name: str, spec: dict[str, Any], kind: str, at: datetime, data: Any) -> None:
        """What an event does to the clocks of one name. Those that start with it are stopped whatever it names."""
        named = getattr(data, spec.get("per", ""), None)
        values = list(dict.fromkeys(named)) if isinstance(named, list) else [named]
        runs = [r for r in self.rounds if r.spec is spec]
        starts = kind in spec["start"] or kind in spec.get("restart_on", ())
        for run in runs:
            if starts or not named or run.value in values:
                self._move(name, run, kind, at, data)
        for value in values:
            holder = None
            if value is not None:
                holder = _apart(value) if isinstance(named, list) else self._named(data)
            mine = [r for r in runs if value is None or r.value == value]
            self._start(name, spec, value, holder, mine, kind, at, data)

    def _count(self, rule: dict[str, Any], at: datetime, data: Any, before: Who | None) -> None:
        offence = rule.get("offence") or getattr(data, rule["offence_from"])
        if not rule.get("pair"):
            if data.agency is not None or self.holder is not None:
                self.facts.append(Fact(at=at, offence=offence, who=self._completed(data)))
        elif before is not None and data.agency not in (None, before[0]):
            pair = f"pair:{'|'.join(sorted((before[0], data.agency)))}/{self.ref}"
            self.facts.append(Fact(at=at, offence=offence, who=(before[0], None, None), pair=pair))

    def _move(self, name: str, run: Round, kind: str, at: datetime, data: Any) -> None:
        spec = run.spec
        if kind in spec.get("stop", ()):
            self._stop(run)
        elif kind in spec.get("renew_on", ()) and not run.stopped:
            deadline = Deadline.of(self.days, at, spec["limit"], spec.get("warn_at_percent"))
            if run.breached:
                self._stop(run)
                self._add(name, spec, run.value, run.holder, deadline)
            else:
                run.deadline = deadline
        elif run.stopped or run.breached:
            return
        elif kind in spec.get("pause", ()):
            run.deadline.pause(at)
        elif kind in spec.get("resume", ()):
            run.deadline.resume(at)
        elif kind in spec.get("extend", ()):
            run.deadline.extend(data.limit)

    def _stop(self, run: Round) -> None:
        if run.stopped:
            return
        run.stopped = True
        due = run.deadline.due()
        if run.warned and run.warned[1] == "open":
            run.warned[0], run.warned[1] = due or run.warned[0], "settled"
        if run.breached:
            run.breached[1] = "settled"

    def _start(
        self, name: str, spec: dict[str, Any], value: str | None, holder: Who | None, mine: list[Round], kind: str,
        at: datetime, data: Any,
    ) -> None:  # fmt: skip
        asked = {field: wanted for field, wanted in spec.get("restart_when", {}).items() if hasattr(data, field)}
        again = kind in spec.get("restart_on", ()) and _matches(asked, data)
        if not (again or (kind in spec["start"] and not mine)):
            return
        limit: Any = spec.get("limit")
        for source in ("limit_from", "due_from"):
            limit = getattr(data, spec.get(source) or "", None) or limit
        if limit is None:
            return
        for run in mine:
            if not run.breached:
                self._stop(run)
        self._add(name, spec, value, holder, Deadline.of(self.days, at, limit, spec.get("warn_at_percent")))

    def _add(
        self, name: str, spec: dict[str, Any], value: str | None, holder: Who | None, deadline: Deadline
    ) -> None:  # fmt: skip
        label = name if value is None else f"{name}:{value}"
        before = sum(r.spec is spec and r.value == value for r in self.rounds)
        self.rounds.append(
            Round(
                spec=spec, value=value, name=label if not before else f"{label}#{before + 1}", holder=holder,
                deadline=deadline,
            )
        )  # fmt: skip

    def _pass_time(self, until: datetime) -> None:
        for run in self.rounds:
            if run.stopped:
                continue
            due, warn_at, who = run.deadline.due(), run.deadline.warn_at(), self._answers(run)
            if not run.breached and not run.warned and warn_at is not None and warn_at < until:
                run.warned = [due, "open", "warning", who]
            if due is None or due >= until:
                continue
            if not run.breached:
                run.breached = [due, "open", run.spec["severity"], who]
                if run.warned and run.warned[1] == "open":
                    run.warned[0], run.warned[1] = due, "settled"
                if run.spec["owner"] == "agency" and who[0] != _OFFICE:
                    offence = run.spec.get("offence", run.spec["rule"])
                    self.facts.append(Fact(at=due + _TICK, offence=offence, who=who))
            red_after = run.spec.get("red_after")
            if red_after and Deadline.of(self.days, due, red_after, None).due() < until:  # type: ignore[operator]
                run.breached[2] = "red"

    def _answers(self, run: Round) -> Who:
        if run.spec["owner"] == "office":
            return _OFFICE, None, None
        return run.holder or self.holder or (_OFFICE, None, None)

    def _named(self, data: Any) -> Who:
        return data.agency, getattr(data, "section", None), getattr(data, "officer", None)

    def _completed(self, data: Any) -> Who:
        agency, section, officer = self._named(data)
        if self.holder and agency in (None, self.holder[0]):
            return self.holder[0], section or self.holder[1], officer or self.holder[2]
        return agency, section, officer


def _apart(name: str) -> Who:
    agency, _, section = name.partition("/")
    return agency, section or None, None


def _when(fact: Fact) -> datetime:
    return fact.at


def _matches(when: dict[str, Any] | None, data: Any) -> bool:
    for field, wanted in (when or {}).items():
        if getattr(data, field, None) not in (wanted if isinstance(wanted, list) else [wanted]):
            return False
    return True


def _excepted(unless: dict[str, Any] | None, data: Any) -> bool:
    return unless is not None and _matches(unless, data)


def _repeats(facts: Sequence[Fact], rules: Sequence[dict[str, Any]], end: datetime) -> set[Expected]:
    """Repeat offenders: for each subject, every fact that lifts the count of its window to the threshold."""
    by_subject: defaultdict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        if fact.pair:
            by_subject[fact.pair].append(fact)
            continue
        agency, section, officer = fact.who
        by_subject[f"agency:{agency}"].append(fact)
        if section is not None:
            by_subject[f"section:{agency}/{section}"].append(fact)
        if officer is not None:
            by_subject[f"officer:{officer}"].append(fact)
    found = set()
    for subject, all_facts in by_subject.items():
        for rule in rules:
            threshold = rule["thresholds"].get(subject.partition(":")[0])
            window = timedelta(days=rule["window_days"])
            counted = sorted((f for f in all_facts if f.offence in rule["offences"] and f.at < end), key=_when)
            for number, fact in enumerate(counted):
                before = sum(fact.at - window < earlier.at for earlier in counted[:number])
                if threshold is not None and before + 1 == threshold:
                    found.add(
                        Expected(
                            rule=rule["name"], subject=subject.partition("/")[0] if fact.pair else subject, clock="",
                            at=fact.at, state="open", severity=rule["severity"], agency=fact.who[0],
                        )
                    )  # fmt: skip
    return found
