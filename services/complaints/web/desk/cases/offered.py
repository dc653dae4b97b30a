"""What somebody may do with a complaint now: exactly what its life and the table of roles allow. Pure."""

from collections.abc import Callable
from typing import NamedTuple

from services.complaints.domain.complaint import LIFE, Complaint
from services.complaints.domain.deciding import acting_agencies
from services.complaints.work import may
from services.contracts.envelope import LIVE
from services.shared.access import Principal

# What others are told, or what ends something: asked about once, because no later command takes it back.
ASKS = frozenset({
    "refuse", "merge", "review-refusal", "transfer", "return", "conclude", "sign-off", "reply", "review", "correct",
    "close",
})  # fmt: skip


class Offered(NamedTuple):
    """One command. `why_not` is the key of the sentence that says why it is not for this person now; "" when it is."""

    command: str
    expected: bool
    why_not: str = ""


def offered(case: Complaint, principal: Principal, expected: str | None) -> list[Offered]:
    """The commands of the case's status that `principal` may give, the one that is expected next first.

    Not those that have no object: nothing to put right, nobody to answer back, a name known already. What waits for
    somebody or something else is listed with the reason, so that nobody wonders where it went. Nothing on a timeline
    other than live: that is a replay, nobody handles it.
    """
    if case.timeline != LIVE:
        return []
    objectless = {command for command, has_object in _OBJECTS.items() if not has_object(case)}
    commands = [
        command
        for command in LIFE.allowed(case.status)
        if command not in objectless and may(principal, command) and _lies_with(case, command, principal)
    ]
    found = [Offered(command, command == expected, _why_not(case, command, principal)) for command in commands]
    return sorted(found, key=lambda o: (not o.expected, bool(o.why_not)))


def _lies_with(case: Complaint, command: str, principal: Principal) -> bool:
    """An agency gives commands for itself alone, and those of the lead agency only when it leads (row B1)."""
    agencies = acting_agencies(case, command)
    return agencies is None or principal.agency in agencies


def _why_not(case: Complaint, command: str, principal: Principal) -> str:
    rule = _RULES.get(command)
    return rule(case, principal) if rule else ""


def _another(case: Complaint, principal: Principal) -> str:
    return "why_not.same_handler" if principal.subject in case.handlers else ""


_RULES: dict[str, Callable[[Complaint, Principal], str]] = {
    "review": _another, "review-refusal": _another,
    "close": lambda case, _: "why_not.correction_due" if case.correction_due else "",
}  # fmt: skip
_OBJECTS: dict[str, Callable[[Complaint], bool]] = {
    "correct": lambda case: case.correction_due, "answer-back": lambda case: case.their_ref is not None,
    "identify": lambda case: case.identity_ref is None,
}  # fmt: skip
