"""Instants as integers: microseconds since 1970-01-01T00:00:00Z. Free of clocks and of time zones."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated

import msgspec

# An instant of a contract says its offset: one without is refused where it is read, not where it is compared.
Instant = Annotated[datetime, msgspec.Meta(tz=True)]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def to_micros(at: datetime) -> int:
    """The aware datetime `at` as microseconds since the epoch. Raises ValueError for a naive one."""
    if at.tzinfo is None:
        raise ValueError(f"{at.isoformat()} has no time zone: give one, for example {at.isoformat()}+08:00")
    return (at - _EPOCH) // _MICROSECOND


@lru_cache(maxsize=8192)  # what happens together shares its instants
def from_micros(micros: int) -> datetime:
    """The UTC datetime of `micros` microseconds since the epoch; outside the years 1 to 9999 it is their edge."""
    try:
        return _EPOCH + timedelta(0, 0, micros)
    except OverflowError:
        return _LAST if micros > 0 else _FIRST


def exists_in_utc(at: datetime) -> bool:
    """Whether the aware datetime `at` lies in the years 1 to 9999 of UTC too: 0001-01-01T00:00+08:00 does not."""
    try:
        at.astimezone(UTC)
    except OverflowError:
        return False
    return True
