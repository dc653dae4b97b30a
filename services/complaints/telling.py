"""Finishes what a crash left undone: every complaint that was merged gets the answer to its lead case (row A2).

Beside the relay. Whoever answers a case tells the merged ones too, and takes off its mark; what still has a mark a turn
later belongs to nobody any more. Told twice, nothing changes.
"""

import threading

import structlog

from services.complaints.repository import ComplaintRepository, Untold
from services.complaints.service import ComplaintService

IDLE_SECONDS = 2.0
A_TURN = 100
_log = structlog.get_logger()


class Teller:
    """Looks for untold answers, in a thread of the relay."""

    service = "complaints-merged-answers"

    def __init__(self, complaints: ComplaintRepository, service: ComplaintService) -> None:
        self._complaints, self._service = complaints, service
        self._seen: set[Untold] = set()
        self.ready = True  # an answer that waits makes no relay sick

    def run(self, stop: threading.Event) -> None:
        """Tell until `stop` is set. What fails is tried again."""
        while not stop.is_set():
            try:
                self.turn()
            except Exception as error:
                _log.warning("teller_waits", error=type(error).__name__)
            stop.wait(IDLE_SECONDS)

    def turn(self) -> int:
        """Tell what was untold a turn ago already; how many cases that were."""
        found = self._complaints.untold(A_TURN)
        left, self._seen = [each for each in found if each in self._seen], set(found)
        told = 0
        for untold in left:
            try:
                self._service.tell(*untold)
                told += 1
            except Exception as error:
                _log.warning("answer_untold", case=untold.case_id, error=type(error).__name__)
        return told
