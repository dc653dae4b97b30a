"""Both catalogues say everything that the pages ask for, nothing else, with the same placeholders."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from babel.messages.pofile import read_po

from services.contracts.alerts import AlertState, TrailStep
from services.contracts.approvals import PauseGround
from services.contracts.complaints import Offence, Severity
from services.notifications.domain.directory import Directory
from services.notifications.policies import load_directory
from services.notifications.web.views import Views
from services.notifications.web.words import LANGUAGES, LOCALE, Words
from services.shared.web.words import SHARED_LOCALE
from tests.support.alerts import T0, alert, settled

WEB = LOCALE.parent
NOW = T0 + timedelta(days=2, hours=3)


def messages(lang: str) -> dict[str, Any]:
    found = {}
    for locale in (SHARED_LOCALE, LOCALE):
        with (locale / lang / "LC_MESSAGES" / "messages.po").open("rb") as file:
            read = [m for m in read_po(file, locale=lang) if m.id]
        found |= {m.id if isinstance(m.id, str) else m.id[0]: m.string for m in read}
    return found


def test_both_languages_have_the_same_keys_and_placeholders() -> None:
    zh, en = messages("zh"), messages("en")
    assert sorted(zh) == sorted(en)
    for key in zh:
        texts = [*_texts(zh[key]), *_texts(en[key])]
        assert all(texts), f"{key} is empty"
        assert len({frozenset(re.findall(r"{(\w+)}", text)) for text in texts}) == 1, key


def test_every_sentence_that_a_page_asks_for_is_there() -> None:
    zh = messages("zh")
    asked = set()
    shared = SHARED_LOCALE.parent.glob("templates/*.html")
    for path in [*shared, *WEB.glob("templates/*.html"), *WEB.glob("*.py"), *Path("duban/commands").glob("*.py")]:
        for call in re.findall(
            r"""(?:_|words)(?:\.plural)?\(\s*["']([a-z0-9_.]+)["'](?!\s*[~+])""", path.read_text("utf-8")
        ):
            asked.add(call)
    assert asked - set(zh) == set()


def test_every_code_of_the_contracts_has_a_name() -> None:
    zh = messages("zh")
    steps = get_args(TrailStep.__annotations__["step"])
    wanted = [
        *(f"severity.{s}" for s in get_args(Severity)), *(f"state.{s}" for s in get_args(AlertState)),
        *(f"step.{s}" for s in steps), *(f"offence.{o}" for o in get_args(Offence)),
        *(f"ground.{g}" for g in get_args(PauseGround)), *(f"sign_in.{e}" for e in ("wrong", "ticket_expired")),
    ]  # fmt: skip
    assert [key for key in wanted if key not in zh] == []


def test_no_page_holds_words_of_its_own() -> None:
    for path in [*SHARED_LOCALE.parent.glob("templates/*.html"), *WEB.glob("templates/*.html")]:
        text = path.read_text("utf-8").replace(">督<", "")  # the mark in the header is a picture
        assert re.findall(r"[\u4e00-\u9fff]", text) == [], path.name


@pytest.mark.parametrize(
    ("seconds", "zh", "en"),
    [
        (5, "5 秒", "5 seconds"), (60, "1 分钟", "1 minute"), (3 * 3600 + 120, "3 小时 2 分钟", "3 hours 2 minutes"),
        (86_400, "1 天", "1 day"), (2 * 86_400 + 3600, "2 天 1 小时", "2 days 1 hour"),
        (20 * 86_400 + 7200, "20 天", "20 days"),
        (-5, "0 秒", "0 seconds"),
    ],
)  # fmt: skip
def test_a_span_of_time_in_its_biggest_units(seconds: int, zh: str, en: str) -> None:
    assert [Words(lang).span(timedelta(seconds=seconds)) for lang in LANGUAGES] == [zh, en]


def due(item: dict[str, Any], lang: str = "zh") -> str:
    return Views(Words(lang), Directory.of(None), NOW).due(item).text


def item(**fields: Any) -> dict[str, Any]:
    from services.notifications.domain.alerts import alert_of

    return alert_of(alert("a", **fields), lambda _: "g1").item


def test_time_is_shown_as_what_it_means() -> None:
    from services.notifications.domain.alerts import alert_of

    late = alert_of(settled(alert("a"), T0 + timedelta(hours=5)), lambda _: "g1").item
    assert due(item()) == "已超 2 天 3 小时"
    assert due(item(), "en") == "2 days 3 hours late"
    assert due(item(due_at=NOW + timedelta(hours=1), raised_at=NOW)) == "剩余 1 小时"
    assert due(late) == "超期 5 小时办结"
    assert due(item(state="corrected")) == "未超期"
    assert due({**item(), "due_at": None, "trail": [{"step": "counted"}] * 6}) == "累计 6 次"


def test_an_instant_is_written_in_the_citys_time() -> None:
    at = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
    assert Words("zh").instant(at) == "2026年3月2日 09:00:00 UTC+08:00"
    assert Words("en").instant(at) == "2 Mar 2026, 09:00:00 UTC+08:00"


def _texts(strings: Any) -> list[str]:
    return [strings] if isinstance(strings, str) else list(strings)


def test_a_later_round_of_a_clock_is_named_in_words() -> None:
    directory = load_directory(Path("policies"))
    assert directory.clock("sign_in#2", "zh") == "签收（第2次）"
    assert directory.clock("stage:survey#3", "en").endswith(", round 3)")


def test_an_alert_ahead_of_the_watermark_is_not_said_to_have_time_left() -> None:
    early = Views(Words("zh"), Directory.of(None), T0 - timedelta(hours=6))
    assert early.due(item()).text.startswith("已超")
