"""The life of a directive (督办件, row G1). Free of frameworks, clocks and I/O.

new ─issue→ issued ─report→ reported ─verify (accepted)→ verified
               ↑                │
               └────────────────┘ verify (not accepted): a new term, and a new report is due
"""

from datetime import datetime

from services.contracts.directives import DirectiveIssuedV1, DirectiveKind, DirectiveReportedV1, DirectiveVerifiedV1
from services.contracts.envelope import EventModel
from services.contracts.lifecycle import Case, Command, Lifecycle, advance

LIFE = Lifecycle(
    kind="directive",
    opening="issue",
    models={"issue": DirectiveIssuedV1, "report": DirectiveReportedV1, "verify": DirectiveVerifiedV1},
    table={
        "new": {"issue": ("issued",)},
        "issued": {"report": ("reported",)},
        "reported": {"verify": ("verified", "issued")},
        "verified": {},
    },
)


class Directive(Case, frozen=True, kw_only=True):
    """An order to `agency`; `reports` counts how often it has reported."""

    order: DirectiveKind = "other"
    origin_ref: str | None = None
    reports: int = 0


def decide(document: Directive, command: Command, now: datetime) -> tuple[Directive, tuple[EventModel, ...]]:
    """The directive after `command` at `now`, and its events.

    Raises Refused when the status does not allow the command, another agency reports than the one ordered to, a term
    is given twice or has passed already, or `now` lies before the last event.
    """
    statuses = LIFE.next_statuses(document, command, now)
    match command.data:
        case DirectiveIssuedV1() as issued:
            _check_term(document, issued, now)
            after = advance(
                document, statuses[0], now, agency=issued.agency, order=issued.kind, origin_ref=issued.origin_ref
            )
        case DirectiveReportedV1() as reported:
            if reported.agency != document.agency:
                detail = f"report by {reported.agency}: the order is to {document.agency}, which reports itself"
                raise LIFE.refusal(document, "wrong-agency", detail)
            after = advance(document, statuses[0], now, reports=document.reports + 1)
        case DirectiveVerifiedV1() as verified:
            accepted, reopened = statuses
            if verified.accepted and (verified.limit or verified.due_at):
                detail = "verify: an accepted report needs no new term; leave out limit and due_at"
                raise LIFE.refusal(document, "invalid", detail)
            _check_term(document, verified, now)
            after = advance(document, accepted if verified.accepted else reopened, now)
        case _:
            after = advance(document, statuses[0], now)
    return after, (command.data,)


def _check_term(document: Directive, data: DirectiveIssuedV1 | DirectiveVerifiedV1, now: datetime) -> None:
    if data.limit and data.due_at:
        raise LIFE.refusal(document, "invalid", "give either limit or due_at, not both")
    if data.due_at and data.due_at < now:
        detail = f"due_at {data.due_at.isoformat()} has passed already: give an instant after {now.isoformat()}"
        raise LIFE.refusal(document, "invalid", detail)
