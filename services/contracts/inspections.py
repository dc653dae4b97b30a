"""Events of inspections.v1 (domain rows E1, D1-D3)."""

from typing import Literal

from services.contracts.complaints import Offence, Severity
from services.contracts.envelope import EventModel


class InspectionVisitedV1(EventModel):
    """An open or covert visit (明查暗访) to an agency or section."""

    agency: str
    covert: bool
    procedure: str = "inspection-standard"
    section: str | None = None
    source_ref: str | None = None


class InspectionFoundV1(EventModel):
    """A finding of the visit. `discovery` weighs in accountability (row E2)."""

    agency: str
    finding_id: str
    offence: Offence
    severity: Severity = "notice"
    discovery: Literal["office", "self_report"] = "office"
    section: str | None = None
    officer: str | None = None
    evidence_refs: list[str] = []


class InspectionClosedV1(EventModel):
    """The visit is written up; no more findings come."""

    agency: str
