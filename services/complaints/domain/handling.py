"""What policy says about handling complaints (rows A2, B3, B4). Free of files; see policies/complaints.yaml."""

from typing import Annotated, get_args

import msgspec

from services.contracts.complaints import Offence, Satisfaction, Severity

_ORDER: tuple[Severity, ...] = get_args(Severity)
Count = Annotated[int, msgspec.Meta(ge=0, le=100)]
Days = Annotated[int, msgspec.Meta(ge=1, le=3660)]


class Handling(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From `sign_off_from` on the head of the agency signs (row B4). A call-back rated `redo_at_most` or less is
    handled again, `redo_rounds` times at most; a person may appeal `appeals` times (row B3). Complaints that lie no
    more than `duplicate_days` apart may be about the same matter (row A2).
    """

    version: str = ""
    severities: dict[Offence, Severity] = {}
    sign_off_from: Severity = "yellow"
    redo_at_most: Satisfaction = 2
    redo_rounds: Count = 1
    appeals: Count = 2
    duplicate_days: Days = 30

    def severity_of(self, offence: Offence) -> Severity:
        """How grave a matter is by its offence alone."""
        return self.severities.get(offence, "notice")

    def needs_sign_off(self, severity: Severity) -> bool:
        """Whether the head has to sign a conclusion about a matter of this severity."""
        return _ORDER.index(severity) >= _ORDER.index(self.sign_off_from)


def graver(one: Severity | None, other: Severity) -> Severity:
    """The graver of two severities; None is the least."""
    return other if one is None or _ORDER.index(other) > _ORDER.index(one) else one
