"""How many alerts there are of each kind, for every figure on the board at once. Pure."""

from collections.abc import Iterable

import msgspec

from services.notifications.domain.queries import AlertQuery, Scope

DIMENSIONS = ("timeline", "group", "agency", "rule", "severity", "state")


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """`count` alerts that agree in every dimension, raised between `oldest_us` and `newest_us`; `agencies` and `groups`
    are those of alerts about several."""

    timeline: str
    group: str
    agency: str
    rule: str
    severity: str
    state: str
    count: int
    oldest_us: int
    newest_us: int
    agencies: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    def within(self, scope: Scope) -> bool:
        return scope.admits(self.agency, self.group, self.agencies, self.groups)


class Span(msgspec.Struct, frozen=True, kw_only=True):
    count: int
    oldest_us: int
    newest_us: int


class Cube:
    """Alerts counted by every dimension; at most a few thousand cells however many alerts there are."""

    def __init__(self, cells: Iterable[Cell]) -> None:
        self._cells = list(cells)

    def counts(self, query: AlertQuery, scope: Scope, field: str) -> dict[str, int]:
        """Alerts for each value of `field`, the query's own filter on it left out."""
        found: dict[str, int] = {}
        for cell in self._cells:
            if _finds(query, scope, cell, without=field):
                value = str(getattr(cell, field))
                found[value] = found.get(value, 0) + cell.count
        return found

    def by_severity(self, query: AlertQuery, scope: Scope, field: str) -> dict[str, dict[str, int]]:
        """Alerts of each severity for each value of `field`."""
        found: dict[str, dict[str, int]] = {}
        for cell in self._cells:
            if _finds(query, scope, cell):
                counts = found.setdefault(str(getattr(cell, field)), {})
                counts[cell.severity] = counts.get(cell.severity, 0) + cell.count
        return found

    def span(self, query: AlertQuery, scope: Scope) -> Span | None:
        """How many alerts the query finds and between which instants they were raised; None for none."""
        cells = [cell for cell in self._cells if _finds(query, scope, cell)]
        if not cells:
            return None
        return Span(
            count=sum(cell.count for cell in cells),
            oldest_us=min(cell.oldest_us for cell in cells),
            newest_us=max(cell.newest_us for cell in cells),
        )

    def timelines(self, scope: Scope) -> set[str]:
        return {cell.timeline for cell in self._cells if cell.within(scope)}


def covers(query: AlertQuery) -> bool:
    """Whether the query filters by nothing but dimensions of the cube."""
    return query.text is None and query.raised_from_us is None and not {"case_ref", "source_ref"} & set(query.filters())


def _finds(query: AlertQuery, scope: Scope, cell: Cell, without: str | None = None) -> bool:
    filters = query.filters()
    wanted = ((name, filters[name]) for name in DIMENSIONS if name in filters and name != without)
    return cell.within(scope) and all(getattr(cell, name) == value for name, value in wanted)
