"""The inbox pages where a name is given after filing, and what they say that a bad rating leads to."""

import re

import pytest

from services.vault.keyring import Keyring
from tests.support.folding import POLICIES
from tests.support.sources import T0, complaints_in_memory

OWN = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def complaints(tmp_path):
    (tmp_path / "complaints.yaml").write_bytes((POLICIES / "complaints.yaml").read_bytes())
    return complaints_in_memory(tmp_path)


@pytest.fixture
def inbox(complaints):
    """The client in the session of a new complaint, and its case id."""
    api, _ = complaints
    filed = api.post("/v1/cases", {"channel": "website", "agency": "tax"}).json()
    api.client.post("/v1/inbox/session", json={"code": filed["receipt_code"]}, headers=OWN)
    return api, filed["case_id"]


def sent(api, path, **data):
    page = api.client.get("/inbox").text
    hidden = {name: re.search(f'name="{name}" value="([^"]*)"', page)[1] for name in ("token", "key")}
    return api.client.post(path, data=hidden | data, headers=OWN, follow_redirects=False)


def test_a_name_is_sealed_from_the_page_and_asked_for_no_more(complaints, inbox, tmp_path):
    Keyring.create(tmp_path / "vault", tmp_path / "public", T0)
    (api, case), store = inbox, complaints[1]
    assert "补充姓名或联系方式" in api.client.get("/inbox").text
    answer = sent(api, "/inbox/identity", name="张三", phone="13800138000", email="")
    assert (answer.status_code, answer.headers["location"]) == (303, "/inbox?done=identity")
    (kept,) = store.waiting_identities()
    found = Keyring(tmp_path / "vault", tmp_path / "public").open(kept.sealed)
    assert (kept.case_id, found.name, found.phone, found.email) == (case, "张三", "13800138000", None)
    page = api.client.get("/inbox?done=identity").text
    assert "已加密封存" in page
    assert "补充姓名，已封存" in page
    assert "补充姓名或联系方式" not in page
    assert "张三" not in page


@pytest.mark.parametrize(
    ("given", "wrong"), [({}, "请填写姓名、电话或邮箱"), ({"name": "x" * 201}, "每项最多 200 个字")]
)
def test_what_is_no_name_is_said_beside_the_field_and_not_shown_again(inbox, given, wrong):
    page = sent(inbox[0], "/inbox/identity", **given)
    assert page.status_code == 422
    assert page.text.count(wrong) == 2
    assert 'aria-describedby="identity-hint name-error"' in page.text
    assert "<details" in page.text
    assert " open>" in page.text
    assert "x" * 201 not in page.text


def test_without_custodians_the_page_says_come_again(complaints, inbox):
    page = sent(inbox[0], "/inbox/identity", name="张三")
    assert page.status_code == 422
    assert "现在无法安全封存姓名" in page.text
    assert "张三" not in page.text
    assert len(complaints[1].published) == 1


def replied(api, case, *more):
    steps = (("conclude", {"agency": "tax", "finding": "unfounded"}, "agency"), ("reply", {}, "clerk"))
    for command, body, role in (*more, *steps):
        assert api.post(f"/v1/cases/{case}/{command}", body, role, "tax").status_code == 200, command


def test_a_bad_rating_is_said_to_lead_to_a_redo_as_long_as_it_does(inbox):
    api, case = inbox
    replied(api, case, ("accept", {}, "clerk"), ("dispatch", {"agency": "tax"}, "clerk"))
    assert "评价为“不满意”或更差的，将重新办理。" in api.client.get("/inbox").text
    assert "is handled again" in api.client.get("/inbox?lang=en").text
    assert api.client.get("/v1/inbox").json()["again_at_most"] == 2
    assert sent(api, "/inbox/rating", satisfaction="2").status_code == 303
    assert api.client.get("/v1/inbox").json()["status"] == "redo"
    assert "重新办理" in api.client.get("/inbox?done=rating").text
    replied(api, case)
    assert "将重新办理" not in api.client.get("/inbox").text
    assert api.client.get("/v1/inbox").json()["again_at_most"] is None
