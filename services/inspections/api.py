"""HTTP of inspections: what every source has."""

from fastapi import FastAPI

from services.inspections.repository import InspectionRepository
from services.inspections.schemas import BODIES
from services.inspections.service import KIND, InspectionService
from services.shared.access import load_groups
from services.shared.clock import utc_now
from services.shared.settings import Settings
from services.shared.source_app import source_app


def build(settings: Settings, inspections: InspectionRepository) -> FastAPI:
    """The application on top of a repository."""
    service = InspectionService(KIND, inspections, load_groups(settings.policies), utc_now)
    return source_app("Inspections", settings, service, BODIES)
