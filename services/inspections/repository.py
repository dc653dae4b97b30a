"""Where visits are kept: nothing beyond what every source keeps, on MongoDB or in memory."""

from services.inspections.documents import InspectionBroadcast, InspectionDocument
from services.inspections.domain.inspection import Inspection
from services.shared.cases import CaseRepository, MemoryCases, MongoCases

InspectionRepository = CaseRepository[Inspection]
MemoryInspections = MemoryCases[Inspection]


def mongo_inspections() -> MongoCases[Inspection]:
    """Visits in the database duban_inspections."""
    return MongoCases(Inspection, InspectionDocument, InspectionBroadcast)
