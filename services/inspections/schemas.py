"""The bodies of inspection commands: the fields of their events."""

from services.inspections.domain.inspection import LIFE
from services.shared.bodies import bodies

BODIES = bodies(LIFE.models)
