"""The public pages over HTTP, in memory: the form to the receipt, the inbox, both languages, and what is refused."""

import re
from html import unescape
from pathlib import Path
from typing import get_args

import pytest
from babel.messages.pofile import read_po

from services.complaints import api as complaints_api
from services.complaints.domain.complaint import LIFE
from services.complaints.domain.receipt_code import holds, plain
from services.complaints.guessing import Guessing, Limit
from services.complaints.web.form import OFFENCES
from services.complaints.web.pages import LOCALE, WEB
from services.contracts.codec import decode
from services.contracts.complaints import Offence
from services.contracts.identity import Identity
from services.contracts.registry import topic_models
from services.vault.keyring import Keyring
from tests.support.sources import T0, complaints_in_memory
from tests.unit.complaints.test_evidence import EICAR, TAKEN

OWN = {"Sec-Fetch-Site": "same-origin"}
TEXT = "窗口上午十点就关了\n没有人解释"
SECURITY = ("content-security-policy", "x-content-type-options", "referrer-policy")


@pytest.fixture
def city(tmp_path):
    (tmp_path / "city.yaml").write_text("agencies: [{code: tax, zh: 税务局, en: Tax Bureau, group: g1}]\n", "utf-8")
    return tmp_path


@pytest.fixture
def complaints(city):
    return complaints_in_memory(city)


@pytest.fixture
def api(complaints):
    return complaints[0]


@pytest.fixture
def store(complaints):
    return complaints[1]


def post(api, path, data, files=None, **headers):
    return api.client.post(path, data=data, files=files, headers=OWN | headers, follow_redirects=False)


def fields(page):
    """The hidden fields of the page's first form that has any."""
    return {
        name: unescape(value) for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text)
    }


def walked(api, **changes):
    """The form up to the page of all answers."""
    given = {"text": TEXT, "offence": "delay", "agency": "tax", "identity": "anonymous", **changes}
    page = api.client.get("/file")
    for name in ("text", "offence", "agency", "identity"):
        own = ("identity", "name", "phone", "email") if name == "identity" else (name,)
        page = post(api, "/file", fields(page) | {n: given[n] for n in own if n in given} | {"go": "next"})
    return page


def filed(api, **changes):
    return post(api, "/file", fields(walked(api, **changes)) | {"go": "send"})


def code_on(page):
    found = re.search(r'id="receipt-code"[^>]*>(.*?)</p>', page.text)
    return plain(re.sub(r"<[^>]+>", "", found[1]))


def test_from_what_happened_to_the_receipt(api, store):
    check = walked(api)
    for answer in ("没有人解释", "拖延不办", "税务局"):
        assert answer in check.text
    page = filed(api)
    assert page.status_code == 200
    assert holds(code_on(page))
    assert "HttpOnly" in page.headers["set-cookie"]
    event = decode(store.published[-1])
    assert (event.data.channel, event.data.agency, event.data.offence) == ("website", "tax", "delay")
    inbox = api.client.get("/inbox")
    assert inbox.status_code == 200
    assert "没有人解释" in inbox.text


def test_every_page_is_held_to_what_it_may_load(api):
    for page in (api.client.get("/"), api.client.get("/file"), filed(api), api.client.get("/inbox"),
                 api.client.get("/inbox/open")):  # fmt: skip
        for name in SECURITY:
            assert name in page.headers
        assert page.headers["cache-control"] == "private, no-store"
        assert re.findall(r'(?:src|href|action)="(?:https?:)?//', page.text) == []
        assert "<script>" not in page.text
        assert "style=" not in page.text


def test_a_form_that_is_sent_twice_files_once_and_shows_the_same_code(api, store):
    form = fields(walked(api)) | {"go": "send"}
    assert code_on(post(api, "/file", form)) == code_on(post(api, "/file", form))
    assert len(store.published) == 1


def test_nothing_is_stored_before_the_last_page_is_sent(api, store):
    walked(api)
    assert store.published == []
    assert store._texts == {}
    assert not api.client.cookies


@pytest.mark.parametrize(
    ("name", "wrong", "said"),
    [
        ("text", "  ", "请写明发生了什么事"), ("text", "x" * 10_001, "10,000"), ("offence", "", "请选择一类问题"),
        ("offence", "murder", "请选择一类问题"), ("agency", "", "请选择单位"), ("agency", "moon", "请选择单位"),
        ("identity", "", "请选择匿名，或留下姓名"), ("identity", "named", "请填写姓名、电话或邮箱"),
    ],
)  # fmt: skip
def test_what_is_missing_is_said_above_and_at_the_field(api, store, name, wrong, said):
    given = {"text": TEXT, "offence": "delay", "agency": "tax", "identity": "anonymous", "key": "k", name: wrong}
    for at, go in ((name, "next"), ("check", "send")):
        page = post(api, "/file", given | {"at": at, "go": go})
        assert page.status_code == 422
        assert page.text.count(said) == 2
        (target,) = re.findall(r'__list"><li><a href="#([\w-]+)"', page.text)
        assert f'id="{target}"' in page.text
        assert "<title>有误：" in page.text
    assert store.published == []


def test_back_keeps_what_was_answered_and_a_change_leads_back_to_the_check(api):
    check = fields(walked(api))
    identity = post(api, "/file", check | {"go": "back"})
    assert 'value="anonymous" checked' in identity.text
    assert 'value="tax" selected' in post(api, "/file", fields(identity) | {"go": "back"}).text
    changing = post(api, "/file", check | {"go": "change-offence"})
    assert 'value="delay" checked' in changing.text
    again = post(api, "/file", fields(changing) | {"offence": "extortion", "go": "next"})
    assert "吃拿卡要" in again.text
    assert 'name="at" value="check"' in again.text


def test_an_agency_that_nobody_knows_is_left_to_the_office(api, store):
    filed(api, agency="unknown")
    assert decode(store.published[-1]).data.agency is None


def test_what_people_write_is_shown_as_words_only(api):
    page = walked(api, text='<img src=x onerror=alert(1)> "quoted" & more')
    assert "<img" not in page.text
    assert fields(page)["text"] == '<img src=x onerror=alert(1)> "quoted" & more'


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {}])
def test_no_form_of_another_site_is_taken(api, store, headers):
    form = fields(walked(api)) | {"go": "send"}
    for path, data in (("/file", form), ("/inbox/open", {"code": "1"})):
        answer = api.client.post(path, data=data, headers=headers)
        assert answer.status_code == 400
    filed(api)
    count = len(store.published)
    assert api.client.post("/inbox/messages", data={"text": "x"}, headers=headers).status_code == 401
    assert len(store.published) == count


def test_a_form_of_another_session_is_refused(api, store):
    filed(api)
    stolen = fields(api.client.get("/inbox"))
    filed(api)
    count = len(store.published)
    assert post(api, "/inbox/messages", stolen | {"text": "x"}).status_code == 400
    assert post(api, "/inbox/messages", {"text": "x"}).status_code == 400
    assert len(store.published) == count


def test_the_whole_form_in_english_without_a_cookie_for_it(api):
    page = api.client.get("/file?lang=en")
    assert 'lang="en"' in page.text
    assert "What happened?" in page.text
    assert 'action="/file?lang=en"' in page.text
    assert not api.client.cookies
    assert 'href="/?lang=en"' in page.text


def test_the_other_language_keeps_what_was_answered(api):
    form = fields(walked(api)) | {"go": "stay"}
    page = post(api, "/file?lang=en", form | {"at": "text", "text": "half a sentence"})
    assert "half a sentence</textarea>" in page.text
    assert fields(page)["offence"] == "delay"
    assert page.text.count('formaction="/file"') == 1


def test_enter_in_a_field_goes_on_and_neither_back_nor_to_another_language(api):
    for page in (api.client.get("/file"), walked(api)):
        assert re.findall(r'name="go" value="([\w-]+)"', page.text)[0] == "next"


def test_a_code_opens_the_inbox_and_a_wrong_one_says_so(api):
    code = code_on(filed(api))
    api.client.cookies.clear()
    assert api.client.get("/inbox").status_code == 401
    opened = post(api, "/inbox/open", {"code": f" {code[:4]}-{code[4:]} "})
    assert (opened.status_code, opened.headers["location"]) == (303, "/inbox")
    assert code not in opened.headers["set-cookie"] + opened.headers["location"]
    assert "已收到，等待受理" in api.client.get("/inbox").text
    pages = {wrong: post(api, "/inbox/open", {"code": wrong}) for wrong in ("1" * 18, "abc", "")}
    assert {page.status_code for page in pages.values()} == {404}
    assert all(f'value="{wrong}"' in page.text for wrong, page in pages.items()), "18 digits would be typed again"
    assert len({page.text.replace(f'value="{wrong}"', "") for wrong, page in pages.items()}) == 1


def test_too_many_codes_are_answered_with_when_to_come_again(city, monkeypatch):
    monkeypatch.setattr(complaints_api, "Guessing", lambda clock, *_: Guessing(clock, Limit(1, 30.0)))
    api, _ = complaints_in_memory(city)
    post(api, "/inbox/open", {"code": "1"})
    page = post(api, "/inbox/open", {"code": "2"})
    assert page.status_code == 429
    assert 1 <= int(page.headers["retry-after"]) <= 30


def test_messages_and_files_go_to_the_office_and_back(api, store):
    filed(api)
    form = fields(api.client.get("/inbox"))
    sent = post(api, "/inbox/messages", form | {"text": "有照片\r\n两张"},
                files=[("files", ("a.jpg", TAKEN["jpg"])), ("files", ("姓名.txt", TAKEN["txt"]))])  # fmt: skip
    assert (sent.status_code, sent.headers["location"]) == (303, "/inbox?done=message")
    page = api.client.get(sent.headers["location"])
    assert "已发送。" in page.text
    assert "有照片\n两张" in page.text
    assert "发送了 2 个文件" in page.text
    event = decode(store.published[-1])
    case = f"/v1/cases/{event.subject}"
    kept = api.get(f"{case}/evidence", "clerk").json()["evidence"]
    assert [e["ref"] for e in kept] == event.data.evidence_refs
    assert {e["by"] for e in kept} == {"person"}
    assert "姓名".encode() not in b"".join(store.published)
    api.post(f"{case}/ask", {"text": "哪一天？"}, "clerk")
    page = api.client.get("/inbox")
    assert "回答，或补充材料" in page.text
    post(api, "/inbox/messages", fields(page) | {"text": "三月二日"}, files={"files": ("", b"")})
    assert decode(store.published[-1]).data.answers == 3
    assert "补充说明或材料" in api.client.get("/inbox").text


def test_a_message_sent_twice_is_said_once(api, store):
    filed(api)
    form = fields(api.client.get("/inbox")) | {"text": "一次"}
    for _ in range(2):
        assert post(api, "/inbox/messages", form).status_code == 303
    again = post(api, "/inbox/messages", form | {"text": "另一句"})
    assert again.status_code == 409
    assert "另一句</textarea>" in again.text
    assert len(store.published) == 2


@pytest.mark.parametrize(
    ("text", "files", "said", "target"),
    [
        ("", [], "请写内容", "text"), ("x" * 4001, [], "4,000", "text"), ("有", [b"MZ" + bytes(99)], "打不开", "files"),
        ("有", [TAKEN["txt"], b"MZ" + bytes(99)], "打不开", "files"),
    ],
)  # fmt: skip
def test_what_cannot_be_sent_is_said_and_nothing_of_it_is_kept(api, store, text, files, said, target):
    filed(api)
    form = fields(api.client.get("/inbox")) | {"text": text}
    page = post(api, "/inbox/messages", form, files=[("files", ("f", content)) for content in files] or None)
    assert page.status_code == 422
    assert said in page.text
    assert f'<a href="#{target}">' in page.text
    assert f">{text}</textarea>" in page.text
    case = decode(store.published[0]).subject
    assert len(store.published) == 1
    assert api.get(f"/v1/cases/{case}/evidence", "clerk").json() == {"evidence": []}


def test_malware_and_a_scanner_that_is_away_are_said(city):
    for hook, said in (("grep -qv EICAR", "恶意程序"), ("/no/such/program", "暂时无法检查")):
        api, _ = complaints_in_memory(city, attachment_scanner=hook)
        filed(api)
        page = post(api, "/inbox/messages", fields(api.client.get("/inbox")), files={"files": ("f", EICAR)})
        assert page.status_code == 422
        assert said in page.text


def test_too_much_at_once_is_not_read(api, monkeypatch):
    monkeypatch.setattr("services.complaints.web.inbox_pages._FORM_BYTES", 10_000)
    filed(api)
    form = fields(api.client.get("/inbox"))
    assert post(api, "/inbox/messages", form, files={"files": ("f", b"x" * 20_000)}).status_code == 413


def test_leaving_ends_the_session(api):
    filed(api)
    left = post(api, "/inbox/close", {})
    assert (left.status_code, left.headers["location"]) == (303, "/")
    assert api.client.get("/inbox").status_code == 401


def test_somebody_who_works_here_has_no_inbox(api):
    for role in ("clerk", "office", "agency"):
        page = api.get("/inbox", role)
        assert (page.status_code, page.headers["content-type"]) == (403, "text/html; charset=utf-8")


def answered(api, store, *commands):
    """A complaint of the person whose session the client has, brought to where `commands` lead."""
    filed(api)
    path = f"/v1/cases/{decode(store.published[-1]).subject}"
    for command, body, role in commands:
        assert api.post(f"{path}/{command}", body, role, "tax").status_code == 200, command
    return path


REPLIED = (
    ("accept", {}, "clerk"), ("dispatch", {"agency": "tax"}, "clerk"),
    ("conclude", {"agency": "tax", "finding": "unfounded"}, "agency"), ("reply", {}, "clerk"),
)  # fmt: skip


def test_an_answer_is_rated_and_appealed_against(api, store):
    answered(api, store, *REPLIED)
    page = api.client.get("/inbox")
    assert "您对办理结果满意吗？" in page.text
    assert "不同意这个结论" in page.text
    nothing = post(api, "/inbox/rating", fields(page))
    assert nothing.status_code == 422
    assert nothing.text.count("请选择一项评价") == 2
    rated = post(api, "/inbox/rating", fields(page) | {"satisfaction": "3"})
    assert (rated.status_code, rated.headers["location"]) == (303, "/inbox?done=rating")
    assert b'"satisfaction":3' in store.published[-1]
    assert b'"way":"inbox"' in store.published[-1]
    assert post(api, "/inbox/appeal", fields(api.client.get("/inbox"))).status_code == 422
    appealed = post(api, "/inbox/appeal", fields(api.client.get("/inbox")) | {"appeal": "没有整改"})
    assert appealed.headers["location"] == "/inbox?done=appeal"
    assert b"complaint.appealed.v1" in store.published[-1]
    assert decode(store.published[-1]).data.text_ref.startswith("text-")
    assert "没有整改".encode() not in b"".join(store.published)


def test_the_api_of_the_inbox_rates_and_appeals_too(api, store):
    path = answered(api, store, *REPLIED)
    for_them = {"way": "inbox", "outcome": "rated", "satisfaction": 5}
    assert api.post(f"{path}/call-back", for_them, "clerk").status_code == 422, "only the person answers in the inbox"
    assert api.client.post("/v1/inbox/rating", json={"satisfaction": 6}, headers=OWN).status_code == 422
    assert api.client.post("/v1/inbox/rating", json={"satisfaction": 5}, headers=OWN).status_code == 201
    assert decode(store.published[-1]).data.way == "inbox"
    assert api.client.post("/v1/inbox/appeal", json={"text": "没有整改"}, headers=OWN).status_code == 201
    assert api.client.get("/v1/inbox").json()["messages"][-1]["text"] == "没有整改"


def test_a_refusal_is_appealed_against(api, store):
    answered(api, store, ("refuse", {"reason": "in_litigation"}, "clerk"))
    page = api.client.get("/inbox")
    assert "不同意不予受理" in page.text
    assert post(api, "/inbox/appeal", fields(page) | {"appeal": "没有诉讼"}).status_code == 303
    assert b"complaint.refusal_appealed.v1" in store.published[-1]


def test_what_is_too_early_is_said(api):
    filed(api)
    page = post(api, "/inbox/rating", fields(api.client.get("/inbox")) | {"satisfaction": "5"})
    assert page.status_code == 409
    assert "进展已有变化" in page.text


WHO = {"identity": "named", "name": "张三", "phone": "13800138000"}


def test_a_name_is_sealed_to_the_custodians_and_stands_in_no_event(city):
    Keyring.create(city / "vault", city / "public", T0)
    api, store = complaints_in_memory(city)
    check = walked(api, **WHO)
    assert "张三" in check.text
    assert post(api, "/file", fields(check) | {"go": "send"}).status_code == 200
    (kept,) = store.waiting_identities()
    ring = Keyring(city / "vault", city / "public")
    assert ring.open(kept.sealed) == Identity(name="张三", phone="13800138000")
    event = decode(store.published[-1]).data
    assert event.identity_ref == kept.sealed.identity_ref
    assert "13800138000" not in b"".join(store.published).decode() + repr(vars(store))


def test_a_name_typed_before_the_choice_to_stay_anonymous_is_not_taken(city):
    Keyring.create(city / "vault", city / "public", T0)
    api, store = complaints_in_memory(city)
    assert filed(api, **{**WHO, "identity": "anonymous"}).status_code == 200
    assert list(store.waiting_identities()) == []
    assert decode(store.published[-1]).data.identity_ref is None


def test_without_custodians_a_name_is_not_taken_and_it_says_what_to_do(api, store):
    page = filed(api, **WHO)
    assert page.status_code == 503
    assert page.text.count("现在无法安全封存姓名") == 2
    assert store.published == []
    assert filed(api).status_code == 200


def test_where_mail_is_taken_the_start_page_says_so_and_that_it_is_less_safe(city):
    with_mail, _ = complaints_in_memory(city, mail_sender="complaints@city.example")
    assert "complaints@city.example。邮件一路上别人可能看得到，没有本表单安全" in with_mail.client.get("/").text
    assert "it is less safe than this form" in with_mail.client.get("/?lang=en").text


def test_where_no_mail_is_taken_the_start_page_does_not_speak_of_it(api):
    assert "邮件" not in api.client.get("/").text


def test_the_channels_fields_say_in_which_language_it_was_filed(api, store):
    form = fields(walked(api)) | {"go": "send"}
    assert post(api, "/file?lang=en", form).status_code == 200
    data = decode(store.published[-1]).data
    assert (data.channel, data.intake) == ("website", {"language": "en"})


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
