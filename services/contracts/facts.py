"""Facts for the subjects fold, keyed by subject (domain row H3)."""

from services.contracts.complaints import Severity
from services.contracts.envelope import EventModel
from services.contracts.instants import Instant


class FactRecordedV1(EventModel):
    """What counts against an agency, a section or an officer; never against a person who complains.

    `subject` is "agency:CODE", "section:CODE/NAME", "officer:CODE", or "pair:CODE|CODE/CASE" for two agencies between
    which a case passed. `known_at` is not before any `as_of` that the
    same source forwarded earlier, so facts can be put in order once the watermark has passed them.
    """

    fact_id: str
    subject: str
    offence: str
    known_at: Instant
    occurred_at: Instant
    case_ref: str
    agency: str
    section: str | None = None
    officer: str | None = None
    alert_id: str | None = None
    severity: Severity = "notice"
    evidence: list[str] = []
