"""HTTP of directives: what every source has."""

from fastapi import FastAPI

from services.directives.repository import DirectiveRepository
from services.directives.schemas import BODIES
from services.directives.service import KIND, DirectiveService
from services.shared.access import load_groups
from services.shared.clock import utc_now
from services.shared.settings import Settings
from services.shared.source_app import source_app


def build(settings: Settings, directives: DirectiveRepository) -> FastAPI:
    """The application on top of a repository."""
    service = DirectiveService(KIND, directives, load_groups(settings.policies), utc_now)
    return source_app("Directives", settings, service, BODIES)
