"""What somebody may do with a reward now: what its life and the table of roles allow (row A4). Pure."""

from datetime import datetime
from typing import NamedTuple

from services.complaints.rewards.domain.reward import TABLE, Reward
from services.complaints.rewards.service import DECISIONS, Decision
from services.shared.access import Principal, allows


class Offered(NamedTuple):
    """One act. `why_not` is the key of the sentence that says why it is not for this person now; "" when it is."""

    command: Decision
    why_not: str = ""


def offered(reward: Reward, principal: Principal, now: datetime) -> list[Offered]:
    """The acts of the reward's state that `principal` may do, in the order of its life."""
    found = [c for c in DECISIONS if c in TABLE[reward.status] and allows(f"complaints.rewards.{c}", principal)]
    return [Offered(command, _why_not(reward, command, principal, now)) for command in found]


def _why_not(reward: Reward, command: Decision, principal: Principal, now: datetime) -> str:
    match command:
        case "approve" if principal.subject == reward.endorsed_by:
            return "rewards.why_not.endorsed"
        case "reverse" if principal.subject == reward.paid_by:
            return "rewards.why_not.paid"
        case "lapse" if any(until and now < until for until in (reward.claim_until, reward.voucher_until)):
            return "rewards.why_not.too_early"
    return ""
