"""The due times in force: the policies of a folder, and the decrees that have been given since they were written."""

from collections.abc import Callable
from pathlib import Path

from services.complaints.due import Decree, DueTimes
from services.supervision.policy_files import load_policies

REREAD_SECONDS = 5.0


class CurrentDue:
    """Reads the policies once, and the decrees again after some seconds: another process may have taken one.

    `kept` are the decrees, `clock` a monotonic one in seconds. Raises PolicyError, a ValueError with one line per
    problem, for policies that are wrong; the decrees' store is not asked before the first use.
    """

    def __init__(self, policies: Path, kept: Callable[[], list[Decree]], clock: Callable[[], float]) -> None:
        found = load_policies(policies)
        self._policy, self._calendar, self._kept, self._clock = found.cases, found.calendar, kept, clock
        self._due: DueTimes | None = None
        self._decrees = 0
        self._read_at = 0.0

    def __call__(self) -> DueTimes:
        now = self._clock()
        if self._due is None or now - self._read_at > REREAD_SECONDS:
            decrees = self._kept()
            if self._due is None or len(decrees) != self._decrees:
                self._due, self._decrees = DueTimes(self._policy, self._calendar, decrees), len(decrees)
            self._read_at = now
        return self._due


def current_due(
    policies: Path, kept: Callable[[], list[Decree]], clock: Callable[[], float]
) -> CurrentDue | None:  # fmt: skip
    """The due times by the policies in a folder; None when it has no policy of clocks."""
    return CurrentDue(policies, kept, clock) if (policies / "cases.yaml").exists() else None
