"""Events of complaints.v1 that people say to one another through the anonymous inbox (domain row A3).

Words and files lie with the complaints service; the log holds references to them.
"""

from services.contracts.envelope import EventModel


class ComplaintAskedV1(EventModel):
    """Whoever handles the case asks the person something, or tells them something."""

    text_ref: str
    agency: str | None = None


class ComplaintSupplementedV1(EventModel):
    """The person adds words or evidence. `answers` is the sequence of the event that asked for it, if one did."""

    text_ref: str | None = None
    evidence_refs: list[str] = []
    answers: int | None = None
