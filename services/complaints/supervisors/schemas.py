"""The bodies of requests about the register of supervisors."""

from datetime import date

import msgspec

from services.complaints.supervisors.domain.supervisor import Body


class Appointment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A term of office, both days included."""

    body: Body
    from_on: date
    to_on: date
    group: str | None = None


class Ending(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The last day in office."""

    last_on: date
