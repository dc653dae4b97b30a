"""Events of directives.v1: any order with an owner, a deadline, evidence and verification (domain row G1)."""

from typing import Literal

from services.contracts.envelope import EventModel
from services.contracts.instants import Instant
from services.contracts.limits import Limit

DirectiveKind = Literal["rectification", "media_response", "rotation", "centre_entry", "monthly_summary", "other"]


class DirectiveIssuedV1(EventModel):
    """Either `limit` (counted from the issue) or `due_at` says when the report is due."""

    agency: str
    kind: DirectiveKind
    procedure: str = "directive-standard"
    section: str | None = None
    officer: str | None = None
    limit: Limit | None = None
    due_at: Instant | None = None
    origin_ref: str | None = None
    source_ref: str | None = None


class DirectiveReportedV1(EventModel):
    agency: str
    evidence_refs: list[str] = []


class DirectiveVerifiedV1(EventModel):
    """Accepted, or rejected with a new term: then the report clock starts again."""

    agency: str
    accepted: bool
    limit: Limit | None = None
    due_at: Instant | None = None
