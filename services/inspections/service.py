"""What inspections do beyond any case: findings are counted by offence, the thing that they are there to show."""

from services.contracts.envelope import EventModel
from services.contracts.inspections import InspectionFoundV1
from services.inspections.domain.inspection import LIFE, Inspection, decide
from services.inspections.telemetry import FINDINGS
from services.shared.commands import CaseService, Kind

KIND = Kind(service="inspections", topic="inspections.v1", case_type=Inspection, life=LIFE, decide=decide)


class InspectionService(CaseService[Inspection]):
    """Visits and findings."""

    def observe(self, data: EventModel) -> None:
        if isinstance(data, InspectionFoundV1):
            FINDINGS.labels(data.offence, data.severity).inc()
