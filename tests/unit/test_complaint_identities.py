"""Identities at intake, in memory: sealed in the one write that files, handed over once, never on the log."""

import json
from base64 import b64encode

import httpx
import pytest

from services.complaints.identities import Forwarder
from services.complaints.receipts import Receipts
from services.contracts.codec import decode
from services.contracts.identity import KeptIdentity
from services.vault.keyring import Keyring
from tests.support.sources import T0, complaints_in_memory
from tests.support.vault import ZHANG

WHO = {"name": "张三", "phone": "13800138000", "id_number": "211382197001010011"}
FILING = {"channel": "website", "agency": "tax", "identity": WHO}


@pytest.fixture
def ring(tmp_path):
    Keyring.create(tmp_path / "vault", tmp_path / "public", T0)
    return Keyring(tmp_path / "vault", tmp_path / "public")


@pytest.fixture
def complaints(tmp_path, ring):
    return complaints_in_memory(tmp_path)


@pytest.fixture
def api(complaints):
    return complaints[0]


@pytest.fixture
def store(complaints):
    return complaints[1]


def everything(store):
    """All that the repository holds, in the encodings in which a name could hide."""
    return repr(vars(store)) + b"".join(store.published).decode()


def test_who_files_is_sealed_beside_the_case_and_the_event_has_a_reference_only(api, store, ring):
    case = api.post("/v1/cases", FILING).json()
    (kept,) = store.waiting_identities()
    assert kept.case_id == case["case_id"]
    assert ring.open(kept.sealed) == ZHANG
    event = decode(store.published[0])
    assert event.data.identity_ref == kept.sealed.identity_ref
    seen = everything(store) + json.dumps(case)
    for canary in WHO.values():
        for form in (canary, json.dumps(canary)[1:-1], b64encode(canary.encode()).decode(), canary.encode().hex()):
            assert form not in seen


def test_the_same_filing_again_changes_nothing_and_another_name_under_its_key_is_refused(api, store):
    first = api.post("/v1/cases", FILING, Idempotency_Key="k")
    (before,) = store.waiting_identities()
    again = api.post("/v1/cases", FILING, Idempotency_Key="k")
    assert again.json() == first.json()
    assert list(store.waiting_identities()) == [before]
    other = api.post("/v1/cases", FILING | {"identity": {"name": "李四"}}, Idempotency_Key="k")
    nobody = api.post("/v1/cases", {"channel": "website", "agency": "tax"}, Idempotency_Key="k")
    assert other.json()["type"] == nobody.json()["type"] == "urn:duban:problem:key-reused"


def test_a_reference_that_looks_like_a_telephone_number_is_no_reason_to_refuse(api, store, monkeypatch):
    monkeypatch.setattr(Receipts, "identity_ref", lambda *_: "identity-ab13800138000cdef")
    monkeypatch.setattr(Receipts, "text_ref", lambda *_: "text-ab13800138000cdef")
    assert api.post("/v1/cases", FILING | {"text": "慢"}).status_code == 201


def test_one_person_in_two_complaints_has_two_references(api, store):
    for key in ("a", "b"):
        api.post("/v1/cases", FILING, Idempotency_Key=key)
    first, second = (kept.sealed for kept in store.waiting_identities())
    assert first.identity_ref != second.identity_ref
    assert first.box != second.box


@pytest.mark.parametrize(
    "identity", [{}, {"name": ""}, {"name": "x" * 201}, {"nickname": "x"}, {"name": 1}, "张三", {"name": None}]
)
def test_an_identity_that_is_none_is_refused_and_not_repeated_in_the_answer(api, store, identity):
    answer = api.post("/v1/cases", FILING | {"identity": identity})
    assert answer.status_code == 422
    assert "张三" not in answer.text
    assert store.published == []


def test_a_reference_cannot_be_brought_along(api):
    answer = api.post("/v1/cases", {"channel": "website", "identity_ref": "identity-of-somebody"})
    assert answer.status_code == 422


def test_without_custodians_a_name_is_not_taken_and_an_anonymous_complaint_is(tmp_path):
    api, store = complaints_in_memory(tmp_path)
    refused = api.post("/v1/cases", FILING)
    assert (refused.status_code, refused.json()["type"]) == (503, "urn:duban:problem:no-custodians")
    assert store.published == []
    assert api.post("/v1/cases", {"channel": "website"}).status_code == 201


def filed_anonymously(api):
    answer = api.post("/v1/cases", {"channel": "website", "agency": "tax"}).json()
    return answer["case_id"], answer["receipt_code"]


def test_a_name_given_later_is_sealed_as_one_given_at_filing_and_only_its_reference_is_on_the_log(api, store, ring):
    case, _ = filed_anonymously(api)
    assert api.post(f"/v1/cases/{case}/identify", {"identity": WHO}, "clerk").status_code == 200
    (kept,) = store.waiting_identities()
    event = decode(store.published[-1])
    assert (event.type, event.data.identity_ref) == ("complaint.identified.v1", kept.sealed.identity_ref)
    assert (kept.case_id, ring.open(kept.sealed)) == (case, ZHANG)
    for canary in WHO.values():
        for form in (canary, json.dumps(canary)[1:-1], b64encode(canary.encode()).decode(), canary.encode().hex()):
            assert form not in everything(store)
    vault = FakeVault()
    assert Forwarder(store, vault.put).turn()
    assert vault.kept == [kept]
    assert list(store.waiting_identities()) == []


def test_the_holder_of_the_code_gives_a_name_in_the_inbox_once(api, store):
    case, code = filed_anonymously(api)
    own = {"Sec-Fetch-Site": "same-origin"}
    api.client.post("/v1/inbox/session", json={"code": code}, headers=own)
    assert "identify" in api.client.get("/v1/inbox").json()["may"]
    given, again = (
        api.client.post("/v1/inbox/identity", json={"identity": WHO}, headers=own | {"Idempotency-Key": "i"})
        for _ in range(2)
    )
    assert given.status_code == 201, given.text
    assert again.json() == given.json()
    other = api.client.post("/v1/inbox/identity", json={"identity": {"name": "李四"}}, headers=own)
    assert (other.status_code, other.json()["type"]) == (409, "urn:duban:problem:identified")
    assert "identify" not in api.client.get("/v1/inbox").json()["may"]
    assert [kept.case_id for kept in store.waiting_identities()] == [case]


def test_who_filed_with_a_name_gives_no_second_one(api, store):
    case = api.post("/v1/cases", FILING).json()["case_id"]
    (before,) = store.waiting_identities()
    refused = api.post(f"/v1/cases/{case}/identify", {"identity": {"name": "李四"}}, "office")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:duban:problem:identified")
    assert list(store.waiting_identities()) == [before]


@pytest.mark.parametrize("body", [{}, {"identity": {}}, {"identity": {"name": ""}}, {"identity_ref": "x"}])
def test_a_later_name_that_is_none_is_refused(api, store, body):
    case, _ = filed_anonymously(api)
    assert api.post(f"/v1/cases/{case}/identify", body, "clerk").status_code == 422
    assert len(store.published) == 1


def test_neither_the_agency_nor_anybody_without_a_role_gives_a_name_for_a_person(api):
    case, _ = filed_anonymously(api)
    for role, status in (("agency", 403), ("head", 403), (None, 401)):
        assert api.post(f"/v1/cases/{case}/identify", {"identity": WHO}, role, "tax").status_code == status


def test_without_custodians_no_name_is_taken_later_either(tmp_path):
    api, store = complaints_in_memory(tmp_path)
    case, _ = filed_anonymously(api)
    refused = api.post(f"/v1/cases/{case}/identify", {"identity": WHO}, "clerk")
    assert (refused.status_code, refused.json()["type"]) == (503, "urn:duban:problem:no-custodians")
    assert len(store.published) == 1


class FakeVault:
    """Takes what it is handed, or answers as it is told to."""

    def __init__(self):
        self.kept: list[KeptIdentity] = []
        self.answer: int | None = 200

    def put(self, kept):
        request = httpx.Request("PUT", "http://vault")
        if self.answer is None:
            raise httpx.ConnectError("away", request=request)
        httpx.Response(self.answer, request=request).raise_for_status()
        self.kept.append(kept)


def test_what_waits_is_handed_over_and_then_forgotten_here(api, store):
    vault = FakeVault()
    api.post("/v1/cases", FILING)
    api.post("/v1/cases", {"channel": "website"})
    waiting = list(store.waiting_identities())
    assert Forwarder(store, vault.put).turn()
    assert vault.kept == waiting
    assert list(store.waiting_identities()) == []
    assert Forwarder(store, vault.put).turn()
    assert len(vault.kept) == 1


@pytest.mark.parametrize("answer", [None, 409, 503])
def test_what_the_vault_does_not_take_waits(api, store, answer):
    vault = FakeVault()
    vault.answer = answer
    api.post("/v1/cases", FILING)
    forwarder = Forwarder(store, vault.put)
    if answer is None:
        with pytest.raises(httpx.ConnectError):
            forwarder.turn()
    else:
        assert not forwarder.turn()
    assert len(list(store.waiting_identities())) == 1
    vault.answer = 200
    assert forwarder.turn()
    assert list(store.waiting_identities()) == []
