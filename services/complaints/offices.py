"""Rewards, supervisors and surveys put together on their stores (rows A4, A5, A6). Free of HTTP."""

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from services.complaints.policies import load_policy
from services.complaints.repository import ComplaintRepository
from services.complaints.rewards.cashier import Cashier
from services.complaints.rewards.domain.policy import NO_REWARDS, RewardPolicy
from services.complaints.rewards.repository import MemoryRewards, RewardRepository
from services.complaints.rewards.service import RewardService
from services.complaints.rewards.vouchers import Vouchers
from services.complaints.supervisors.repository import MemorySupervisors, SupervisorRepository
from services.complaints.supervisors.service import Supervisors
from services.complaints.surveys.domain.policy import SurveyPolicy
from services.complaints.surveys.repository import MemorySurveys, SurveyRepository
from services.complaints.surveys.service import Surveys
from services.complaints.web.directory import load_directory
from services.shared.audit.trail import Trail
from services.shared.guessing import Guessing

_UNLESS_SAID = SurveyPolicy(version="", minimum_group=5)


class Stores(NamedTuple):
    """Where they are kept, and the secret under which vouchers are made."""

    rewards: RewardRepository
    vouchers: Vouchers
    supervisors: SupervisorRepository
    surveys: SurveyRepository

    @classmethod
    def in_memory(cls) -> "Stores":
        """For tests without a server."""
        return cls(MemoryRewards(), Vouchers(b"v" * 32), MemorySupervisors(), MemorySurveys())


class Offices(NamedTuple):
    """The services. Cashiers guess apart from everybody else, each in the memory of this process."""

    rewards: RewardService
    cashier: Cashier
    supervisors: Supervisors
    surveys: Surveys

    @classmethod
    def of(
        cls, policies: Path, complaints: ComplaintRepository, trail: Trail, stores: Stores,
        clock: Callable[[], datetime],
    ) -> "Offices":  # fmt: skip
        """On `stores`, with the policies in the folder `policies`."""
        minimum = load_policy(policies / "surveys.yaml", SurveyPolicy) or _UNLESS_SAID
        rewards = RewardService(stores.rewards, stores.vouchers, trail, load_schedule(policies), clock)
        return cls(
            rewards,
            Cashier(rewards, Guessing(time.monotonic)),
            Supervisors(stores.supervisors, complaints, trail, clock),
            Surveys(stores.surveys, trail, minimum, frozenset(load_directory(policies)), clock),
        )


def load_schedule(policies: Path) -> RewardPolicy:
    """The schedule in `policies`; without one there are no rewards. Raises ValueError."""
    return load_policy(policies / "rewards.yaml", RewardPolicy) or NO_REWARDS
