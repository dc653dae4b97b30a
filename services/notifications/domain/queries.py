"""What a reader asks for and what a reader may see. Pure."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from services.contracts.complaints import Severity
from services.contracts.instants import to_micros
from services.notifications.domain.alerts import STATES

FILTERS = ("timeline", "group", "agency", "rule", "severity", "state")
SORTS = ("newest", "worst")


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """Everything (`city`), or only alerts about these agencies and about agencies of these supervision groups (domain
    row J1)."""

    city: bool = True
    agencies: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()

    def admits(
        self, agency: str | None, group: str, agencies: Iterable[str] = (), groups: Iterable[str] = ()
    ) -> bool:  # fmt: skip
        """Whether an alert of `agency` and `group`, and of all of `agencies` and `groups` if it is about several, is
        within."""
        if self.city:
            return True
        return not self.agencies.isdisjoint((agency, *agencies)) or not self.groups.isdisjoint((group, *groups))

    def shows(self, item: Mapping[str, Any]) -> bool:
        """Whether the alert in `item` is within; one that was kept before alerts named several agencies names one."""
        return self.admits(item["agency"], item["group"], item.get("agencies", ()), item.get("groups", ()))


class AlertQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Filters by equality, None for any. `text` is a case id, a source's own id, or how an alert id begins;
    `raised_from_us` the earliest instant of raising; `after` the cursor of the page before.
    """

    timeline: str | None = None
    group: str | None = None
    agency: str | None = None
    rule: str | None = None
    severity: Severity | None = None
    state: str | None = None
    case_ref: str | None = None
    source_ref: str | None = None
    text: str | None = None
    raised_from_us: int | None = None
    sort: str = "newest"
    after: str | None = None
    limit: int = 50

    def __post_init__(self) -> None:
        if self.state is not None and self.state not in STATES:
            raise ValueError(f"state must be one of {', '.join(STATES)}")
        if self.sort not in SORTS:
            raise ValueError(f"sort must be one of {', '.join(SORTS)}")

    def filters(self) -> dict[str, str]:
        """The filters that are set, by field name."""
        names = (*FILTERS, "case_ref", "source_ref")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


def finds(query: AlertQuery, scope: Scope, item: Mapping[str, Any], without: str | None = None) -> bool:
    """Whether `query`, its filter on `without` left out, finds the alert in `item` for a reader with `scope`."""
    if not scope.shows(item):
        return False
    if query.raised_from_us is not None and to_micros(datetime.fromisoformat(item["raised_at"])) < query.raised_from_us:
        return False
    if query.text is not None and not (
        query.text in (item["case_ref"], item["source_ref"]) or item["alert_id"].startswith(query.text)
    ):
        return False
    return all(item.get(name) == value for name, value in query.filters().items() if name != without)


Position = tuple[int, int, str]  # weight, raised (microseconds), alert id


def cursor_of(position: Position) -> str:
    """An opaque cursor that stands after `position`."""
    return urlsafe_b64encode(msgspec.json.encode(position)).decode().rstrip("=")


def position_of(cursor: str) -> Position:
    """The position in a cursor. Raises ValueError for anything that `cursor_of` did not make."""
    try:
        position: Position = msgspec.json.decode(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=Position)
    except (ValueError, msgspec.DecodeError):
        raise ValueError("after is not a cursor of this service") from None
    return position
