"""What the desk's pages and forms ask of the catalogues is there, in both languages."""

import re
from typing import get_args

from babel.messages.pofile import read_po

from services.complaints.domain.complaint import LIFE
from services.complaints.supervisors.domain.supervisor import Body
from services.complaints.web.desk import channels
from services.complaints.web.desk.pages import CASES_LOCALE, LOCALE, OFFICES_LOCALE
from services.complaints.web.pages import LOCALE as PUBLIC_LOCALE
from services.contracts.complaints import Channel, Offence
from services.contracts.identity import Identity
from services.shared.web.words import SHARED_LOCALE


def messages(lang):
    found = {}
    for locale in (SHARED_LOCALE, PUBLIC_LOCALE, CASES_LOCALE, OFFICES_LOCALE, LOCALE):
        with (locale / lang / "LC_MESSAGES" / "messages.po").open("rb") as file:
            read = [m for m in read_po(file, locale=lang) if m.id]
        found |= {m.id if isinstance(m.id, str) else m.id[0]: m.string for m in read}
    return found


def test_both_languages_say_everything_that_the_desk_asks_for():
    zh, en = messages("zh"), messages("en")
    web = LOCALE.parent
    asked = {f"channel.{c}" for c in get_args(Channel)} | {f"offence.{o}" for o in get_args(Offence)}
    asked |= {f"status.{status}" for status in LIFE.table if status != "new"}
    asked |= {f"body.{body}" for body in get_args(Body)} | {f"field.{name}" for name in Identity.__struct_fields__}
    for fields in channels.FIELDS.values():
        asked |= {f"field.{f.name}" for f in fields} | {f"choice.{choice}" for f in fields for choice in f.choices}
    for path in [*web.glob("templates/*.html"), *web.glob("*.py")]:
        text = path.read_text("utf-8")
        asked |= set(re.findall(r"""_(?:\.plural)?\(\s*["']([a-z0-9_.]+)["'](?!\s*[~+])""", text))
        asked |= set(re.findall(r'"((?:wrong|field|receipt)\.[a-z_.]+)"(?!\s*~)', text)) - {"field."}
        assert path.suffix == ".py" or re.findall(r"[\u4e00-\u9fff]", text) == [], path.name
    assert asked - set(zh) == set()
    own = [set(re.findall(r'^msgid "(.+)"', (LOCALE / lang / "LC_MESSAGES" / "messages.po").read_text("utf-8"), re.M))
           for lang in ("zh", "en")]  # fmt: skip
    assert own[0] == own[1]
    for key in own[0]:
        assert set(re.findall(r"{(\w+)}", str(zh[key]))) == set(re.findall(r"{(\w+)}", str(en[key]))), key
