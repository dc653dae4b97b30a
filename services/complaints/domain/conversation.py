"""What is said between the person and whoever handles the case (row A3): beside the life of a complaint, in any status.

Free of frameworks, clocks and I/O. A question and an addition leave a complaint where it stands, also after the reply:
that is when somebody says that nothing has changed.
"""

from collections.abc import Callable
from datetime import datetime

import msgspec

from services.complaints.domain.complaint import Complaint
from services.contracts.conversation import ComplaintAskedV1, ComplaintSupplementedV1
from services.contracts.envelope import EventModel
from services.contracts.lifecycle import NEW, Command, Lifecycle, advance

ASK, SUPPLEMENT = "ask", "supplement"
Decide = Callable[[Complaint, Command, datetime], tuple[Complaint, tuple[EventModel, ...]]]


def conversing(life: Lifecycle) -> Lifecycle:
    """`life` with ask and supplement in every status but new."""
    table = {
        status: commands if status == NEW else {**commands, ASK: (status,), SUPPLEMENT: (status,)}
        for status, commands in life.table.items()
    }
    models = {**life.models, ASK: ComplaintAskedV1, SUPPLEMENT: ComplaintSupplementedV1}
    return msgspec.structs.replace(life, models=models, table=table)


def deciding(life: Lifecycle, decide: Decide) -> Decide:
    """`decide` that knows ask and supplement too. It raises Refused as `decide` does."""

    def decision(document: Complaint, command: Command, now: datetime) -> tuple[Complaint, tuple[EventModel, ...]]:
        if command.name not in (ASK, SUPPLEMENT):
            return decide(document, command, now)
        (status,) = life.next_statuses(document, command, now)
        return advance(document, status, now), (command.data,)

    return decision
