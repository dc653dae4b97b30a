"""The first key figures (domain rows B2, B4, H1, H2): responses, conclusions, replies, the head's own share of grave
matters, overdue and open alerts. Pure."""

from collections.abc import Iterable

import msgspec

from services.metrics.domain.records import GRAVE

NO_AGENCY = "none"
# Which step means that a case of this kind has become an agency's to do, and which that it has been done.
GIVEN = {"complaint": "dispatched", "approval": "accepted", "directive": "issued", "inspection": "visited"}
DONE = {"complaint": "concluded", "approval": "decided", "directive": "reported", "inspection": "closed"}
OVERDUE_RULES = frozenset({"overdue", "unanswered"})


class CaseCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many cases of a kind an agency has, and how many of them have come to each step."""

    timeline: str
    kind: str
    agency: str
    cases: int
    steps: dict[str, int]


class AlarmCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many alerts of an agency, a rule and a severity are in a state."""

    timeline: str
    agency: str
    rule: str
    severity: str
    state: str
    alarms: int


class Overdue(msgspec.Struct, frozen=True, kw_only=True):
    """How many cases of an agency have an overdue or unanswered alert that has not been corrected."""

    timeline: str
    agency: str
    cases: int


class Kpi(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of one agency on one timeline. A rate is None where there is nothing to divide by.

    `grave` are complaints whose conclusion its head has to sign, `head_handled` those that a head signed or sent back.
    """

    timeline: str
    agency: str
    cases: int
    given: int
    done: int
    overdue_cases: int
    alerts_open: dict[str, int]
    complaints: int
    responded: int
    concluded: int
    replied: int
    grave: int
    head_handled: int
    done_rate: float | None
    overdue_rate: float | None
    response_rate: float | None
    conclusion_rate: float | None
    reply_rate: float | None
    head_rate: float | None


def kpis(cases: Iterable[CaseCount], alarms: Iterable[AlarmCount], overdue: Iterable[Overdue]) -> list[Kpi]:
    """Key figures of every agency, in the order of timeline and agency."""
    counts = list(cases)
    opened: dict[tuple[str, str], dict[str, int]] = {}
    for alarm in alarms:
        if alarm.state == "open":
            by_severity = opened.setdefault((alarm.timeline, alarm.agency), {})
            by_severity[alarm.severity] = by_severity.get(alarm.severity, 0) + alarm.alarms
    late = {(o.timeline, o.agency): o.cases for o in overdue}
    keys = {(c.timeline, c.agency) for c in counts} | set(opened) | set(late)
    found = []
    for timeline, agency in sorted(keys):
        own = [c for c in counts if (c.timeline, c.agency) == (timeline, agency)]
        complaints = [c for c in own if c.kind == "complaint"]
        found.append(_kpi(timeline, agency, own, complaints, opened.get((timeline, agency), {}), late))
    return found


def _kpi(
    timeline: str, agency: str, own: list[CaseCount], complaints: list[CaseCount], opened: dict[str, int],
    late: dict[tuple[str, str], int],
) -> Kpi:  # fmt: skip
    filed = sum(c.cases for c in complaints)
    cases, given = sum(c.cases for c in own), sum(c.steps.get(GIVEN.get(c.kind, ""), 0) for c in own)
    done = sum(c.steps.get(DONE.get(c.kind, ""), 0) for c in own)
    steps = {step: sum(c.steps.get(step, 0) for c in complaints) for step in ("responded", "concluded", "replied")}
    dispatched = sum(c.steps.get("dispatched", 0) for c in complaints)
    grave, handled = (sum(c.steps.get(step, 0) for c in complaints) for step in (GRAVE, "signed_off"))
    overdue = late.get((timeline, agency), 0)
    return Kpi(
        timeline=timeline, agency=agency, cases=cases, given=given, done=done, overdue_cases=overdue,
        alerts_open=opened, complaints=filed, **steps, done_rate=_rate(done, given), overdue_rate=_rate(overdue, cases),
        response_rate=_rate(steps["responded"], dispatched), conclusion_rate=_rate(steps["concluded"], dispatched),
        reply_rate=_rate(steps["replied"], filed), grave=grave, head_handled=handled,
        head_rate=_rate(handled, grave),
    )  # fmt: skip


def _rate(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
