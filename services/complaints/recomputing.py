"""Computes due times anew, beside the relay, when a policy or a decree has changed what they follow from.

Resumable: a document names the policy and calendar that its due times follow from, and whoever dies goes on with those
that still name another. A command that comes between is not disturbed: it writes due times of its own.
"""

import threading
from collections.abc import Callable

import structlog

from services.complaints.due import DueTimes
from services.complaints.repository import ComplaintRepository

IDLE_SECONDS = 60.0
A_TURN = 200
_log = structlog.get_logger()


class Recomputer:
    """Looks for complaints whose due times follow from another policy or calendar, in a thread of the relay."""

    service = "complaints-due"

    def __init__(self, complaints: ComplaintRepository, current: Callable[[], DueTimes] | None) -> None:
        self._complaints, self._current = complaints, current
        self.ready = True  # due times that wait make no relay sick

    def run(self, stop: threading.Event) -> None:
        """Compute until `stop` is set. What fails is tried again."""
        while self._current is not None and not stop.is_set():
            try:
                self.turn(self._current(), stop)
            except Exception as error:
                _log.warning("recomputer_waits", error=type(error).__name__)
            stop.wait(IDLE_SECONDS)

    def turn(self, due: DueTimes, stop: threading.Event | None = None) -> int:
        """Every complaint that waits; how many there were. One that somebody writes meanwhile comes again."""
        done = 0
        while waiting := self._complaints.due_of_other(due.version, A_TURN):
            for stored in waiting:
                if stop is not None and stop.is_set():
                    return done
                history = self._complaints.history(stored.case.case_id)[: stored.case.sequence]
                done += self._complaints.set_due(stored, due.of(stored.case, history))
        return done
