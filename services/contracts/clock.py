"""Time as data: the records that move clocks (architecture rule 4)."""

from datetime import date

from services.contracts.envelope import EventModel
from services.contracts.instants import Instant


class ClockTickedV1(EventModel):
    """Every event of this timeline before `as_of` stands earlier in this partition.

    On a source topic the relay writes it into every partition. On facts.v1 and alerts.v1 it is forwarded, and `source`
    says for which upstream topic-partition ("complaints.v1-2") it speaks.
    """

    as_of: Instant
    source: str | None = None


class CalendarDecreedV1(EventModel):
    """The State Council's decree for one year: days off that are weekdays, and make-up workdays at weekends."""

    year: int
    version: str
    holidays: list[date]
    makeup_workdays: list[date]
