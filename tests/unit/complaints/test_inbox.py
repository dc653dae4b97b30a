"""The anonymous inbox over HTTP, in memory: sessions, what is told and what is not, messages both ways, evidence."""

import pytest

from services.complaints.domain.complaint import LIFE
from services.complaints.domain.receipt_code import grouped
from services.contracts.codec import decode
from services.contracts.lifecycle import NEW
from services.shared.audit.trail import MemoryTrail
from services.shared.auth import load_key, mint
from services.shared.clock import utc_now
from tests.support.sources import Caller, complaints_in_memory

OWN = {"Sec-Fetch-Site": "same-origin"}
TEXT = "窗口上午十点就关了"


@pytest.fixture
def complaints(tmp_path):
    return complaints_in_memory(tmp_path)


@pytest.fixture
def api(complaints):
    return complaints[0]


@pytest.fixture
def store(complaints):
    return complaints[1]


def filed(api):
    case = api.post("/v1/cases", {"channel": "website", "agency": "tax", "text": TEXT}).json()
    return f"/v1/cases/{case['case_id']}", case["receipt_code"]


def opened(api):
    path, code = filed(api)
    assert api.post("/v1/inbox/session", {"code": grouped(code)}).status_code == 201
    return path


def say(api, body, **headers):
    return api.client.post("/v1/inbox/messages", json=body, headers=OWN | headers)


def thread(api):
    return api.client.get("/v1/inbox").json()


def test_a_code_opens_a_session_that_ends_by_itself_and_that_no_script_can_read(api):
    _, code = filed(api)
    answer = api.post("/v1/inbox/session", {"code": code})
    cookie = answer.headers["set-cookie"]
    for part in ("HttpOnly", "SameSite=strict", "Max-Age=1800", "Path=/"):
        assert part in cookie
    assert code not in cookie
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.json() == thread(api)
    assert (answer.json()["status"], answer.json()["may"]) == ("filed", ["supplement", "identify"])


def test_over_https_the_cookie_stays_there(api):
    _, code = filed(api)
    answer = api.client.post("https://testserver/v1/inbox/session", json={"code": code})
    assert "; Secure" in answer.headers["set-cookie"]


def test_the_session_ends_when_its_holder_says_so(api):
    opened(api)
    assert api.client.delete("/v1/inbox/session", headers=OWN).status_code == 204
    assert api.client.get("/v1/inbox").status_code == 401


def test_the_cookie_opens_nothing_else_and_no_other_sites_form(api):
    path = opened(api)
    assert api.client.get(path).status_code == 401
    assert api.client.get(f"{path}/messages").status_code == 401
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {}):
        assert api.client.post("/v1/inbox/messages", json={"text": "x"}, headers=headers).status_code == 401
    token = api.client.cookies["duban_inbox"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert api.client.get("/v1/inbox", headers=bearer).status_code == 401


def test_a_token_for_another_use_is_no_session(api, tmp_path):
    path = opened(api)
    from services.shared.access import Principal

    key = load_key(tmp_path / "keys" / "signing.jwk")
    for use in ("access", "ticket"):
        token = mint(Principal(path.rsplit("/", 1)[1], frozenset({"holder"})), 600, key, use=use)
        api.client.cookies.clear()
        api.client.cookies.set("duban_inbox", token)
        assert api.client.get("/v1/inbox").status_code == 401


def test_a_question_is_asked_answered_and_seen_by_both(api, store):
    path = opened(api)
    asked = api.post(f"{path}/ask", {"text": "哪一天？", "agency": "tax"}, "clerk")
    assert asked.status_code == 200
    assert asked.json()["status"] == "filed"
    (told, question) = thread(api)["messages"]
    assert (told["by"], told["text"]) == ("person", TEXT)
    assert (question["by"], question["text"], question["answered"]) == ("office", "哪一天？", False)
    answer = say(api, {"text": "三月二日", "answers": question["sequence"]})
    assert answer.status_code == 201
    assert "receipt_code" not in answer.json()
    messages = thread(api)["messages"]
    assert [m["text"] for m in messages] == [TEXT, "哪一天？", "三月二日"]
    assert messages[1]["answered"] is True
    assert api.get(f"{path}/messages", "clerk").json()["messages"] == messages
    events = [decode(body) for body in store.published]
    assert [type(e.data).__name__ for e in events] == [
        "ComplaintFiledV1", "ComplaintAskedV1", "ComplaintSupplementedV1",
    ]  # fmt: skip
    assert events[2].data.answers == 2
    on_the_log = b"".join(store.published).decode()
    assert not any(word in on_the_log for word in (TEXT, "哪一天", "三月二日"))
    by = [step["by"] for step in api.get(path, "office").json()["history"]]
    assert by == ["anonymous", "clerk-1", "person"]


def test_the_holder_is_not_told_who_works_on_it(api):
    path = opened(api)
    api.post(f"{path}/accept", {}, "clerk")
    api.post(f"{path}/dispatch", {"agency": "tax", "officer": "tax-07"}, "clerk")
    found = api.client.get("/v1/inbox")
    assert [step["event"] for step in found.json()["steps"]] == [
        "complaint.filed.v1", "complaint.accepted.v1", "complaint.dispatched.v1",
    ]  # fmt: skip
    assert "clerk-1" not in found.text
    assert "tax-07" not in found.text


def test_a_repeated_message_is_said_once_and_another_one_under_its_key_is_refused(api):
    opened(api)
    first = say(api, {"text": "再补充一点"}, **{"Idempotency-Key": "m-1"})
    assert say(api, {"text": "再补充一点"}, **{"Idempotency-Key": "m-1"}).json() == first.json()
    assert len(thread(api)["messages"]) == 2
    assert say(api, {"text": "别的"}, **{"Idempotency-Key": "m-1"}).status_code == 422


@pytest.mark.parametrize("body", [{}, {"text": "  "}, {"text": "x" * 4001}, {"text": "a", "name": "张三"}, [1]])
def test_a_message_that_is_none_is_refused(api, body):
    opened(api)
    assert say(api, body).status_code == 422
    assert len(thread(api)["messages"]) == 1


def test_evidence_of_another_case_cannot_be_claimed(api):
    opened(api)
    ref = api.client.post("/v1/inbox/evidence", content="证据".encode(), headers=OWN).json()["ref"]
    opened(api)
    assert say(api, {"evidence_refs": [ref]}).json()["type"] == "urn:duban:problem:not-found"
    assert say(api, {"evidence_refs": ["evidence-0"] * 21}).status_code == 422


def test_evidence_is_sent_then_named_in_a_message(api, store):
    path = opened(api)
    sent = api.client.post("/v1/inbox/evidence", content="证据".encode(), headers=OWN)
    assert sent.status_code == 201
    assert set(sent.json()) == {"ref", "size", "verdict", "cleaned"}
    assert say(api, {"evidence_refs": [sent.json()["ref"]]}).status_code == 201
    assert thread(api)["messages"][-1]["evidence"] == 1
    assert decode(store.published[-1]).data.evidence_refs == [sent.json()["ref"]]
    assert api.client.get(f"{path}/evidence/{sent.json()['ref']}").status_code == 401, "download is by role only"


def test_a_clerk_takes_down_what_the_person_says_on_the_telephone(api):
    path = opened(api)
    assert api.post(f"{path}/supplement", {"text": "来电：三月二日"}, "clerk").status_code == 200
    last = thread(api)["messages"][-1]
    assert (last["by"], last["text"]) == ("person", "来电：三月二日")


def test_an_agency_asks_only_about_its_own_cases(api):
    path = opened(api)
    api.post(f"{path}/accept", {}, "clerk")
    api.post(f"{path}/dispatch", {"agency": "tax"}, "clerk")
    assert api.post(f"{path}/ask", {"text": "?"}, "agency", "land").status_code == 403
    assert api.post(f"{path}/ask", {"text": "?", "agency": "land"}, "agency", "tax").status_code == 403
    assert api.post(f"{path}/ask", {"text": "?", "agency": "tax"}, "agency", "tax").status_code == 200
    assert api.get(f"{path}/messages", "agency", "land").status_code == 403


def test_in_every_status_but_new_one_can_talk_and_nothing_else_changes():
    assert LIFE.table[NEW].keys() == {"file"}
    for status, commands in LIFE.table.items():
        if status != NEW:
            assert (commands["ask"], commands["supplement"]) == ((status,), (status,))


def test_who_reads_what_was_said_and_sent_is_on_the_audit_trail_first(tmp_path):
    trail = MemoryTrail(utc_now)
    api, _ = complaints_in_memory(tmp_path, trail=trail)
    path = opened(api)
    ref = api.client.post("/v1/inbox/evidence", content="证据".encode(), headers=OWN).json()["ref"]
    for below, role in (("messages", "clerk"), (f"evidence/{ref}", "office"), ("evidence", "clerk")):
        assert api.get(f"{path}/{below}", role).status_code == 200
    assert api.get(f"{path}/messages", "agency", "land").status_code == 403
    case = path.rpartition("/")[2]
    entries = [(e.actor, e.action, e.subject, e.reason) for e in trail.kept]
    assert entries == [
        ("clerk-1", "complaint.messages-read", case, ""), ("office-1", "complaint.evidence-read", case, ref),
    ]  # fmt: skip


def test_an_imported_complaint_has_no_code(api):
    there = {"Duban_Timeline": "city-7", "Duban_Occurred_At": "2015-01-01T08:00:00Z"}
    case = api.post("/v1/cases", {"channel": "import", "source_ref": "9"}, "importer", **there)
    assert "receipt_code" not in case.json()


def test_the_caller_of_these_tests_keeps_cookies(api):
    assert isinstance(api, Caller)
    opened(api)
    assert "duban_inbox" in api.client.cookies
