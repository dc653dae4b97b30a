"""An alert as the board keeps it: the item people read, and the few fields it is found by. Pure."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, get_args

import msgspec

from services.contracts.alerts import AlertV1
from services.contracts.complaints import Severity
from services.contracts.instants import to_micros

SEVERITIES: tuple[str, ...] = get_args(Severity)
STATES = ("open", "settled", "corrected")
OPEN_WEIGHT = 10
WEIGHTS = tuple(rank + base for base in (OPEN_WEIGHT, 0) for rank in reversed(range(len(SEVERITIES))))


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One version of one alert. Instants end in `_us`: microseconds since the epoch; `rank` is 3 for a red card.

    Of an alert about several agencies, `agencies` and `groups` are all that it is about; else both are empty.
    """

    alert_id: str
    version: int
    timeline: str
    rule: str
    agency: str | None
    group: str
    severity: str
    rank: int
    state: str
    raised_us: int
    item: dict[str, Any]
    agencies: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    @property
    def weight(self) -> int:
        """What "worst first" sorts by before age: open before done, then severity."""
        return self.rank + (OPEN_WEIGHT if self.state == "open" else 0)

    @property
    def key(self) -> str:
        """The name of this version: the same in every replay."""
        return f"{self.alert_id}:{self.version}"


def alert_of(data: AlertV1, group_of: Callable[[str | None], str]) -> Alert:
    """The alert in an event's data, with every field present in `item` and instants there in UTC (RFC 3339)."""
    group, groups = group_of(data.agency), tuple(dict.fromkeys(map(group_of, data.agencies)))
    item = {name: msgspec.to_builtins(_utc(getattr(data, name))) for name in data.__struct_fields__}
    item |= {"group": group, "groups": list(groups)}
    return Alert(
        alert_id=data.alert_id,
        version=data.version,
        timeline=data.timeline,
        rule=data.rule,
        agency=data.agency,
        group=group,
        severity=data.severity,
        rank=SEVERITIES.index(data.severity),
        state=data.state,
        raised_us=to_micros(data.raised_at),
        item=item,
        agencies=tuple(data.agencies),
        groups=groups,
    )


def _utc(value: Any) -> Any:
    return value.astimezone(UTC) if isinstance(value, datetime) else value
