"""The life of an inspection visit (rows E1, D1-D3). Free of frameworks, clocks and I/O.

new ─visit→ visited ─close→ closed
             │   ↑
             └find┘   any number of findings, each with an id of its own
"""

from datetime import datetime

from services.contracts.envelope import EventModel
from services.contracts.inspections import InspectionClosedV1, InspectionFoundV1, InspectionVisitedV1
from services.contracts.lifecycle import Case, Command, Lifecycle, advance

LIFE = Lifecycle(
    kind="inspection",
    opening="visit",
    models={"visit": InspectionVisitedV1, "find": InspectionFoundV1, "close": InspectionClosedV1},
    table={
        "new": {"visit": ("visited",)},
        "visited": {"find": ("visited",), "close": ("closed",)},
        "closed": {},
    },
)


class Inspection(Case, frozen=True, kw_only=True):
    """A visit to `agency`; `findings` are the ids of what was found."""

    covert: bool = False
    section: str | None = None
    findings: tuple[str, ...] = ()


def decide(document: Inspection, command: Command, now: datetime) -> tuple[Inspection, tuple[EventModel, ...]]:
    """The visit after `command` at `now`, and its events.

    Raises Refused when the visit is closed, the finding is recorded already or is about another agency than the one
    visited, or `now` lies before the last event.
    """
    (status,) = LIFE.next_statuses(document, command, now)
    match command.data:
        case InspectionVisitedV1() as visited:
            after = advance(
                document, status, now, agency=visited.agency, covert=visited.covert, section=visited.section
            )
        case InspectionFoundV1() as found:
            if found.finding_id in document.findings:
                detail = f"finding {found.finding_id} is recorded already: a new finding needs an id of its own"
                raise LIFE.refusal(document, "finding-known", detail)
            if found.agency != document.agency:
                detail = f"the visit was to {document.agency}: a finding about {found.agency} needs a visit of its own"
                raise LIFE.refusal(document, "wrong-agency", detail)
            after = advance(document, status, now, findings=(*document.findings, found.finding_id))
        case _:
            after = advance(document, status, now)
    return after, (command.data,)
