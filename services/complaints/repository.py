"""Where complaints, their texts and their receipts are kept: the interface."""

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple, Protocol

from services.complaints.domain.complaint import Complaint
from services.complaints.due import Decree, Due
from services.complaints.work import Listed, WorkQuery
from services.contracts.identity import KeptIdentity
from services.shared.cases import CaseRepository, Stored


class Reported(NamedTuple):
    """A complaint that came through Open311, and what its document keeps of the request."""

    case: Complaint
    kept: dict[str, str]


class Untold(NamedTuple):
    """A complaint marked in `version`; `into` is the one that it was merged into."""

    case_id: str
    into: str | None
    version: int


class ComplaintRepository(CaseRepository[Complaint], Protocol):
    """Complaints, found by receipt too, and what people wrote."""

    def by_receipt(self, receipt: str) -> str | None:
        """The id of the complaint whose receipt code has this slow keyed hash."""

    def merged_into(self, case_id: str) -> list[str]:
        """The ids of the complaints that were merged into `case_id`."""

    def untold(self, most: int) -> list[Untold]:
        """Complaints whose reply, or merging, has not been told to all that are merged (row A2)."""

    def mark_told(self, case_id: str, version: int) -> None:
        """All have the answer that the complaint's `version` brought."""

    def about(self, agency: str, first: int, last: int, most: int) -> list[Complaint]:
        """At most `most` live complaints about `agency`, the newest first, filed from `first` to `last` in
        microseconds."""

    def keep_text(self, text_ref: str, text: str) -> None:
        """Keep `text`; keeping it again under the same reference changes nothing."""

    def text(self, text_ref: str) -> str | None:
        """What was kept under `text_ref`."""

    def of_supervisor(self, supervisor: str, most: int) -> list[Complaint]:
        """At most `most` live reports of a supervisor (row A5), the newest first."""

    def rewardable(self, limit: int) -> list[str]:
        """Live complaints with a receipt, found true and answered, that nobody has looked at for a reward (row A4)."""

    def mark_considered(self, case_id: str) -> None:
        """The complaint has been looked at for a reward."""

    def texts(self, text_refs: Collection[str]) -> dict[str, str]:
        """What was kept under each of `text_refs`."""

    def reported(self, case_ids: Collection[str]) -> list[Reported]:
        """Those of `case_ids` that came through Open311."""

    def reported_in(
        self, codes: Collection[str], statuses: Collection[str], first: int, last: int, most: int
    ) -> list[Reported]:
        """At most `most` complaints that came through Open311 under these service codes, the newest first, filed from
        `first` to `last` in microseconds and in one of `statuses`."""

    def work(self, query: WorkQuery) -> list[Listed]:
        """At most `query.limit` complaints of the work list, those due first."""

    def work_counts(self, queries: Sequence[WorkQuery]) -> list[int]:
        """How many complaints each of `queries` finds, wherever its page begins. All are of one timeline and
        within the same reach."""

    def due_of_other(self, version: str, most: int) -> list[Stored[Complaint]]:
        """At most `most` complaints whose due times another policy or calendar gave, but for closed ones; and those
        that have none yet."""

    def set_due(self, stored: Stored[Complaint], due: Due) -> bool:
        """Keep due times computed for the case as it was read; False when somebody has written it since."""

    def kept_decrees(self) -> list[Decree]:
        """Every decree that was broadcast on the live timeline."""

    def timelines(self) -> list[str]:
        """The timelines other than live that have a tick and complaints."""

    def ticked(self, timeline: str) -> int | None:
        """The last tick of a timeline other than live, in microseconds; None before the first."""

    def waiting_identities(self) -> Iterator[KeptIdentity]:
        """Sealed identities that the vault does not have yet."""

    def forget_identity(self, identity_ref: str) -> None:
        """Delete a sealed identity here: the vault has it."""
