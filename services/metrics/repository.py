"""What the tally and the figures ask of storage. Free of any database."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from services.metrics.domain.kpis import AlarmCount, CaseCount, Overdue
from services.metrics.domain.records import Alarm, Case


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    cases: list[CaseCount]
    alarms: list[AlarmCount]
    overdue: list[Overdue]


class Records(Protocol):
    """Cases and alarms by id. Putting the same record again changes nothing."""

    def cases(self, ids: Sequence[str]) -> Mapping[str, Case]: ...

    def alarms(self, ids: Sequence[str]) -> Mapping[str, Alarm]: ...

    def put(self, cases: Sequence[Case], alarms: Sequence[Alarm]) -> None: ...

    def counts(self) -> Counts: ...
