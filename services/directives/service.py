"""What directives do beyond any case: how verifications end is counted, for reports that only look done."""

from services.contracts.directives import DirectiveVerifiedV1
from services.contracts.envelope import EventModel
from services.directives.domain.directive import LIFE, Directive, decide
from services.directives.telemetry import VERIFIED
from services.shared.commands import CaseService, Kind

KIND = Kind(service="directives", topic="directives.v1", case_type=Directive, life=LIFE, decide=decide)


class DirectiveService(CaseService[Directive]):
    """Orders with a deadline."""

    def observe(self, data: EventModel) -> None:
        if isinstance(data, DirectiveVerifiedV1):
            VERIFIED.labels("accepted" if data.accepted else "rejected").inc()
