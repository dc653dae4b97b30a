"""What the answers to a survey say, with their uncertainty, and nothing where there are too few (row A6). Pure."""

from collections.abc import Mapping, Sequence
from math import sqrt

import msgspec

from services.complaints.surveys.domain.campaign import LEVELS, Campaign
from services.complaints.surveys.domain.policy import SurveyPolicy

SATISFIED_FROM = 4
Z_95 = 1.959963984540054


class Share(msgspec.Struct, frozen=True):
    """A share with its 95 % Wilson score interval."""

    value: float
    low: float
    high: float


class LevelResult(msgspec.Struct, frozen=True, kw_only=True):
    """`answers` is None, and with it all the rest, where there are fewer than the minimum group. `satisfied` is the
    share of levels 4 and 5."""

    question: str
    answers: int | None = None
    counts: dict[int, int] | None = None
    satisfied: Share | None = None


class TextResult(msgspec.Struct, frozen=True, kw_only=True):
    """Words in alphabetical order, which says nothing about who wrote when; None where there are too few."""

    question: str
    texts: list[str] | None = None


class AgencyResult(msgspec.Struct, frozen=True, kw_only=True):
    agency: str
    issued: int
    levels: list[LevelResult]
    texts: list[TextResult]


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept about one agency: counts[question][level], and the words to each question in no order."""

    agency: str
    issued: int
    counts: Mapping[str, Mapping[int, int]]
    texts: Mapping[str, Sequence[str]]


def wilson(successes: int, trials: int, z: float = Z_95) -> Share:
    """The share of `successes` with its Wilson score interval (Wilson 1927). Raises ValueError without trials."""
    if not 0 <= successes <= trials or trials < 1:
        raise ValueError(f"{successes} of {trials} is no share")
    share = successes / trials
    spread = z * sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2))
    middle, scale = share + z**2 / (2 * trials), 1 + z**2 / trials
    return Share(share, max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale))


def results(campaign: Campaign, tally: Tally, policy: SurveyPolicy) -> AgencyResult:
    """What may be shown about one agency. There are no sums over agencies: they would give away a group left out."""
    return AgencyResult(
        agency=tally.agency,
        issued=tally.issued,
        levels=[_levels(q.code, tally.counts.get(q.code, {}), policy) for q in campaign.of_kind("level")],
        texts=[_texts(q.code, tally.texts.get(q.code, ()), policy) for q in campaign.of_kind("text")],
    )


def _levels(question: str, counts: Mapping[int, int], policy: SurveyPolicy) -> LevelResult:
    answers = sum(counts.values())
    if answers < policy.minimum_group:
        return LevelResult(question=question)
    whole = {level: counts.get(level, 0) for level in LEVELS}
    satisfied = sum(count for level, count in whole.items() if level >= SATISFIED_FROM)
    return LevelResult(question=question, answers=answers, counts=whole, satisfied=wilson(satisfied, answers))


def _texts(question: str, texts: Sequence[str], policy: SurveyPolicy) -> TextResult:
    return TextResult(question=question, texts=sorted(texts) if len(texts) >= policy.minimum_group else None)
