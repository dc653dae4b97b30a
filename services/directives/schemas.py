"""The bodies of directive commands: the fields of their events."""

from services.directives.domain.directive import LIFE
from services.shared.bodies import bodies

BODIES = bodies(LIFE.models)
