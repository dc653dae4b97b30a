"""The pages of the inbox: codes, messages and files, ratings and appeals, and what cannot be sent."""

import pytest

from services.complaints import api as complaints_api
from services.contracts.codec import decode
from services.shared.guessing import Guessing, Limit
from tests.support.files import EICAR, TAKEN
from tests.support.public_pages import OWN, code_on, fields, filed, post
from tests.support.sources import complaints_in_memory


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


def test_an_answer_to_no_question_is_a_message(api, store):
    filed(api)
    for nothing in ("²", "9" * 5000):
        form = fields(api.client.get("/inbox")) | {"text": "说一句", "answers": nothing}
        assert post(api, "/inbox/messages", form).status_code == 303
    assert len(store.published) == 3


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
