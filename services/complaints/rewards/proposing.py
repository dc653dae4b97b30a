"""Proposes rewards for complaints found true, once answered, beside the relay (row A4). People decide.

A complaint is looked at once: its proposal is written first, then the mark that it was looked at. A kill between the
two repeats the proposal, which the store recognises by the complaint.
"""

import threading
from collections.abc import Callable
from datetime import datetime

import msgspec
import structlog

from services.complaints.repository import ComplaintRepository
from services.complaints.rewards.domain.policy import RewardPolicy
from services.complaints.rewards.domain.reward import Reward, reward_id
from services.complaints.rewards.repository import RewardRepository
from services.contracts.complaints import ComplaintConcludedV1
from services.contracts.registry import event_type
from services.shared.audit.trail import Trail

IDLE_SECONDS = 2.0
A_TURN = 100
BY_POLICY = "policy"
_CONCLUDED = event_type(ComplaintConcludedV1)
_log = structlog.get_logger()


class Proposer:
    """Looks at answered complaints, in a thread of the relay."""

    service = "complaints-rewards"

    def __init__(
        self, complaints: ComplaintRepository, rewards: RewardRepository, trail: Trail, policy: RewardPolicy,
        clock: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self._complaints, self._rewards, self._trail = complaints, rewards, trail
        self._policy, self._clock = policy, clock
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
                proposed += self._propose(case_id)
                self._complaints.mark_considered(case_id)
        return proposed

    def _propose(self, case_id: str) -> bool:
        """Propose what the schedule gives; whether that is anything that was not proposed before."""
        stored = self._complaints.load(case_id)
        concluded = [e for e in self._complaints.history(case_id) if e.type == _CONCLUDED]
        if stored is None or not concluded:
            return False
        data = msgspec.json.decode(concluded[-1].data, type=ComplaintConcludedV1)
        severity = stored.case.severity or "notice"
        amount = self._policy.amount_fen(stored.case.channel, severity, data.offence, data.finding)
        if not amount:
            return False
        proposed = Reward(
            reward_id=reward_id(case_id), case_id=case_id, amount_fen=amount, severity=severity, offence=data.offence,
            finding=data.finding, policy_version=self._policy.version, proposed_at=self._clock(),
        )  # fmt: skip
        if not self._rewards.add(proposed):
            return False
        self._trail.append(BY_POLICY, "reward.proposed", proposed.reward_id, str(amount))
        return True
