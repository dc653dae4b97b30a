"""The register of supervisors, and what it says of a report at the edge (row A5, rule 3). Free of HTTP."""

from collections.abc import Callable
from datetime import date, datetime

import msgspec

from services.complaints.domain.complaint import LIFE, Complaint
from services.complaints.repository import ComplaintRepository
from services.complaints.supervisors.domain.supervisor import Supervisor, Term, appointed, ended, term_at
from services.complaints.supervisors.repository import SupervisorRepository
from services.contracts.complaints import ComplaintFiledV1, ComplaintRepliedV1
from services.contracts.instants import from_micros
from services.contracts.lifecycle import NEW, Refused
from services.contracts.registry import event_type
from services.shared.access import Principal
from services.shared.audit.trail import Trail
from services.shared.commands import NotFound

PROCEDURE = "complaint-supervisor"
MOST_REPORTS = 500
_FOR_OTHERS = frozenset({"clerk", "office"})  # who takes down what a supervisor says
_REPLIED = event_type(ComplaintRepliedV1)


class Answered(msgspec.Struct, frozen=True):
    """One answer to a report."""

    at: datetime
    text: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One of a supervisor's own reports and what was answered to it."""

    case_id: str
    status: str
    filed_at: datetime
    about: str | None
    offence: str
    answers: list[Answered]


class Supervisors:
    """The office keeps the register; whoever is in it reports and reads the answers."""

    def __init__(
        self, register: SupervisorRepository, complaints: ComplaintRepository, trail: Trail,
        clock: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self._register, self._complaints, self._trail, self._clock = register, complaints, trail, clock

    def appoint(self, supervisor: Supervisor, term: Term, by: str) -> Supervisor:
        """A new supervisor, or a further term of one. Raises Refused, or Conflict."""
        after = appointed(self._register.load(supervisor.code), supervisor, term)
        return self._saved(after, by, "supervisor.appointed")

    def end(self, code: str, last_on: date, by: str) -> Supervisor:
        """End the term that `last_on` falls into on that day. Raises NotFound, Refused, or Conflict."""
        known = self._register.load(code)
        if known is None:
            raise NotFound(code)
        return self._saved(ended(known, last_on), by, "supervisor.ended")

    def listed(self) -> list[Supervisor]:
        return self._register.listed()

    def term_of(self, code: str) -> Term | None:
        """The term of office that runs now; None for whoever is not in office."""
        known = self._register.load(code)
        return term_at(known, self._clock()) if known else None

    def admit(self, data: ComplaintFiledV1, actor: Principal) -> ComplaintFiledV1:
        """A report as the log gets it: with the supervisor's body, group and term as they are now, and the clocks of
        such reports. Raises the complaint's own Refused for whoever is not in office now, and for a report in somebody
        else's name."""
        code = str(data.intake.get("supervisor", ""))
        if actor.subject != code and not actor.roles & _FOR_OTHERS:
            raise _refusal("not-yours", "a supervisor reports with their own account, or through a clerk")
        known = self._register.load(code)
        term = term_at(known, self._clock()) if known else None
        if known is None or term is None:
            raise _refusal("no-active-term", f"{code} is not in office now: a supervisor's report needs a running term")
        found = {"body": known.body, "term_to": term.to_on.isoformat()} | (
            {"group": known.group} if known.group else {}
        )
        return msgspec.structs.replace(data, procedure=PROCEDURE, intake={**data.intake, **found})

    def reports(self, code: str) -> list[Report]:
        """The reports of `code`, the newest first, each with its answers."""
        return [self._report(case) for case in self._complaints.of_supervisor(code, MOST_REPORTS)]

    def _report(self, case: Complaint) -> Report:
        replies = [e for e in self._complaints.history(case.case_id) if e.type == _REPLIED]
        told = [(e.at, msgspec.json.decode(e.data, type=ComplaintRepliedV1).text_ref) for e in replies]
        answers = [Answered(from_micros(at), (self._complaints.text(ref) or "") if ref else "") for at, ref in told]
        return Report(
            case_id=case.case_id, status=case.status, filed_at=from_micros(case.filed_at), about=case.about,
            offence=case.offence, answers=answers,
        )  # fmt: skip

    def _saved(self, after: Supervisor, by: str, action: str) -> Supervisor:
        self._trail.append(by, action, after.code, after.body)
        self._register.save(after)
        return after


def _refusal(slug: str, detail: str) -> Refused:
    return Refused(slug, detail, NEW, LIFE.allowed(NEW))
