"""Surveys: campaigns, one-time links, blind answers, results after the end (row A6). Free of HTTP."""

import hashlib
import secrets
from collections.abc import Callable, Collection
from datetime import datetime

from services.complaints.surveys.domain.campaign import MAX_LINKS, Answer, Campaign, Refused, checked
from services.complaints.surveys.domain.policy import SurveyPolicy
from services.complaints.surveys.domain.results import AgencyResult, results
from services.complaints.surveys.repository import Link, SurveyRepository
from services.shared.audit.trail import Trail
from services.shared.commands import NotFound

_TOKEN_BYTES = 16


class Surveys:
    """What the office starts, enterprises answer, and everybody with a role for it reads afterwards."""

    def __init__(
        self, surveys: SurveyRepository, trail: Trail, policy: SurveyPolicy, agencies: Collection[str],
        clock: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self._surveys, self._trail, self.policy = surveys, trail, policy
        self._agencies, self._clock = agencies, clock

    def start(self, campaign: Campaign, by: str) -> Campaign:
        """Keep a new campaign. Raises Refused for a name taken, or an agency that the city does not have."""
        if unknown := set(campaign.agencies) - set(self._agencies):
            raise Refused("invalid", f"agencies: the city has no {', '.join(sorted(unknown))}")
        self._trail.append(by, "survey.started", campaign.campaign_id)
        if not self._surveys.add(campaign):
            raise Refused("name-taken", f"there is a survey {campaign.campaign_id} already")
        return campaign

    def campaign(self, campaign_id: str) -> Campaign:
        """Raises NotFound."""
        found = self._surveys.campaign(campaign_id)
        if found is None:
            raise NotFound(campaign_id)
        return found

    def listed(self) -> list[Campaign]:
        return self._surveys.campaigns()

    def issue(self, campaign_id: str, agency: str, count: int, by: str) -> list[str]:
        """`count` new tokens, one for each enterprise: told here, kept nowhere. Raises NotFound, or Refused."""
        campaign = self.campaign(campaign_id)
        if agency not in campaign.agencies:
            raise Refused("invalid", f"agency: this survey does not ask about {agency}")
        if campaign.phase(self._clock()) == "closed":
            raise Refused("not-open", "this survey is closed")
        tokens = [secrets.token_urlsafe(_TOKEN_BYTES) for _ in range(count)]
        self._trail.append(by, "survey.links", f"{campaign_id}/{agency}", str(count))
        if not self._surveys.issue(Link(campaign_id, agency), [hashed(token) for token in tokens]):
            raise Refused("too-many", f"at most {MAX_LINKS} links about one agency")
        return tokens

    def asked(self, token: str) -> tuple[Campaign, str]:
        """The campaign and the agency that `token` asks about. Raises NotFound for a link that was used, or is none;
        Refused outside the survey's time."""
        link = self._surveys.link(hashed(token))
        if link is None:
            raise NotFound
        campaign = self.campaign(link.campaign_id)
        phase = campaign.phase(self._clock())
        if phase != "open":
            raise Refused("not-open", f"this survey is {phase}")
        return campaign, link.agency

    def answer(self, token: str, answer: Answer) -> None:
        """Take an answer, once. Raises NotFound and Refused as `asked`, and Refused for no fitting answer."""
        campaign, _ = self.asked(token)
        if not self._surveys.accept(hashed(token), checked(campaign, answer, self._clock())):
            raise NotFound

    def results(self, campaign_id: str) -> list[AgencyResult]:
        """By agency, after the end: before it, two looks would tell what came between. Raises NotFound, or Refused."""
        campaign = self.campaign(campaign_id)
        if campaign.phase(self._clock()) != "closed":
            raise Refused("not-closed", f"results are shown after {campaign.closes_at.isoformat()}")
        return [results(campaign, tally, self.policy) for tally in self._surveys.tallies(campaign_id)]


def hashed(token: str) -> str:
    """What the database holds of a token. It has 128 random bits, so that a fast hash is enough."""
    return hashlib.sha256(f"duban-survey\x1f{token}".encode()).hexdigest()
