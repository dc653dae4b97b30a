"""What an alert says for itself, in Chinese and English: limit, start, pauses, due time, how late."""

from services.supervision.domain.calendar import DAY, HOUR, Calendar
from services.supervision.domain.clock import (
    CALENDAR,
    DUE,
    EXTEND,
    PAUSE,
    RESUME,
    WORKING,
    Clock,
    Record,
    Step,
)
from services.supervision.domain.policy import ClockSpec

_UNITS_EN = ("working day", "calendar day", "hour")
_UNITS_ZH = ("个工作日", "天", "小时")
_MINUTE = HOUR // 60
CHANGES_SHOWN = 20
STALLED = "stalled"


def explain(clock: Clock, record: Record, spec: ClockSpec, days: Calendar) -> dict[str, str]:
    """The sentences of one alert as `{"zh": …, "en": …}`, dates in the calendar's time zone."""
    first = clock.steps[0]
    by_day = first.unit in (WORKING, CALENDAR)
    started = _day(first.at, days) if by_day else _moment(first.at, days)
    due = _day(record.due, days) if by_day else _moment(record.due, days)
    label = spec.label["en"]
    value = "" if clock.value is None else f" {clock.value}"
    en = [f"{label[:1].upper()}{label[1:]}{value}: {_limit_en(first.amount, first.unit)}, counted from {started}"]
    zh = [f"{spec.label['zh']}{value}：自{started}起{_limit_zh(first.amount, first.unit)}"]
    if by_day:
        en[0] += ", that day not counted"
        zh[0] += "（当日不计）"
    if clock.round > 1 and spec.rule != STALLED:
        en.append(f"round {clock.round}")
        zh.append(f"第{clock.round}轮")
    changed_en, changed_zh = _changes(clock, by_day, days)
    en += changed_en
    zh += changed_zh
    en.append(f"due by the end of {due}" if by_day else f"due at {due}")
    zh.append(f"应于{due}{'日终前' if by_day else '前'}完成")
    if clock.provisional:
        en.append("provisional, as the working days of that year are not decreed yet")
        zh.append("该年度工作日安排尚未公布，期限为暂定")
    said_en, said_zh = _outcome(record, spec, by_day, days)
    return {"zh": "；".join([*zh, said_zh]) + "。", "en": "; ".join([*en, said_en]) + "."}


def _changes(clock: Clock, by_day: bool, days: Calendar) -> tuple[list[str], list[str]]:
    """A sentence for every pause and extension; of very many, the first and the last ones."""
    shown = _day if by_day else _moment
    changes: list[tuple[Step, int]] = []
    paused = 0
    for step in clock.steps[1:]:
        if step.op == PAUSE:
            paused = step.at
        elif step.op in (RESUME, EXTEND):
            changes.append((step, paused))
    en, zh, hidden = [], [], len(changes) - CHANGES_SHOWN
    for number, (step, since) in enumerate(changes):
        if hidden > 0 and 0 <= number - CHANGES_SHOWN // 2 < hidden:
            if number == CHANGES_SHOWN // 2:
                en.append(f"{_count(hidden, 'more change')}")
                zh.append(f"另有{hidden}次变更")
        elif step.op == EXTEND:
            en.append(f"extended by {_limit_en(step.amount, step.unit)}")
            zh.append(f"延期{_limit_zh(step.amount, step.unit)}")
        else:
            en.append(f"time excluded from {shown(since, days)} to {shown(step.at, days)}")
            zh.append(f"{shown(since, days)}至{shown(step.at, days)}不计入期限")
    return en, zh


def _outcome(record: Record, spec: ClockSpec, by_day: bool, days: Calendar) -> tuple[str, str]:
    if record.state == "corrected" and record.corrected_at is not None:
        at = _moment(record.corrected_at, days)
        return f"in time after all: its record came late, corrected on {at}", f"实际未超期：记录迟到，{at}更正"
    if record.rule == "warning":
        if record.settled_at is None:
            return f"{spec.warn_percent or 0} % of the limit has run", f"期限已过{spec.warn_percent or 0}%，预警"
        return f"warning over on {_moment(record.settled_at, days)}", f"预警于{_moment(record.settled_at, days)}解除"
    if spec.rule == STALLED:
        return _stalled(record, by_day, days)
    red = record.escalated_at is not None
    if record.settled_at is None:
        return ("not done by then: red card", "逾期未完成，红牌") if red else ("not done by then", "逾期未完成")
    at, late_en, late_zh = _moment(record.settled_at, days), *_late(record.due, record.settled_at, by_day, days)
    return f"done on {at}, {late_en} late", f"{at}完成，超期{late_zh}"


def _stalled(record: Record, by_day: bool, days: Calendar) -> tuple[str, str]:
    """Nothing happened in the case (row B5), counted from what happened last."""
    if record.settled_at is None:
        red = record.escalated_at is not None
        return ("nothing happened by then" + red * ": red card", "其间无任何办理动作" + red * "，红牌")
    at, late_en, late_zh = _moment(record.settled_at, days), *_late(record.due, record.settled_at, by_day, days)
    return f"went on on {at}, {late_en} late", f"{at}恢复办理，迟{late_zh}"


def _late(due: int, done: int, by_day: bool, days: Calendar) -> tuple[str, str]:
    late = done - due
    if by_day or late >= 2 * DAY:
        n = days.calendar_days_between(due, done) if by_day else late // DAY
        return _count(n, "day"), f"{n}天"
    if late >= HOUR:
        return _count(late // HOUR, "hour"), f"{late // HOUR}小时"
    if late >= _MINUTE:
        return _count(late // _MINUTE, "minute"), f"{late // _MINUTE}分钟"
    return "less than a minute", "不足1分钟"


def _limit_en(amount: int, unit: int) -> str:
    return "the deadline that was set" if unit == DUE else _count(amount, _UNITS_EN[unit])


def _limit_zh(amount: int, unit: int) -> str:
    return "计，期限由来文规定" if unit == DUE else f"{amount}{_UNITS_ZH[unit]}"


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _day(at: int, days: Calendar) -> str:
    return days.local_day(at).isoformat()


def _moment(at: int, days: Calendar) -> str:
    return days.local(at).replace(tzinfo=None).isoformat(" ", "seconds")
