"""Policy documents to compiled policy. Raises one PolicyError that lists every problem: the file, the path in it, what
is wrong and what would be right. Free of files and of YAML."""

import json
from collections.abc import Mapping
from datetime import date, timedelta
from hashlib import blake2b
from typing import Any, get_args
from zoneinfo import ZoneInfo

from services.contracts.complaints import Severity
from services.contracts.registry import topic_models
from services.contracts.topics import SOURCE_TOPICS
from services.supervision.domain.calendar import DAY, Calendar, DecreedYear
from services.supervision.domain.policy import (
    EXTEND,
    OFFICE,
    PAUSE,
    RENEW,
    RESUME,
    SCOPES,
    START,
    STOP,
    CasePolicy,
    ClockSpec,
    Condition,
    FactRule,
    Operation,
    Policies,
    PolicyError,
    Procedure,
    SubjectPolicy,
    SubjectRule,
)
from services.supervision.domain.policy_checks import Node

MODELS = {
    name: model
    for topic in SOURCE_TOPICS
    for name, model in topic_models(topic).items()
    if not name.startswith(("clock.", "calendar."))
}
_KINDS = tuple(dict.fromkeys(name.partition(".")[0] for name in MODELS))
_SEVERITIES = get_args(Severity)
_RULES = ("overdue", "unanswered", "stalled")
_CLOCK_FIELDS = (
    "label", "rule", "offence", "owner", "per", "start", "restart_on", "restart_when", "renew_on", "stop", "pause",
    "resume", "extend", "limit", "limit_from", "due_from", "warn_at_percent", "severity", "red_after",
)  # fmt: skip
_FACT_FIELDS = ("on", "when", "unless", "without", "pair", "offence", "offence_from")


def compile_policies(
    cases: Any, subjects: Any, calendar: Any, files: tuple[str, str, str] = ("cases.yaml", "subjects.yaml", "cn.yaml")
) -> Policies:
    """The compiled policies of three parsed documents; `files` are their names in messages. Raises PolicyError."""
    problems: list[str] = []
    compiled = Policies(
        cases=_cases(Node(cases, "", files[0], problems)),
        subjects=_subjects(Node(subjects, "", files[1], problems)),
        calendar=_calendar(Node(calendar, "", files[2], problems)),
    )
    if problems:
        raise PolicyError(problems)
    return compiled


def _version(node: Node, fields: Mapping[str, Node]) -> str:
    """The declared version and a hash of the content: "2026.1+3f2a91c4"."""
    content = json.dumps(_named(node.value), sort_keys=True, default=str).encode()
    return f"{fields['version'].text() if 'version' in fields else ''}+{blake2b(content, digest_size=4).hexdigest()}"


def _named(value: Any) -> Any:
    """The value with texts for keys, as only those can be sorted."""
    if isinstance(value, Mapping):
        return {str(key): _named(entry) for key, entry in value.items()}
    return [_named(entry) for entry in value] if isinstance(value, list) else value


def _cases(root: Node) -> CasePolicy:
    fields = root.mapping(("version", "procedures", "facts"), required=("version", "procedures"))
    procedures = fields["procedures"].mapping() if "procedures" in fields else {}
    facts: dict[str, tuple[FactRule, ...]] = {}
    for node in fields["facts"].items() if "facts" in fields else []:
        on, rule = _fact(node)
        if on is not None:
            facts[on] = (*facts.get(on, ()), rule)
    return CasePolicy(
        version=_version(root, fields), facts=facts,
        procedures={name: _procedure(name, node) for name, node in procedures.items()},
    )  # fmt: skip


def _procedure(name: str, node: Node) -> Procedure:
    fields = node.mapping(("kind", "clocks"), required=("kind", "clocks"))
    kind = fields["kind"].one_of(_KINDS) if "kind" in fields else ""
    clocks: dict[str, ClockSpec] = {}
    operations: dict[str, list[Operation]] = {}
    for clock, clock_node in (fields["clocks"].mapping() if "clocks" in fields else {}).items():
        if not clock.isidentifier():
            clock_node.wrong("a clock's name is made of letters, digits and underscores")
        spec, moves = _clock(clock, clock_node, kind)
        clocks[clock] = spec
        for event, operation in moves:
            operations.setdefault(event, []).append(operation)
    return Procedure(
        name=name, kind=kind, clocks=clocks, operations={event: tuple(moves) for event, moves in operations.items()}
    )


def _clock(name: str, node: Node, kind: str) -> tuple[ClockSpec, list[tuple[str, Operation]]]:
    fields = node.mapping(_CLOCK_FIELDS, required=("label", "rule", "owner", "start", "stop", "severity"))
    events = {
        action: _events(fields[action], kind) if action in fields else []
        for action in ("start", "restart_on", "renew_on", "stop", "pause", "resume", "extend")
    }
    percent = fields.get("warn_at_percent")
    rule = fields["rule"].one_of(_RULES) if "rule" in fields else ""
    spec = ClockSpec(
        name=name,
        label=fields["label"].label() if "label" in fields else {},
        rule=rule,
        offence=fields["offence"].text() if "offence" in fields else rule,
        owner=fields["owner"].one_of((OFFICE, "agency")) if "owner" in fields else "",
        severity=fields["severity"].one_of(_SEVERITIES) if "severity" in fields else "notice",  # type: ignore[arg-type]
        per=fields["per"].text() if "per" in fields else None,
        limit=fields["limit"].limit() if "limit" in fields else None,
        limit_from=fields["limit_from"].text() if "limit_from" in fields else None,
        due_from=fields["due_from"].text() if "due_from" in fields else None,
        warn_percent=None if percent is None or percent.value is None else percent.whole(1, 99),
        red_after=fields["red_after"].limit() if "red_after" in fields else None,
    )
    _check_clock(spec, node, fields, events)
    when = _condition(fields["restart_when"], events["restart_on"]) if "restart_when" in fields else Condition()
    starts_on = dict.fromkeys(events["start"] + events["restart_on"])
    moves: list[tuple[str, Operation]] = []
    for action, named in (
        (STOP, "stop"),
        (PAUSE, "pause"),
        (RESUME, "resume"),
        (EXTEND, "extend"),
        (RENEW, "renew_on"),
    ):
        for event in events[named]:
            # An event that stops and starts clocks of one name names those that start; it stops all of them.
            per = spec.per if spec.per in MODELS[event].__struct_fields__ and event not in starts_on else None
            moves.append((event, Operation(clock=spec, action=action, per=per)))
    for event in starts_on:
        restart = when.about(MODELS[event]) if event in events["restart_on"] else None
        starts = event in events["start"]
        moves.append((event, Operation(clock=spec, action=START, per=spec.per, starts=starts, restart=restart)))
    return spec, moves


def _check_clock(spec: ClockSpec, node: Node, fields: Mapping[str, Node], events: Mapping[str, list[str]]) -> None:
    """What a clock's fields must be to one another."""
    starts = events["start"] + events["restart_on"]
    if "start" in fields and not starts and fields["start"].value in (None, []):
        fields["start"].wrong("a clock that stops must start: name an event type")
    if "stop" in fields and fields["stop"].value in (None, []):
        fields["stop"].wrong("a clock that starts must stop: name an event type")
    for one, other in ((PAUSE, RESUME), (RESUME, PAUSE)):
        if one in fields and other not in fields:
            fields[one].wrong(f"{one} without {other}: name the event types of {other} too")
    if "restart_when" in fields and "restart_on" not in fields:
        fields["restart_when"].wrong("restart_when without restart_on: name the event types of restart_on too")
    if "renew_on" in fields and (PAUSE in fields or EXTEND in fields):
        fields["renew_on"].wrong("a clock that is renewed is not paused or extended: stop it, and restart it")
    if "renew_on" in fields and (spec.limit is None or spec.limit_from or spec.due_from):
        fields["renew_on"].wrong(
            "a clock that is renewed has a limit of its own: give limit, no limit_from or due_from"
        )
    if spec.limit is None and spec.limit_from is None and spec.due_from is None:
        node.wrong("no limit; give limit, limit_from or due_from")
    for field in ("limit_from", "due_from", "per"):
        if field in fields:
            for event in starts:
                if field == "per" or event in events["start"]:
                    fields[field].field_of(MODELS[event])
    for event in events["extend"]:
        if "limit" not in MODELS[event].__struct_fields__:
            fields["extend"].wrong(f"{event} carries no limit to extend by")


def _events(node: Node, kind: str) -> list[str]:
    names = []
    for item in node.items():
        name = item.event_type(MODELS)
        if name is not None and kind and name.partition(".")[0] != kind:
            item.wrong(f"{name} is no event of kind {kind}; it can only be one of {kind}.*")
        elif name is not None:
            names.append(name)
    return names


def _condition(node: Node, events: list[str]) -> Condition:
    """Every field must be one of some event's; see Condition.about."""
    fields = []
    for name, value in node.mapping().items():
        if events and not any(name in MODELS[event].__struct_fields__ for event in events):
            value.named(name).field_of(MODELS[events[0]])
        values = value.value if isinstance(value.value, list) else [value.value]
        fields.append((name, frozenset(values)))
    return Condition(tuple(fields))


def _fact(node: Node) -> tuple[str | None, FactRule]:
    fields = node.mapping(_FACT_FIELDS, required=("on",))
    on = fields["on"].event_type(MODELS) if "on" in fields else None
    if ("offence" in fields) == ("offence_from" in fields):
        node.wrong("give either offence or offence_from")
    if on is not None and "offence_from" in fields:
        fields["offence_from"].field_of(MODELS[on])
    if on is not None and "agency" not in MODELS[on].__struct_fields__:
        fields["on"].wrong(f"{on} names no agency to count against")
    if "pair" in fields and "offence" not in fields:
        fields["pair"].wrong("a pair is counted under an offence: give offence")
    if on is not None and "without" in fields:
        fields["without"].field_of(MODELS[on])
    events = [] if on is None else [on]
    return on, FactRule(
        when=_condition(fields["when"], events) if "when" in fields else Condition(),
        unless=_condition(fields["unless"], events) if "unless" in fields else None,
        without=fields["without"].text() if "without" in fields else None,
        pair=fields["pair"].flag() if "pair" in fields else False,
        offence=fields["offence"].text() if "offence" in fields else None,
        offence_from=fields["offence_from"].text() if "offence_from" in fields else None,
    )


def _subjects(root: Node) -> SubjectPolicy:
    fields = root.mapping(("version", "rules"), required=("version", "rules"))
    rules: list[SubjectRule] = []
    for node in fields["rules"].items() if "rules" in fields else []:
        known = ("name", "label", "offences", "window_days", "thresholds", "severity")
        parts = node.mapping(known, required=known)
        if len(parts) < len(known):
            continue
        name = parts["name"].text()
        if name in ("warning", *_RULES, *(rule.name for rule in rules)):
            parts["name"].wrong(f"{name!r} is taken; choose another")
        days = parts["window_days"].whole(1, 3660)
        thresholds = parts["thresholds"].mapping(SCOPES)
        rules.append(
            SubjectRule(
                name=name, label=parts["label"].label(), window=days * DAY, window_days=days,
                offences=frozenset(item.text() for item in parts["offences"].items()),
                thresholds={scope: number.whole(1, 1000) for scope, number in thresholds.items()},
                severity=parts["severity"].one_of(_SEVERITIES),  # type: ignore[arg-type]
            )
        )  # fmt: skip
    return SubjectPolicy(version=_version(root, fields), rules=tuple(rules))


def _calendar(root: Node) -> Calendar:
    fields = root.mapping(("version", "timezone", "years"), required=("version", "timezone", "years"))
    timezone = fields["timezone"].text() if "timezone" in fields else "UTC"
    try:
        ZoneInfo(timezone or "UTC")
    except (KeyError, ValueError, OSError):
        fields["timezone"].wrong(f"there is no time zone {timezone!r}; an IANA name such as Asia/Shanghai is expected")
        timezone = "UTC"
    years: dict[int, DecreedYear] = {}
    for name, node in (fields["years"].mapping() if "years" in fields else {}).items():
        parts = node.mapping(("holidays", "makeup_workdays"), required=("holidays", "makeup_workdays"))
        if not name.isdecimal() or not 1971 <= int(name) <= 2090:
            node.wrong("a year from 1971 to 2090 was expected")
            continue
        year = int(name)
        holidays = _days(parts["holidays"], year) if "holidays" in parts else frozenset()
        makeup = _days(parts["makeup_workdays"], year) if "makeup_workdays" in parts else frozenset()
        for day in sorted(makeup):
            if day.weekday() < 5:
                parts["makeup_workdays"].wrong(f"{day} is no weekend day; a make-up workday lies on a weekend")
            elif day in holidays:
                parts["makeup_workdays"].wrong(f"{day} is also a holiday; it can only be one of them")
        years[year] = DecreedYear(holidays, makeup)
    return Calendar(fields["version"].text() if "version" in fields else "", timezone or "UTC", years)


def _days(node: Node, year: int) -> frozenset[date]:
    """Days and ranges of days: 2026-01-01, 2026-02-15..2026-02-23."""
    days: set[date] = set()
    for item in node.items():
        first, dots, last = str(item.value).partition("..")
        try:
            start = date.fromisoformat(first.strip())
            end = date.fromisoformat(last.strip()) if dots else start
        except ValueError:
            item.wrong(f"{item.value!r} is no day; 2026-01-01 or 2026-02-15..2026-02-23 was expected")
            continue
        if not start <= end or start.year != year or end.year != year:
            item.wrong(f"{item.value} does not lie in {year}, first day first")
            continue
        days.update(start + timedelta(days=n) for n in range((end - start).days + 1))
    return frozenset(days)
