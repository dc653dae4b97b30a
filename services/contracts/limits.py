"""A limit of time as law and promises state it."""

from typing import Annotated, Literal

import msgspec

Unit = Literal["working_days", "calendar_days", "hours"]


class Limit(msgspec.Struct, kw_only=True, frozen=True):
    """`amount` units. Days count from the day after the start (day zero) to the end of the last day, local time."""

    amount: Annotated[int, msgspec.Meta(ge=0, le=3660)]
    unit: Unit = "working_days"
