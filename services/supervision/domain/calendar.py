"""Working days by decree: when the n-th one ends, and whether that is certain yet. Free of I/O and wall clocks."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Self
from zoneinfo import ZoneInfo

import msgspec

from services.contracts.clock import CalendarDecreedV1
from services.contracts.instants import from_micros, to_micros

HOUR = 3_600_000_000
DAY = 24 * HOUR
MICROS_MAX = to_micros(datetime(9999, 12, 30, tzinfo=UTC))
MICROS_MIN = to_micros(datetime(1, 1, 3, tzinfo=UTC))
_FIRST = date(1970, 1, 1)
_FIRST_ORDINAL, _LAST_ORDINAL = _FIRST.toordinal(), date.max.toordinal()
_DAYS = (date(2101, 1, 1) - _FIRST).days
_WEEKEND = (5, 6)


class DecreedYear(msgspec.Struct, frozen=True):
    """One year's decree: weekdays (and weekends) off, and weekend days worked (调休)."""

    holidays: frozenset[date]
    makeup_workdays: frozenset[date]


class Calendar:
    """Local days of `timezone`. Instants are microseconds since the epoch, UTC. Undecreed years have plain weeks.

    Day n of a limit is the n-th working (or calendar) day after the start's local day, which is day zero; the limit
    ends with the last microsecond of day n. Every question is answered from tables in constant time.
    """

    __slots__ = (
        "_ends", "_nth", "_offset", "_ordinal", "_zone", "decreed_until", "first_year", "timezone", "version", "years",
    )  # fmt: skip

    def __init__(
        self, version: str, timezone: str, years: Mapping[int, DecreedYear], first_year: int | None = None
    ) -> None:
        """`first_year` is where the run of decreed years begins: the first of `years` unless said otherwise.

        Raises ZoneInfoNotFoundError for an unknown time zone.
        """
        self.version = version
        self.timezone = timezone
        self.years = dict(years)
        self.first_year = min(self.years, default=None) if first_year is None else first_year
        self._zone = ZoneInfo(timezone)
        self._ends = _day_ends(timezone)
        self._offset = self._ends[0] + 1 - DAY
        self._ordinal, self._nth = _count(self.years.values())
        self.decreed_until = self._last_decreed()

    def end_of_day(self, at: int) -> int:
        """The last microsecond of `at`'s local day."""
        return self.end_of_calendar_day(at, 0)

    def end_of_calendar_day(self, start: int, n: int) -> int:
        """The last microsecond of the n-th calendar day after day zero (n = 0: of day zero itself)."""
        return self._end(self._day(start) + n)

    def end_of_working_day(self, start: int, n: int) -> int:
        """The last microsecond of the n-th working day after day zero (n = 0: of day zero, working or not)."""
        day = self._day(start)
        if n == 0:
            return self._end(day)
        last = self._worked(day) + n
        return self._ends[self._nth[last]] if 0 < last < len(self._nth) else self._end(self._nth_outside(last))

    def working_days_between(self, start: int, end: int) -> int:
        """Working days after `start`'s local day up to and with `end`'s."""
        return self._worked(self._day(end)) - self._worked(self._day(start))

    def calendar_days_between(self, start: int, end: int) -> int:
        """Local days after `start`'s up to and with `end`'s."""
        return self._day(end) - self._day(start)

    def is_working_day(self, day: date) -> bool:
        index = (day - _FIRST).days
        return self._worked(index) > self._worked(index - 1)

    def is_provisional(self, at: int) -> bool:
        """Whether a count of working days that ends at `at` has passed the last decreed day."""
        return at > self.decreed_until

    def with_decree(self, decree: CalendarDecreedV1) -> Self:
        """This calendar with one more year decreed (or decreed anew), named by the decree's version.

        Days that lie in another year, and years outside the tables, are none of the decree's business. A decree for a
        year before the first makes nothing uncertain that was certain.
        """
        if not _FIRST.year < decree.year < 2100:
            return self
        holidays, makeup = decree.holidays, decree.makeup_workdays
        year = DecreedYear(
            frozenset(day for day in holidays if day.year == decree.year),
            frozenset(day for day in makeup if day.year == decree.year),
        )
        return type(self)(decree.version, self.timezone, {**self.years, decree.year: year}, self.first_year)

    def local_day(self, at: int) -> date:
        """The local day of an instant."""
        return date.fromordinal(min(max(_FIRST_ORDINAL + self._day(at), 1), _LAST_ORDINAL))

    def local(self, at: int) -> datetime:
        """The instant in this calendar's time zone; the first and last day of all time count as their neighbours."""
        return from_micros(min(max(at, MICROS_MIN), MICROS_MAX)).astimezone(self._zone)

    def _day(self, at: int) -> int:
        """The index of `at`'s local day; days shorter or longer than 24 hours are one step away from the guess."""
        ends = self._ends
        day = (at - self._offset) // DAY
        if not 0 < day < _DAYS - 1:
            if ends[0] < at <= ends[-1]:
                return bisect_left(ends, at)
            edge = 0 if at <= ends[0] else _DAYS - 1
            return edge - (ends[edge] - at) // DAY
        if ends[day] < at:
            return day + 1
        return day - 1 if ends[day - 1] >= at else day

    # Outside the tables, before 1970 and after 2100, every day has 24 hours and every week five working days.

    def _end(self, day: int) -> int:
        if 0 <= day < _DAYS:
            return self._ends[day]
        edge = 0 if day < 0 else _DAYS - 1
        return min(self._ends[edge] + (day - edge) * DAY, MICROS_MAX)

    def _worked(self, day: int) -> int:
        """Working days from the first one of the tables up to and with `day`."""
        if 0 <= day < _DAYS:
            return self._ordinal[day]
        edge = 0 if day < 0 else _DAYS - 1
        return self._ordinal[edge] + _weekdays(day) - _weekdays(edge)

    def _nth_outside(self, n: int) -> int:
        """The day on which `_worked` comes to `n`."""
        edge = 0 if n <= 0 else _DAYS - 1
        weeks, rest = divmod(n - self._ordinal[edge] + _weekdays(edge) - 1, 5)
        return weeks * 7 + rest - _FIRST.weekday()

    def _last_decreed(self) -> int:
        """The end of the last year of the unbroken run of decrees; before all time when there is none."""
        if self.first_year is None:
            return -MICROS_MAX
        year = self.first_year
        while year + 1 in self.years:
            year += 1
        return self._ends[(date(year, 12, 31) - _FIRST).days]


def _weekdays(day: int) -> int:
    """Mondays to Fridays from the Monday before the first day of the tables up to and with `day`."""
    weeks, weekday = divmod(day + _FIRST.weekday(), 7)
    return weeks * 5 + min(weekday + 1, 5)


@lru_cache(maxsize=8)
def _day_ends(timezone: str) -> list[int]:
    """The last microsecond of each local day from 1970 to 2100."""
    zone, first = ZoneInfo(timezone), _FIRST_ORDINAL
    midnights = (datetime.combine(date.fromordinal(first + i + 1), datetime.min.time(), zone) for i in range(_DAYS))
    return [to_micros(midnight) - 1 for midnight in midnights]


def _count(years: Iterable[DecreedYear]) -> tuple[list[int], list[int]]:
    """Working days up to and with each day, and the day of the n-th working day."""
    working = [(i + _FIRST.weekday()) % 7 not in _WEEKEND for i in range(_DAYS)]
    for year in years:
        for day in year.holidays:
            working[(day - _FIRST).days] = False
        for day in year.makeup_workdays:
            working[(day - _FIRST).days] = True
    ordinal: list[int] = []
    nth, count = [0], 0
    for index, works in enumerate(working):
        if works:
            count += 1
            nth.append(index)
        ordinal.append(count)
    return ordinal, nth
