"""The intake desk over HTTP, in memory: every channel, what is refused and why, the receipt, and who may be there."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import get_args

import pytest
from fastapi.testclient import TestClient

from deploy.embedded.gateway import build as gateway
from services.complaints.domain.receipt_code import holds, plain
from services.complaints.web.desk import channels
from services.complaints.web.desk.intake import OFFENCES
from services.complaints.web.desk.registry import load_registry
from services.contracts.codec import decode
from services.contracts.complaints import Channel, Offence
from services.contracts.identity import Identity
from services.shared.access import ROLES, Principal
from services.shared.users import seed_users
from services.vault.keyring import Keyring
from tests.support.sources import T0, complaints_in_memory

OWN = {"Sec-Fetch-Site": "same-origin"}
CITY = """
groups: [{code: g1, zh: 第一督导组, en: "Group 1"}]
agencies:
  - code: tax
    zh: 税务局
    en: Tax Bureau
    group: g1
    sections:
      - {code: service, zh: 纳税服务科, en: taxpayer service, officers: [tax-service-01]}
      - {code: collection, zh: 征收管理科, en: collection, officers: [tax-collection-01]}
  - {code: market, zh: 市场监督管理局, en: Market Supervision Bureau, group: g1}
"""
HOTLINE = {"channel": "hotline", "text": "窗口上午十点就关了", "unit": "税务局 · 征收管理科", "offence": "delay"}
CHANNELS = {
    "hotline": ({"caller": "anonymous"}, {"caller": "anonymous"}),
    "letter": (
        {"received_on": "2026-03-01", "letter_ref": "L-7", "signed": "yes"},
        {"received_on": "2026-03-01", "letter_ref": "L-7", "signed": True},
    ),
    "supervision_box": (
        {"box": "box-3", "opened_at": "2026-03-02T09:30", "opener_1": "clerk-1", "opener_2": "office-1"},
        {"box": "box-3", "opened_at": "2026-03-02T09:30:00+08:00", "openers": ["clerk-1", "office-1"],
         "batch": "box-3-20260302-0930"},
    ),
    "media": (
        {"kind": "radio", "outlet": "fm-98", "published_on": "2026-03-01"},
        {"kind": "radio", "outlet": "fm-98", "published_on": "2026-03-01"},
    ),
    "procuratorate": ({"their_number": "检控〔2026〕7号"}, {}),
    "report_centre": ({"their_number": "12388-7", "received_on": "2026-03-01"}, {"received_on": "2026-03-01"}),
    "petition_office": ({"their_number": "XF-7"}, {}),
    "reception_day": (
        {"kind": "visit", "leader": "leader-1", "held_on": "2026-03-01"},
        {"kind": "visit", "leader": "leader-1", "held_on": "2026-03-01"},
    ),
    "email": ({"message_ref": "m-7"}, {"message_ref": "m-7"}),
    "questionnaire": ({"campaign": "spring", "question": "q3"}, {"campaign": "spring", "question": "q3"}),
}  # fmt: skip


@pytest.fixture
def city(tmp_path):
    (tmp_path / "city.yaml").write_text(CITY, "utf-8")
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


def post(api, path, data, role="clerk", **headers):
    return api.client.post(path, data=data, headers=OWN | api.bearer(role) | headers, follow_redirects=False)


def sent(api, role="clerk", **fields):
    """The form filled in and sent, and the key that it was sent with."""
    page = api.get(f"/desk/intake?channel={fields.get('channel', 'hotline')}", role)
    key = re.search(r'name="key" value="(\w+)"', page.text)[1]
    return post(api, "/desk/intake", {**fields, "key": key, "go": "file"}, role), key


def code_on(page):
    found = re.search(r'id="receipt-code"[^>]*>(.*?)</p>', page.text)
    return plain(re.sub(r"<[^>]+>", "", found[1]))


def filed(store):
    return [event.data for event in map(decode, store.published) if event.type == "complaint.filed.v1"]


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_case_of_every_channel_reaches_the_log_as_over_the_api(api, store, channel):
    typed, intake = CHANNELS[channel]
    page, _ = sent(api, **HOTLINE | {"channel": channel} | typed)
    assert page.status_code == 200, re.findall(r"error-message.*", page.text)
    assert holds(code_on(page))
    (event,) = filed(store)
    their_ref = event.intake.get("their_ref", "")
    assert {name: value for name, value in event.intake.items() if name != "their_ref"} == intake
    assert (event.channel, event.agency, event.section, event.offence) == (channel, "tax", "collection", "delay")
    assert bool(their_ref) == ("their_number" in typed)
    assert typed.get("their_number", "~") not in b"".join(store.published).decode()


def test_every_channel_that_people_do_not_send_by_themselves_is_taken_down(api):
    assert set(get_args(Channel)) - set(channels.FIELDS) == {"website", "open311", "import"}
    assert {*CHANNELS, "supervisor"} == set(channels.FIELDS)
    assert len(set(channels.KEYS.values())) == len(channels.FIELDS)


def test_a_supervisors_report_needs_a_running_term(api, store):
    report = HOTLINE | {"channel": "supervisor", "supervisor": "npc-7"}
    page, _ = sent(api, **report)
    assert page.status_code == 409
    assert 'href="#supervisor-supervisor"' in page.text
    today = datetime.now(UTC).date()
    term = {"body": "peoples_congress", "from_on": f"{today - timedelta(2)}", "to_on": f"{today + timedelta(2)}"}
    assert api.post("/v1/supervisors/npc-7/terms", term, "office").status_code == 200
    assert 'value="npc-7" label="人大代表"' in api.get("/desk/intake?channel=supervisor", "clerk").text
    page, _ = sent(api, **report)
    assert page.status_code == 200
    assert filed(store)[0].intake["body"] == "peoples_congress"


@pytest.mark.parametrize(
    ("fields", "wrong", "says"),
    [
        ({"text": "", "offence": ""}, "text", "请写明发生了什么事"),
        ({"text": "长" * 10_001}, "text", "太长"),
        ({"unit": "海关"}, "unit", "没有这个单位"),
        ({"unit": "科"}, "unit", "有几个单位"),
        ({"officer": "张科长"}, "officer", "没有这个代号"),
        ({"officer": "tax-service-01"}, "officer", "不属于所填单位"),
        ({"occurred_on": "2999-01-01"}, "occurred_on", "不能晚于今天"),
        ({"occurred_on": "昨天"}, "occurred_on", "日期不完整"),
        ({"place": "致电 13800138000"}, "place", "这里不能有电话"),
        ({"channel": "hotline", "call_ref": "13800138000"}, "hotline-call_ref", "这里不能有电话"),
        ({"channel": "media", "outlet": "凌源电视台", "published_on": "2026-03-01"}, "media-outlet", "只能是字母"),
        ({"channel": "media", "outlet": "tv-1"}, "media-published_on", "请填写"),
        ({"channel": "petition_office"}, "petition_office-their_number", "请填写"),
        ({"channel": "supervision_box", "box": "b", "opened_at": "2026-03-02T09:30", "opener_1": "a", "opener_2": "a"},
         "supervision_box-opener_2", "两个不同的人"),
        ({"name": "名" * 201}, "name", "太长"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_lost(api, store, fields, wrong, says):
    page, key = sent(api, **HOTLINE | fields)
    assert page.status_code == 422
    assert re.search(rf'<a href="#{wrong}">[^<]*{says}', page.text), re.findall(r'<a href="#.*', page.text)
    assert re.search(rf'id="{wrong}-error">.*{says}', page.text)
    assert f'aria-describedby="{wrong}' in page.text
    assert f'value="{key}"' in page.text
    for text in fields.values():
        assert text in unescape(page.text)
    assert store.published == []


def test_a_form_that_is_sent_twice_is_one_case_with_one_code(api, store):
    page, key = sent(api, **HOTLINE)
    again = post(api, "/desk/intake", HOTLINE | {"key": key, "go": "file"})
    assert code_on(again) == code_on(page)
    assert len(filed(store)) == 1


def test_the_code_opens_the_persons_inbox(api, store):
    page, _ = sent(api, **HOTLINE)
    api.client.cookies.clear()
    opened = api.client.post("/v1/inbox/session", json={"code": code_on(page)}, headers=OWN)
    assert opened.status_code == 201
    assert api.client.get("/v1/inbox", headers=OWN).json()["messages"][0]["text"] == HOTLINE["text"]


def test_a_name_is_sealed_and_the_receipt_does_not_show_it(city):
    Keyring.create(city / "vault", city / "public", T0)
    api, store = complaints_in_memory(city)
    page, _ = sent(api, **HOTLINE | {"name": "张三", "phone": "13800138000"})
    (kept,) = store.waiting_identities()
    assert Keyring(city / "vault", city / "public").open(kept.sealed) == Identity(name="张三", phone="13800138000")
    assert filed(store)[0].intake == {"caller": "known"}
    for word in ("张三", "13800138000"):
        assert word not in page.text
        assert word not in b"".join(store.published).decode() + repr(vars(store))


def test_without_custodians_a_name_is_not_taken_and_the_case_is_not_lost(api, store):
    page, _ = sent(api, **HOTLINE | {"name": "张三"})
    assert page.status_code == 503
    assert '<a href="#name">' in page.text
    assert HOTLINE["text"] in page.text
    assert store.published == []


def test_accepting_and_dispatching_go_on_from_the_receipt(api, store):
    page, key = sent(api, **HOTLINE)
    assert 'data-key="d"' in page.text
    none = post(api, "/desk/intake/receipt", {"key": key, "do": "dispatch", "unit": "海关"})
    assert none.status_code == 422
    assert 'href="#unit"' in none.text
    done = post(api, "/desk/intake/receipt", {"key": key, "do": "dispatch", "unit": "tax"})
    assert "已受理并派单" in done.text
    assert code_on(done) == code_on(page), "the clerk may still be reading it out"
    types = [decode(raw).type for raw in store.published]
    assert types == ["complaint.filed.v1", "complaint.accepted.v1", "complaint.dispatched.v1"]
    assert decode(store.published[-1]).data.agency == "tax"
    post(api, "/desk/intake/receipt", {"key": key, "do": "dispatch", "unit": "tax"})
    assert len(store.published) == 3


def test_accepting_alone_leaves_the_dispatch_for_later(api, store):
    _, key = sent(api, **HOTLINE)
    page = post(api, "/desk/intake/receipt", {"key": key, "do": "accept"})
    assert "已受理，" in page.text or "已受理<" in page.text
    assert 'data-key="a"' not in page.text
    assert 'data-key="d"' in page.text


def test_a_step_that_somebody_else_made_impossible_is_said_with_the_state_as_it_is(api, store):
    _, key = sent(api, **HOTLINE)
    case = decode(store.published[0]).subject
    api.post(f"/v1/cases/{case}/refuse", {"reason": "in_litigation"}, "office")
    page = post(api, "/desk/intake/receipt", {"key": key, "do": "dispatch", "unit": "tax"})
    assert page.status_code == 409
    assert "这一步现在不能做" in page.text
    assert 'data-key="d"' not in page.text


def test_a_receipt_is_for_the_account_that_filed(api, store):
    _, key = sent(api, **HOTLINE)
    assert post(api, "/desk/intake/receipt", {"key": key, "do": "accept"}, "office").status_code == 404
    assert post(api, "/desk/intake/receipt", {"key": "", "do": "accept"}).status_code == 404
    assert len(store.published) == 1


def test_what_is_alike_is_suggested_while_typing_and_merged_after_filing(api, store):
    sent(api, **HOTLINE)
    first = decode(store.published[0]).subject
    alike = lambda **fields: post(api, "/desk/intake/similar", fields).text  # noqa: E731
    assert first in alike(unit="税务", offence="delay")
    assert first not in alike(unit="税务", offence="extortion")
    assert first not in alike(unit="", offence="delay")
    page, key = sent(api, **HOTLINE | {"text": "又关了"})
    assert f'name="into" value="{first}"' in page.text
    merged = post(api, "/desk/intake/receipt", {"key": key, "do": "merge", "into": first})
    assert "已并案" in merged.text
    assert decode(store.published[-1]).data.into == first
    assert 'name="into"' not in merged.text


def test_an_older_case_is_not_offered_a_newer_one(api, store):
    page, key = sent(api, **HOTLINE)
    sent(api, **HOTLINE | {"text": "又关了"})
    again = post(api, "/desk/intake", HOTLINE | {"key": key, "go": "file"})
    assert 'name="into"' not in page.text + again.text


def test_the_next_case_of_a_batch_keeps_the_box(api):
    page, _ = sent(api, **HOTLINE | {"channel": "supervision_box"} | CHANNELS["supervision_box"][0])
    following = unescape(re.search(r'href="(/desk/intake\?[^"]+)"', page.text)[1])
    form = api.get(following, "clerk").text
    for name, value in CHANNELS["supervision_box"][0].items():
        assert re.search(rf'name="{name}" type="[\w-]+" value="{value}"', form), name
    assert HOTLINE["text"] not in form


def test_another_channel_without_script_keeps_what_was_typed(api, store):
    page = post(api, "/desk/intake", HOTLINE | {"channel": "letter", "key": "k" * 32, "go": "switch"})
    assert page.status_code == 200
    assert HOTLINE["text"] in page.text
    assert re.search(r'data-channel="letter">', page.text)
    assert re.search(r'data-channel="hotline" hidden disabled>', page.text)
    assert store.published == []


def test_a_form_of_another_site_files_nothing(api, store):
    token = api.bearer("clerk")["Authorization"].partition(" ")[2]
    api.client.cookies.set("duban_session", token)
    form = HOTLINE | {"key": "k" * 32, "go": "file"}
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {}):
        assert api.client.post("/desk/intake", data=form, headers=headers).status_code == 401
    assert store.published == []
    assert api.client.post("/desk/intake", data=form, headers=OWN).status_code == 200


def test_somebody_signed_out_in_the_middle_is_told_how_to_send_again(api, store):
    page = api.client.post("/desk/intake", data=HOTLINE | {"key": "k" * 32, "go": "file"}, headers=OWN)
    assert page.status_code == 401
    assert "按 F5 重新发送" in page.text
    assert store.published == []


def test_behind_the_gateway_a_sign_in_leads_back_and_holds_for_all_services(city):
    seed_users(city / "users.yaml", city / "users.txt", [Principal("li", frozenset({"clerk"}))])
    api, _ = complaints_in_memory(city, users_file=city / "users.yaml")
    http = TestClient(gateway({"/complaints": api.client.app}), follow_redirects=False)
    page = http.get("/complaints/desk/intake?channel=letter")
    assert page.status_code == 401
    assert 'name="target" value="/complaints/desk/intake?channel=letter"' in page.text
    password = (city / "users.txt").read_text("utf-8").split()[1]
    form = {"name": "li", "password": password, "target": "/complaints/desk/intake?channel=letter"}
    assert http.post("/complaints/desk/sign-in", data=form | {"password": "x"}).status_code == 401
    answer = http.post("/complaints/desk/sign-in", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, form["target"])
    assert "Path=/;" in answer.headers["set-cookie"]
    page = http.get(form["target"])
    assert 'action="/complaints/desk/intake"' in page.text
    assert http.get("/complaints/desk").headers["location"] == "/complaints/desk/intake"
    for address in re.findall(r'(?:src|href)="(/complaints/assets/[^"]+)"', page.text):
        assert http.get(address).status_code == 200, address
    assert http.post("/complaints/desk/sign-out", headers=OWN).headers["location"] == "/complaints/desk/sign-in"


@pytest.mark.parametrize("role", [None, *ROLES])
def test_the_pages_are_for_their_roles(api, role):
    page, home = (
        api.get("/desk/intake", role),
        api.client.get("/desk", headers=api.bearer(role), follow_redirects=False),
    )
    if role is None:
        assert (page.status_code, home.status_code) == (401, 401)
        assert '<input type="hidden" name="target" value="/desk/intake">' in page.text
    else:
        assert page.status_code == (200 if role in ("clerk", "office") else 403)
        may = {"clerk", "office", "agency", "head", "supervisor", "leader", "cashier", "monitor"}
        assert home.status_code == (303 if role in may else 403)
    board = 'data-go="b"' in page.text
    assert board == (role in ("supervisor", "agency", "office", "leader", "operator"))
    assert ('data-go="i"' in page.text) == (role in ("clerk", "office"))


def test_every_page_is_held_to_what_it_may_load(api):
    page, _ = sent(api, **HOTLINE)
    for answer in (page, api.get("/desk/intake", "clerk"), api.get("/desk/intake", "agency"), api.client.get("/desk")):
        assert "content-security-policy" in answer.headers
        assert answer.headers["cache-control"] == "private, no-store"
        assert re.findall(r'(?:src|href|action)="(?:https?:)?//', answer.text) == []
        assert re.findall(r"<script(?! src)| style=| on\w+=\"", answer.text) == []


def test_a_unit_is_found_by_whatever_is_typed(city):
    registry = load_registry(city)
    meant = lambda typed: [unit.name("zh") for unit in registry.found(typed)]  # noqa: E731
    assert meant("税务局") == meant("tax") == meant("Tax Bureau") == meant(" 税 务 局 ") == ["税务局"]
    assert meant("税务") == ["税务局"], "an agency before its sections"
    assert meant("tax/service") == meant("税务局·纳税服务科") == meant("纳税") == ["税务局 · 纳税服务科"]
    assert meant("局") == ["税务局", "市场监督管理局"]
    assert meant("") == meant("海关") == []
    assert load_registry(Path("policies")).found("housing")[0].name("zh") == "住房和城乡建设局"


def test_every_offence_has_a_number(api):
    assert set(OFFENCES) == set(get_args(Offence))
    assert ">1 拖延不办<" in api.get("/desk/intake", "clerk").text
