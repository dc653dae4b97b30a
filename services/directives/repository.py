"""Where directives are kept: nothing beyond what every source keeps, on MongoDB or in memory."""

from services.directives.documents import DirectiveBroadcast, DirectiveDocument
from services.directives.domain.directive import Directive
from services.shared.cases import CaseRepository, MemoryCases, MongoCases

DirectiveRepository = CaseRepository[Directive]
MemoryDirectives = MemoryCases[Directive]


def mongo_directives() -> MongoCases[Directive]:
    """Directives in the database duban_directives."""
    return MongoCases(Directive, DirectiveDocument, DirectiveBroadcast)
