"""The bodies of requests about surveys, and what is answered."""

from datetime import datetime
from typing import Annotated

import msgspec

from services.complaints.surveys.domain.campaign import MAX_LINKS, Campaign, Code, Phase, Question, Wording
from services.contracts.instants import Instant


class NewCampaign(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A campaign: agencies by code, questions, and from when to when it is answered."""

    campaign_id: Code
    title: Wording
    agencies: tuple[Code, ...]
    questions: tuple[Question, ...]
    opens_at: Instant
    closes_at: Instant


class Links(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """So many links, to be given to as many enterprises."""

    agency: str
    count: Annotated[int, msgspec.Meta(ge=1, le=MAX_LINKS)]


class Listed(msgspec.Struct, frozen=True):
    """One campaign in the list."""

    campaign_id: str
    title: Wording
    phase: Phase
    agencies: tuple[str, ...]
    opens_at: datetime
    closes_at: datetime


def campaign_of(wanted: NewCampaign) -> Campaign:
    """Raises msgspec.ValidationError for what makes no survey."""
    fields = {name: getattr(wanted, name) for name in NewCampaign.__struct_fields__}
    return msgspec.convert(msgspec.to_builtins(fields), Campaign)


def listed(campaign: Campaign, now: datetime) -> Listed:
    return Listed(
        campaign.campaign_id, campaign.title, campaign.phase(now), campaign.agencies, campaign.opens_at,
        campaign.closes_at,
    )  # fmt: skip
