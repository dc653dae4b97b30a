"""Everything the pages say, in Chinese and English: sentences from locale/*.po, dates and spans of time."""

from datetime import datetime, timedelta, tzinfo
from functools import cache
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_datetime
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.support import Translations

LANGUAGES = ("zh", "en")
SHARED_LOCALE = Path(__file__).parent / "locale"
CITY_ZONE = ZoneInfo("Asia/Shanghai")
_LOCALES = {"zh": Locale.parse("zh_Hans_CN"), "en": Locale.parse("en_GB")}


@cache
def catalogue(lang: str, *locales: Path) -> Translations:
    """The sentences of `lang`: of several `locales` with a sentence, the first one's. Raises FileNotFoundError for a
    language that is not there."""
    found, *others = [_compiled(locale, lang) for locale in locales]
    for other in others:
        found.add_fallback(other)
    return found


def _compiled(locale: Path, lang: str) -> Translations:
    path = locale / lang / "LC_MESSAGES" / "messages.po"
    compiled = BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=lang))
    compiled.seek(0)
    return Translations(compiled)


class Words:
    """What a page says in one language, by the catalogue in `locale`, then the shared one, then those in `more`, with
    instants in the city's time zone."""

    def __init__(self, locale: Path, lang: str, zone: tzinfo = CITY_ZONE, more: tuple[Path, ...] = ()) -> None:
        self.lang = lang
        self.html_lang = "zh-Hans" if lang == "zh" else "en"
        self._zone = zone
        self._locale = _LOCALES[lang]
        self._catalogue = catalogue(lang, locale, SHARED_LOCALE, *more)

    def __call__(self, key: str, **values: object) -> str:
        """The sentence called `key`."""
        return self._catalogue.gettext(key).format(**values) if values else self._catalogue.gettext(key)

    def plural(self, key: str, count: int) -> str:
        """The sentence called `key` for `count` things, the number in it as {n}."""
        return self._catalogue.ngettext(key, key, count).format(n=self.number(count))

    def has(self, key: str) -> bool:
        return self._catalogue.gettext(key) != key

    def number(self, value: float) -> str:
        return format_decimal(value, locale=self._locale)

    def instant(self, at: datetime) -> str:
        """The instant in full, with its offset: 2026年3月2日 09:00:00 UTC+8."""
        local = at.astimezone(self._zone)
        return format_datetime(local, self("format.instant"), locale=self._locale)

    def day_time(self, at: datetime, now: datetime) -> str:
        """The instant as short as it can be read without doubt: the year only when it is another one than `now`."""
        local = at.astimezone(self._zone)
        same_year = local.year == now.astimezone(self._zone).year
        return format_datetime(local, self("format.short" if same_year else "format.short_year"), locale=self._locale)

    def clock_time(self, at: datetime) -> str:
        return format_datetime(at.astimezone(self._zone), self("format.clock"), locale=self._locale)

    def span(self, length: timedelta) -> str:
        """A length of time in its one or two biggest units: 2 天 3 小时. Seconds show only below a minute."""
        seconds = max(0, int(length.total_seconds()))
        days, hours, minutes = seconds // 86_400, seconds % 86_400 // 3600, seconds % 3600 // 60
        if days >= 10:
            parts = [self.plural("span.days", days)]
        elif days:
            parts = [self.plural("span.days", days), *([self.plural("span.hours", hours)] if hours else [])]
        elif hours:
            parts = [self.plural("span.hours", hours), *([self.plural("span.minutes", minutes)] if minutes else [])]
        elif minutes:
            parts = [self.plural("span.minutes", minutes)]
        else:
            parts = [self.plural("span.seconds", seconds)]
        return " ".join(parts)

    def ago(self, at: datetime, now: datetime) -> str:
        return self("span.just_now") if now - at < timedelta(minutes=1) else self("span.ago", span=self.span(now - at))
