"""Everything the board says, in Chinese and English: sentences from locale/*.po, dates and spans of time."""

from datetime import UTC, datetime, tzinfo
from pathlib import Path

from services.shared.web import words
from services.shared.web.words import CITY_ZONE, LANGUAGES

__all__ = ["LANGUAGES", "LOCALE", "Words", "instant_of"]

LOCALE = Path(__file__).parent / "locale"


class Words(words.Words):
    """What the board says in one language."""

    def __init__(self, lang: str, zone: tzinfo = CITY_ZONE) -> None:
        super().__init__(LOCALE, lang, zone)


def instant_of(text: str | None) -> datetime | None:
    """The aware datetime in an item's field."""
    return datetime.fromisoformat(text).astimezone(UTC) if text else None
