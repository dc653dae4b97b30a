"""The board's address: its filters read from it, and links that change one of them. Pure."""

from datetime import timedelta
from urllib.parse import urlencode

import msgspec

from services.contracts.envelope import LIVE
from services.notifications.domain.alerts import SEVERITIES, STATES
from services.notifications.domain.queries import SORTS, AlertQuery

NEW_WITHIN = timedelta(hours=24)
PAGE = 50


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """What the reader chose. Empty means any, but for `timeline` (live) and `state` (open)."""

    timeline: str = LIVE
    state: str = "open"
    group: str = ""
    agency: str = ""
    rule: str = ""
    severity: str = ""
    new: str = ""
    q: str = ""
    sort: str = "worst"
    by: str = ""
    chart: str = "agency"
    after: str = ""

    def link(self, path: str, **changes: str) -> str:
        """`path` with this address, some of it changed, and what is usual left out. A change starts at page one."""
        chosen = {**msgspec.structs.asdict(self), "after": "", **changes}
        kept = {name: value for name, value in chosen.items() if value != _USUAL[name]}
        return f"{path}?{urlencode(kept)}" if kept else path

    def chosen(self) -> dict[str, str]:
        """The filters that narrow the list, to be shown and taken away one by one."""
        names = ("group", "agency", "rule", "severity", "new", "q")
        return {name: value for name in names if (value := getattr(self, name))}

    def query(self, now_us: int, *, limit: int = PAGE) -> AlertQuery:
        """The query for the list. Raises ValueError for a value that no alert can have."""
        wanted = {
            "timeline": self.timeline, "group": self.group, "agency": self.agency, "rule": self.rule,
            "severity": self.severity, "text": self.q, "after": self.after,
            "state": "" if self.state == "all" else self.state,
        }  # fmt: skip
        since = now_us - int(NEW_WITHIN.total_seconds() * 1_000_000) if self.new else None
        query = {k: v for k, v in wanted.items() if v} | {"sort": self.sort, "limit": limit, "raised_from_us": since}
        return msgspec.convert(query, AlertQuery)


_USUAL = msgspec.structs.asdict(Address())


def address_of(given: dict[str, str]) -> Address:
    """The address in query parameters; what is unknown or empty is the usual."""
    known = {name: value.strip()[:200] for name, value in given.items() if name in _USUAL and value.strip()}
    allowed = {
        "state": (*STATES, "all"), "severity": SEVERITIES, "sort": SORTS, "by": ("agency",), "new": ("1",),
        "chart": ("agency", "rule"),
    }  # fmt: skip
    return Address(**{n: v for n, v in known.items() if n not in allowed or v in allowed[n]})
