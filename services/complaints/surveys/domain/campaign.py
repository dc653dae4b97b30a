"""A survey among enterprises about agencies (row A6): its questions, its time, and what is an answer. Pure.

planned ─opens_at→ open ─closes_at→ closed: results
"""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

MAX_LINKS, MAX_WORDS, MAX_QUESTIONS, MAX_TEXTS = 2000, 500, 20, 3
Code = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=40)]
Phase = Literal["planned", "open", "closed"]
LEVELS = (5, 4, 3, 2, 1)


class Refused(Exception):
    """An act that the campaign does not allow. `slug` names the kind, the message says why."""

    def __init__(self, slug: str, detail: str) -> None:
        super().__init__(detail)
        self.slug, self.detail = slug, detail


class Wording(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same in both languages."""

    zh: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    en: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class Question(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`kind` "level": 5 very satisfied … 1 very dissatisfied; "text": in words, kept apart from the levels."""

    code: Code
    kind: Literal["level", "text"]
    words: Wording


class Campaign(msgspec.Struct, frozen=True, kw_only=True):
    """Raises ValueError for questions or times that make no survey. It is never changed once it is there."""

    campaign_id: Code
    title: Wording
    agencies: tuple[Code, ...]
    questions: tuple[Question, ...]
    opens_at: datetime
    closes_at: datetime

    def __post_init__(self) -> None:
        codes = [question.code for question in self.questions]
        texts = sum(question.kind == "text" for question in self.questions)
        if not self.agencies or len(set(self.agencies)) != len(self.agencies):
            raise ValueError("agencies: at least one, each once")
        if len(set(codes)) != len(codes) or not 1 <= len(codes) <= MAX_QUESTIONS or texts == len(codes):
            raise ValueError(f"questions: 1 to {MAX_QUESTIONS} with codes of their own, at least one with levels")
        if texts > MAX_TEXTS:
            raise ValueError(f"questions: at most {MAX_TEXTS} in words")
        if self.closes_at <= self.opens_at:
            raise ValueError("closes_at: a survey closes after it opens")

    def phase(self, now: datetime) -> Phase:
        """Where the campaign is at `now`."""
        return "planned" if now < self.opens_at else "open" if now < self.closes_at else "closed"

    def of_kind(self, kind: Literal["level", "text"]) -> list[Question]:
        return [question for question in self.questions if question.kind == kind]


class Answer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One enterprise's answer: question -> level, and question -> words. A question may be left out."""

    levels: dict[str, Annotated[int, msgspec.Meta(ge=1, le=5)]] = {}
    texts: dict[str, str] = {}


def checked(campaign: Campaign, answer: Answer, now: datetime) -> Answer:
    """The answer as it is kept: empty words left out. Raises Refused when the survey is not open, for questions that it
    does not have, for words too long, and for an answer to nothing."""
    if campaign.phase(now) != "open":
        raise Refused("not-open", f"this survey is {campaign.phase(now)}")
    for kind, given in (("level", answer.levels), ("text", answer.texts)):
        known = {question.code for question in campaign.questions if question.kind == kind}
        if unknown := given.keys() - known:
            raise Refused("invalid", f"{', '.join(sorted(unknown))}: no such question of kind {kind}")
    texts = {code: words for code, given in answer.texts.items() if (words := given.strip())}
    if any(len(words) > MAX_WORDS for words in texts.values()):
        raise Refused("too-long", f"at most {MAX_WORDS} characters to one question")
    if not answer.levels and not texts:
        raise Refused("empty", "at least one question has to be answered")
    return Answer(levels=answer.levels, texts=texts)
