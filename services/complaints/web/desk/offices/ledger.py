"""The ledger of rewards as a page shows it: the newest entry first, of every case or of one (row A4). Pure.

No line names a person: entries have the account that booked them, and a reward has its case.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from services.complaints.rewards.domain.ledger import ACCOUNTS, Account, Entry, balances
from services.complaints.rewards.service import Ledger
from services.contracts.instants import to_micros

PAGE = 50
COLUMNS = (
    "entry_id", "at", "kind", "case_id", "reward_id", *(f"{account}_fen" for account in ACCOUNTS), "by", "reverses",
)  # fmt: skip


class Line(NamedTuple):
    """One entry; `fen` is what it adds to each account."""

    case_id: str
    reward_id: str
    entry: Entry
    fen: dict[Account, int]

    @property
    def cursor(self) -> str:
        """The place behind this line."""
        return f"{to_micros(self.entry.at)}.{self.entry.entry_id}"

    def cells(self) -> tuple[object, ...]:
        """The line as a table has it, in the order of COLUMNS. Amounts in fen, the instant as ISO 8601."""
        entry = self.entry
        return (
            entry.entry_id, entry.at.isoformat(), entry.kind, self.case_id, self.reward_id, *self.fen.values(),
            entry.by, entry.reverses,
        )  # fmt: skip


def lines(ledger: Ledger, cases: Mapping[str, str], typed: str) -> list[Line]:
    """The entries of the cases that `typed` means, by id or by its end; of every case when it is empty. `cases`:
    reward -> case."""
    wanted = typed.strip().lower()
    found = [
        Line(cases[booked.reward_id], booked.reward_id, booked.entry, balances([booked.entry]))
        for booked in reversed(ledger.entries)
        if booked.reward_id in cases
    ]
    return [line for line in found if line.case_id.lower().endswith(wanted)]


def page(listed: Sequence[Line], after: str) -> tuple[list[Line], str]:
    """The lines behind the cursor `after` ("": from the start), and the cursor of the next page, "" at the end.
    Raises ValueError for a cursor that is no place in the list."""
    cursors = [line.cursor for line in listed]
    start = cursors.index(after) + 1 if after else 0
    shown = list(listed[start : start + PAGE])
    return shown, shown[-1].cursor if start + PAGE < len(listed) else ""


def totals(listed: Sequence[Line]) -> dict[Account, int]:
    """The balance of every account over `listed`, in fen; together they are 0."""
    return balances(line.entry for line in listed)
