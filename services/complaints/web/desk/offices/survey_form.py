"""The form that starts a survey (row A6): what was typed, what is wrong with it, the campaign it makes. Pure."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from services.complaints.surveys.domain.campaign import Campaign, Wording
from services.shared.web.words import CITY_ZONE

LEVELS, TEXTS = 8, 3  # as many questions as the form has lines; over HTTP there may be more
ROWS = (*(f"level-{n}" for n in range(1, LEVELS + 1)), *(f"text-{n}" for n in range(1, TEXTS + 1)))


class Sheet:
    """What stands in the form."""

    def __init__(self, given: Mapping[str, str], agencies: Sequence[str]) -> None:
        lines = [f"{row}-{lang}" for row in ROWS for lang in ("zh", "en")]
        names = ("campaign_id", "title_zh", "title_en", "opens_at", "closes_at", *lines)
        self.typed = {name: given.get(name, "").strip() for name in names}
        self.agencies = list(agencies)

    def __getitem__(self, name: str) -> str:
        return self.typed[name]

    def mistakes(self, known: Collection[str]) -> dict[str, str]:
        """Field -> the key of the sentence that says what is wrong with it, in the order of the form."""
        found = {}
        if not _reads(Campaign.__annotations__["campaign_id"], self["campaign_id"]):
            found["campaign_id"] = "surveys.wrong.name"
        found |= {
            f"title_{lang}": "surveys.wrong.words"
            for lang in ("zh", "en")
            if not _reads(Wording.__annotations__[lang], self[f"title_{lang}"])
        }
        if not self.agencies or not set(self.agencies) <= set(known):
            found["agencies"] = "surveys.wrong.agencies"
        found |= {n: "surveys.wrong.moment" for n in ("opens_at", "closes_at") if not _reads(datetime, self[n])}
        if not found.keys() & {"opens_at", "closes_at"} and self["closes_at"] <= self["opens_at"]:
            found["closes_at"] = "surveys.wrong.order"
        if not any(self._asked(row) for row in ROWS if row.startswith("level")):
            found["level-1-zh"] = "surveys.wrong.questions"
        for row in filter(self._asked, ROWS):
            for lang in ("zh", "en"):
                if not _reads(Wording.__annotations__[lang], self[f"{row}-{lang}"]):
                    found.setdefault(f"{row}-{lang}", "surveys.wrong.words")
        return found

    def campaign(self) -> Campaign:
        """The campaign that a form without mistakes makes."""
        questions = [
            {"code": row, "kind": row.partition("-")[0], "words": {"zh": self[f"{row}-zh"], "en": self[f"{row}-en"]}}
            for row in ROWS
            if self._asked(row)
        ]
        fields: dict[str, Any] = {
            "campaign_id": self["campaign_id"], "title": {"zh": self["title_zh"], "en": self["title_en"]},
            "agencies": self.agencies, "questions": questions,
            **{name: moment(self[name]).isoformat() for name in ("opens_at", "closes_at")},
        }  # fmt: skip
        return msgspec.convert(fields, Campaign)

    def _asked(self, row: str) -> bool:
        return bool(self[f"{row}-zh"] or self[f"{row}-en"])


def moment(text: str) -> datetime:
    """A moment as the browser's field has it, by the city's clock."""
    return datetime.fromisoformat(text).replace(tzinfo=CITY_ZONE)


def _reads(kind: Any, text: str) -> bool:
    try:
        moment(text) if kind is datetime else msgspec.convert(text, kind)
    except (ValueError, msgspec.ValidationError):
        return False
    return True
