"""One deadline as a count of days still left, for the oracle. Shares no code with supervision."""

from datetime import datetime, timedelta
from typing import Any, Self

from simulation.working_days import WorkingDays

_HOUR = timedelta(hours=1)


class Deadline:
    """Day zero is the local day on which the count begins; `left` days later, at the end of that day, it is due.

    A pause takes the days that have run off `left`, the day on which it begins included; the day of the resumption is
    the new day zero. A deadline given as an instant (`fixed`) moves by as long as it was paused.
    """

    def __init__(self, days: WorkingDays, at: datetime, percent: int | None) -> None:
        self.days, self.base, self.percent = days, at, percent
        self.unit = "fixed"
        self.total = self.left = 0
        self.fixed, self.span = at, timedelta()
        self.paused_at: datetime | None = None

    @classmethod
    def of(cls, days: WorkingDays, at: datetime, limit: Any, percent: int | None) -> Self:
        """From a limit (a model or the policy's mapping), or from the due instant itself."""
        self = cls(days, at, percent)
        if isinstance(limit, datetime):
            self.fixed, self.span = limit, limit - at
            return self
        amount, unit = (limit["amount"], limit["unit"]) if isinstance(limit, dict) else (limit.amount, limit.unit)
        if unit == "hours":
            self.fixed, self.span = at + amount * _HOUR, amount * _HOUR
        else:
            self.unit, self.total, self.left = unit, amount, amount
        return self

    def due(self) -> datetime | None:
        """The last instant in time; None while paused."""
        if self.paused_at is not None:
            return None
        return self.fixed if self.unit == "fixed" else self._end(self.unit, self.base, self.left)

    def warn_at(self) -> datetime | None:
        """The instant after which a warning is due; None without one, while paused, or when it would not come early."""
        due = self.due()
        if self.percent is None or due is None:
            return None
        if self.unit == "fixed":
            warn = due - self.span * (100 - self.percent) // 100
        else:
            share = min((self.total * self.percent + 99) // 100, self.total - 1)
            if share < 0:
                return None
            warn = self._end(self.unit, self.base, max(0, self.left - (self.total - share)))
        return warn if warn < due else None

    def pause(self, at: datetime) -> None:
        if self.paused_at is not None:
            return
        self.paused_at = at
        if self.unit != "fixed":
            first, last = self.days.day_of(self.base), self.days.day_of(at)
            run = self.days.between(first, last) if self.unit == "working_days" else (last - first).days
            self.left, self.base = max(0, self.left - run), at

    def resume(self, at: datetime) -> None:
        if self.paused_at is None:
            return
        self.fixed += at - self.paused_at
        self.base, self.paused_at = at, None

    def extend(self, limit: Any) -> None:
        """More time, in the unit of the deadline. A fixed one moves by hours, or by days counted from its due day."""
        if self.unit == limit.unit:
            self.left += limit.amount
            self.total += limit.amount
            return
        if self.unit != "fixed":
            raise ValueError(f"the generated city does not extend {self.unit} by {limit.unit}")
        if limit.unit == "hours":
            longer = self.fixed + limit.amount * _HOUR
        else:
            longer = self._end(limit.unit, self.fixed, limit.amount)
        self.span, self.fixed = self.span + (longer - self.fixed), longer

    def _end(self, unit: str, base: datetime, count: int) -> datetime:
        day = self.days.day_of(base)
        return self.days.end_of(self.days.after(day, count) if unit == "working_days" else day + timedelta(days=count))
