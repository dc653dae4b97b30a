"""What the work list shows of a complaint, in one language as things stand at an instant. Free of HTTP and of I/O."""

from datetime import datetime
from typing import NamedTuple

from services.complaints.domain.complaint import Complaint
from services.complaints.due import DueTimes
from services.complaints.web.desk.cases.time_left import TimeLeft, time_left
from services.complaints.web.desk.registry import Registry
from services.complaints.work import Listed
from services.shared.access import TABLE
from services.shared.web.words import Words

_SHOWN = 8


class Row(NamedTuple):
    """One complaint of the list; `agency` is the lead agency, or the one complained of as long as there is none."""

    case_id: str
    ref: str
    channel: str
    offence: str
    agency: str
    leads: bool
    status: str
    clock: str
    left: TimeLeft
    provisional: bool
    paused: bool
    step: str
    actor: str


class Views:
    """Builds what pages show of complaints."""

    def __init__(self, words: Words, registry: Registry, due: DueTimes | None, now: datetime) -> None:
        self.words, self.registry, self.due, self.now = words, registry, due, now

    def row(self, listed: Listed) -> Row:
        case, due = listed
        words, step = self.words, due.next_step
        return Row(
            case_id=case.case_id, ref=ref_of(case.case_id), channel=words(f"channel.{case.channel}"),
            offence=words(f"offence.{case.offence}"),
            agency=self.registry.agency(case.agency or case.about, words.lang),
            leads=case.agency is not None, status=words(f"desk.status.{case.status}"),
            clock=self.clock(due.due_clock), left=self.left(due.due_at), provisional=due.provisional, paused=due.paused,
            step=words(f"act.{step}") if step else words("step.none"), actor=self.actor(case, step) if step else "",
        )  # fmt: skip

    def left(self, due_at: int) -> TimeLeft:
        return time_left(due_at, self.now, self.due, self.words) if self.due else TimeLeft("", "none")

    def clock(self, name: str | None) -> str:
        return self.due.label(name, self.words.lang) if self.due and name else ""

    def actor(self, case: Complaint, step: str) -> str:
        """Who is to do `step`: the head, the lead agency, or the office."""
        roles = TABLE[f"complaints.{step}"].roles
        agency = self.registry.agency(case.agency, self.words.lang)
        if "head" in roles:
            return self.words("actor.head", agency=agency)
        return agency if "agency" in roles and case.agency else self.words("actor.office")


def ref_of(case_id: str) -> str:
    """The end of a case's id, as people read it to one another."""
    return case_id[-_SHOWN:].upper()
