"""Working days read straight from policies/calendar, counted one by one. Shares no code with supervision."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import yaml

_DAY = timedelta(days=1)
_TICK = timedelta(microseconds=1)


class WorkingDays:
    """Local days of the calendar's time zone: weekdays that are no holiday, and make-up workdays."""

    def __init__(self, zone: ZoneInfo, holidays: Iterable[date], makeup: Iterable[date]) -> None:
        self.zone = zone
        self._off, self._on = frozenset(holidays), frozenset(makeup)

    def is_working(self, day: date) -> bool:
        return day in self._on or (day.weekday() < 5 and day not in self._off)

    def day_of(self, at: datetime) -> date:
        """The local day of an instant."""
        return at.astimezone(self.zone).date()

    def after(self, day: date, count: int) -> date:
        """The `count`-th working day after `day`; `day` itself, working or not, for 0."""
        while count > 0:
            day += _DAY
            count -= self.is_working(day)
        return day

    def between(self, first: date, last: date) -> int:
        """Working days after `first`, up to and with `last`."""
        return sum(self.is_working(first + _DAY * n) for n in range(1, (last - first).days + 1))

    def instant(self, day: date, clock: time) -> datetime:
        """The instant at which clocks show `clock` on `day`, in UTC."""
        return datetime.combine(day, clock, self.zone).astimezone(UTC)

    def end_of(self, day: date) -> datetime:
        """The last microsecond of a local day, in UTC."""
        return self.instant(day + _DAY, time(0)) - _TICK


def load(policies: Path) -> WorkingDays:
    """The calendar in `policies`/calendar/cn.yaml."""
    content = yaml.safe_load((policies / "calendar" / "cn.yaml").read_text(encoding="utf-8"))
    years = content["years"].values()
    return WorkingDays(
        ZoneInfo(content["timezone"]),
        [day for year in years for entry in year["holidays"] for day in _days(entry)],
        [day for year in years for entry in year["makeup_workdays"] for day in _days(entry)],
    )


def _days(entry: date | str) -> list[date]:
    if isinstance(entry, date):
        return [entry]
    first, _, last = entry.partition("..")
    start, end = date.fromisoformat(first), date.fromisoformat(last or first)
    return [start + _DAY * n for n in range((end - start).days + 1)]
