"""Time as it matters to whoever has to act: how many working days are left, or how many too many. Pure."""

from datetime import datetime
from typing import Literal, NamedTuple

from services.complaints.due import NO_DUE, DueTimes
from services.contracts.instants import from_micros, to_micros
from services.shared.web.words import Words

Tone = Literal["late", "near", "far", "none"]


class TimeLeft(NamedTuple):
    """`text` says what it means, `full` is the instant itself; `tone` never says what the text does not."""

    text: str
    tone: Tone
    full: str = ""
    iso: str = ""


def time_left(due_at: int, now: datetime, due: DueTimes, words: Words) -> TimeLeft:
    """What is left until `due_at` (microseconds), in working days of the calendar in force; on the last one, today."""
    if due_at >= NO_DUE:
        return TimeLeft(words("left.none"), "none")
    at, micros, days = from_micros(due_at), to_micros(now), due.calendar
    full, iso = words.instant(at), at.isoformat()
    if micros > due_at:
        late = days.working_days_between(due_at, micros)
        text = words.plural("late.days", late) if late else words("late.span", span=words.span(now - at))
        return TimeLeft(text, "late", full, iso)
    left = days.working_days_between(micros, due_at)
    if left == 0:
        same_day = days.local_day(micros) == days.local_day(due_at)
        text = words("left.today") if same_day else words("left.span", span=words.span(at - now))
        return TimeLeft(text, "near", full, iso)
    return TimeLeft(words.plural("left.days", left), "near" if left == 1 else "far", full, iso)
