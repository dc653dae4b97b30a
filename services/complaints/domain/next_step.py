"""What is usually done next with a complaint where it stands. Free of frameworks, clocks and I/O."""

from collections.abc import Mapping
from typing import Final

from services.complaints.domain.complaint import Complaint

# The command that leads on; a clock that is due sooner may ask for another one first (services/complaints/due.py).
USUAL: Final[Mapping[str, str | None]] = {
    "filed": "accept", "refused": "close", "refusal_appealed": "review-refusal", "refusal_upheld": "close",
    "accepted": "dispatch", "merged": None, "dispatched": "sign-in", "signed": "conclude", "paused": "resume",
    "returned": "dispatch", "awaiting_sign_off": "sign-off", "concluded": "reply", "replied": "call-back",
    "called_back": "close", "redo": "conclude", "appealed": "review", "upheld": "close", "closed": None,
}  # fmt: skip


def usual_step(case: Complaint) -> str | None:
    """The command that is expected next; a case is not closed while a correction is owed (row B5)."""
    step = USUAL[case.status]
    return "correct" if step == "close" and case.correction_due else step
