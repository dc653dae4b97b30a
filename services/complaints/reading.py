"""Which of the texts that a complaint's history refers to somebody may read, over the API and on pages alike. Pure.

What the person themselves said is for those who handle the case; texts about it, also for their supervisors.
"""

from services.shared.access import Principal, allows

TALK = frozenset({"complaint.supplemented.v1", "complaint.asked.v1"})
_SAID = frozenset({"complaint.filed.v1", "complaint.appealed.v1", "complaint.refusal_appealed.v1"})


def reading_of(event: str) -> str:
    """The endpoint whose roles may read the texts of an event of this type (access.py)."""
    if event in TALK:
        return "complaints.messages.read"
    return "complaints.text" if event in _SAID else "complaints.note"


def may_read(event: str, principal: Principal) -> bool:
    """Whether `principal` may read the texts of an event of this type."""
    return allows(reading_of(event), principal)
