"""The complaint form: from what happened to the receipt, in both languages, with a name and without."""

import re

import pytest

from services.complaints.domain.receipt_code import holds
from services.contracts.codec import decode
from services.contracts.identity import Identity
from services.vault.keyring import Keyring
from tests.support.public_pages import TEXT, code_on, fields, filed, post, walked
from tests.support.sources import T0, complaints_in_memory

SECURITY = ("content-security-policy", "x-content-type-options", "referrer-policy")


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
