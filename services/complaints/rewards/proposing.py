"""Proposes rewards for complaints whose finding stands, beside the relay (row A4). The machine proposes, people decide.

A complaint is looked at once: its proposal is written first, then the mark that it was looked at. A kill between the
two repeats the proposal, which the store recognises by the complaint.
"""

import threading

import structlog

from services.complaints.repository import ComplaintRepository
from services.complaints.rewards.service import RewardService

IDLE_SECONDS = 2.0
A_TURN = 100
_log = structlog.get_logger()


class Proposer:
    """Looks at concluded complaints, in a thread of the relay."""

    service = "complaints-rewards"

    def __init__(self, complaints: ComplaintRepository, rewards: RewardService) -> None:
        self._complaints, self._rewards = complaints, rewards
        self.ready = True  # rewards that wait make no relay sick

    def run(self, stop: threading.Event) -> None:
        """Propose until `stop` is set. What fails is tried again."""
        while not stop.is_set():
            try:
                self.turn()
            except Exception as error:
                _log.warning("proposer_waits", error=type(error).__name__)
            stop.wait(IDLE_SECONDS)

    def turn(self) -> int:
        """Look at every complaint that waits; how many rewards were proposed."""
        proposed = 0
        while waiting := self._complaints.rewardable(A_TURN):
            for case_id in waiting:
                proposed += self._rewards.propose(case_id) is not None
                self._complaints.mark_considered(case_id)
        return proposed
