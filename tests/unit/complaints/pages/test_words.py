"""The words of the public pages: the same in both languages, and one for everything that is shown."""

import re
from pathlib import Path
from typing import get_args

from babel.messages.pofile import read_po

from services.complaints.domain.complaint import LIFE
from services.complaints.web.form import OFFENCES
from services.complaints.web.pages import LOCALE, WEB
from services.contracts.complaints import Offence
from services.contracts.registry import topic_models


def messages(lang):
    with (LOCALE / lang / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return {m.id if isinstance(m.id, str) else m.id[0]: m.string for m in read_po(file, locale=lang) if m.id}


def texts(strings):
    return [strings] if isinstance(strings, str) else list(strings)


def test_both_languages_say_the_same_things():
    zh, en = messages("zh"), messages("en")
    assert sorted(zh) == sorted(en)
    for key in zh:
        said = [*texts(zh[key]), *texts(en[key])]
        assert all(said), f"{key} is empty"
        assert len({frozenset(re.findall(r"{(\w+)}", text)) for text in said}) == 1, key


def test_every_sentence_that_a_page_asks_for_is_there():
    asked = set()
    for path in [*WEB.glob("templates/*.html"), *WEB.glob("*.py")]:
        text = path.read_text("utf-8")
        asked |= set(re.findall(r"""_(?:\.plural)?\(\s*["']([a-z0-9_.]+)["'](?!\s*[~+])""", text))
        asked |= set(re.findall(r'"((?:form|inbox|open)\.[a-z_.]+)"(?!\s*~)', text))
    assert asked - set(messages("zh")) - {"form.html", "inbox.html", "open.html"} == set()


def test_every_status_event_and_offence_has_words():
    zh = messages("zh")
    statuses = [f"status.{status}" for status in LIFE.table if status != "new"]
    events = [f"event.{name}" for name in topic_models("complaints.v1") if name.startswith("complaint.")]
    said_in_the_thread = {"event.complaint.asked.v1", "event.complaint.supplemented.v1"}
    wanted = [*statuses, *events, *(f"offence.{o}" for o in OFFENCES), *(f"offence.{o}.hint" for o in OFFENCES)]
    assert [key for key in wanted if key not in zh and key not in said_in_the_thread] == []
    assert set(OFFENCES) <= set(get_args(Offence))


def test_no_page_holds_words_of_its_own():
    for path in Path(WEB).glob("templates/*.html"):
        assert re.findall(r"[\u4e00-\u9fff]", path.read_text("utf-8").replace(">督<", "")) == [], path.name
