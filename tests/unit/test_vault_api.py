"""The vault over HTTP, in memory: who gets in, what is answered, what a custodian's token is."""

import msgspec
import pytest

from services.contracts.identity import KeptIdentity
from services.shared.access import ROLES, TABLE, Principal
from services.shared.auth import mint
from services.vault.keyring import PUBLIC_FILE
from services.vault.sessions import USERS_FILE, WINDOW, WRONG
from tests.support.vault import PASSWORD, WHY, Vault, as_json
from tests.unit.test_access import routes

ASKED = {"case_id": "case-1", "reason": "verify_report", "text": WHY}


@pytest.fixture
def vault(tmp_path):
    return Vault(tmp_path)


def test_every_entry_of_the_vault_has_a_route_and_the_other_way_round(vault):
    found = {endpoint for _, _, endpoint in routes(vault.caller)} - {"health", "metrics", "preferences"}
    assert found == {entry for entry in TABLE if entry.startswith("vault.")}


@pytest.mark.parametrize("role", [None, *ROLES])
def test_a_role_gets_in_where_the_table_says_and_nowhere_else(vault, role):
    for method, path, endpoint in routes(vault.caller):
        headers = vault.custodian(1) if role == "custodian" else vault.caller.bearer(role)
        answer = vault.caller.client.request(method, path, headers=headers, content=b"{", follow_redirects=False)
        kind = answer.headers.get("content-type", "")
        page = kind.startswith("text/html")
        told = answer.json().get("type", "") if kind.startswith("application/") else ""
        if (role or "citizen") in TABLE[endpoint].roles:
            assert answer.status_code not in (401, 403), (method, path)
        elif role is None:
            assert answer.status_code == 401, (method, path)
            assert page or told == "urn:duban:problem:unauthenticated", (method, path)
        else:
            assert answer.status_code == 403, (method, path)
            assert page or told == "urn:duban:problem:forbidden", (method, path)


def test_a_custodian_of_the_citys_key_is_none_and_the_vaults_key_makes_nothing_else(vault):
    vault.keep()
    forged = vault.caller.bearer("custodian")
    assert vault.caller.client.post("/v1/openings", json=ASKED, headers=forged).status_code == 403
    token = mint(Principal("custodian-1", frozenset({"custodian", "intake", "operator"})), 600, vault._own_key)
    headers = {"Authorization": f"Bearer {token}"}
    assert vault.caller.client.post("/v1/openings", json=ASKED, headers=headers).status_code == 201
    assert vault.caller.client.put("/v1/identities/x", content=b"{", headers=headers).status_code == 403


def test_an_account_that_cannot_be_is_said_at_sign_in_and_nobody_gets_in(vault):
    signs_in = {"name": "custodian-1", "password": PASSWORD}
    (vault.settings.vault_keys / USERS_FILE).write_text("users: {policy: {password: x, roles: [custodian]}}")
    answer = vault.caller.client.post("/v1/sessions", json=signs_in)
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:duban:problem:accounts-unusable")
    page = vault.caller.client.post("/vault/sign-in", data=signs_in, follow_redirects=False)
    assert (page.status_code, "现在谁也不能登录" in page.text) == (503, True)


def test_from_handing_over_to_the_one_opening(vault):
    sealed = vault.sealed()
    path, body = f"/v1/identities/{sealed.identity_ref}", as_json(KeptIdentity(case_id="case-1", sealed=sealed))
    intake = vault.caller.bearer("intake")
    first = vault.caller.client.put(path, content=body, headers=intake)
    assert first.json() == {"identity_ref": sealed.identity_ref, "repeated": False}
    assert vault.caller.client.put(path, content=body, headers=intake).json()["repeated"] is True
    asked = vault.post("/v1/openings", ASKED, 1)
    assert (asked.status_code, asked.json()["status"]) == (201, "requested")
    one = f"/v1/openings/{asked.json()['opening_id']}"
    assert vault.post(f"{one}/approve", {}, 1).json()["type"] == "urn:duban:problem:second-person"
    assert vault.post(f"{one}/open", {}, 1).status_code == 409
    assert vault.post(f"{one}/approve", {}, 2).json()["status"] == "approved"
    opened = vault.post(f"{one}/open", {}, 1)
    assert opened.status_code == 200
    assert opened.json()["identity"] == {"name": "张三", "phone": "13800138000", "id_number": "211382197001010011"}
    assert opened.headers["cache-control"] == "no-store"
    assert vault.post(f"{one}/open", {}, 1).status_code == 409
    listed = vault.caller.get("/v1/openings", "office").json()["items"]
    assert [(o["status"], o["case_id"], o["requested_by"], o["decided_by"]) for o in listed] == [
        ("opened", "case-1", "custodian-1", "custodian-2")
    ]
    assert "张三" not in vault.caller.get("/v1/openings", "office").text


def test_a_denial_an_unknown_case_and_a_wrong_reason_are_told(vault):
    vault.keep()
    one = f"/v1/openings/{vault.post('/v1/openings', ASKED, 1).json()['opening_id']}"
    assert vault.post(f"{one}/deny", {"reason": "mood"}, 2).status_code == 422
    assert vault.post(f"{one}/deny", {"reason": "not_needed"}, 2).json()["status"] == "denied"
    assert vault.post("/v1/openings", ASKED | {"case_id": "case-9"}, 1).status_code == 404
    assert vault.post("/v1/openings", ASKED | {"reason": "mood"}, 1).status_code == 422
    assert vault.post("/v1/openings", ASKED | {"case_id": "x" * 101}, 1).status_code == 422
    assert vault.post("/v1/openings/none/approve", {}, 1).status_code == 404


def test_what_could_never_be_opened_is_not_taken(vault):
    sealed = vault.sealed()
    intake = vault.caller.bearer("intake")
    for broken in (
        msgspec.structs.replace(sealed, key_id="0" * 16), msgspec.structs.replace(sealed, sealed_key=b"x" * 80),
    ):  # fmt: skip
        body = as_json(KeptIdentity(case_id="case-1", sealed=broken))
        answer = vault.caller.client.put(f"/v1/identities/{sealed.identity_ref}", content=body, headers=intake)
        assert answer.status_code == 409
    body = as_json(KeptIdentity(case_id="case-1", sealed=sealed))
    assert vault.caller.client.put("/v1/identities/other", content=body, headers=intake).status_code == 422
    assert vault.store.records == {}


def test_custodians_sign_in_at_the_vault_and_guessing_ends(vault):
    def sign_in(name, password):
        return vault.caller.post("/v1/sessions", {"name": name, "password": password})

    token = sign_in("custodian-1", PASSWORD).json()["token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert vault.caller.client.get("/v1/openings", headers=headers).status_code == 200
    wrong, unknown = sign_in("custodian-2", "x"), sign_in("nobody", PASSWORD)
    assert (wrong.status_code, wrong.content) == (401, unknown.content)
    for _ in range(WRONG - 1):
        sign_in("custodian-2", "x")
    assert sign_in("custodian-2", PASSWORD).status_code == 429
    assert sign_in("custodian-1", PASSWORD).status_code == 200
    vault.later(seconds=WINDOW.total_seconds())
    assert sign_in("custodian-2", PASSWORD).status_code == 200
    failed = [e.actor for e in vault.trail.kept if e.action == "custodian.sign-in-failed"]
    assert failed == ["custodian-2", "unknown", *["custodian-2"] * (WRONG - 1)], "a typed name is not recorded"


def test_shredding_over_http_is_in_portions_and_only_what_is_due(vault):
    for n in range(5):
        vault.keep(f"case-{n}")
    assert vault.caller.post("/v1/shreds", {}, "operator").json() == {"shredded": 0, "left": 0}
    vault.later(days=2000)
    vault.keep("case-new")
    assert vault.caller.get("/v1/retention", "operator").json()["due"] == 5
    assert vault.caller.post("/v1/shreds", {"limit": 3}, "operator").json() == {"shredded": 3, "left": 2}
    assert vault.caller.post("/v1/shreds", {"limit": 3}, "operator").json() == {"shredded": 2, "left": 0}
    asked = vault.post("/v1/openings", ASKED, 1)
    assert (asked.status_code, asked.json()["type"]) == (410, "urn:duban:problem:shredded")
    assert vault.post("/v1/openings", ASKED | {"case_id": "case-new"}, 1).status_code == 201


def test_a_rotation_over_http_changes_the_public_key(vault):
    before = (vault.settings.public_keys / PUBLIC_FILE).read_bytes()
    answer = vault.post("/v1/keys", {}, 1)
    assert answer.status_code == 201
    assert vault.public_key.key_id == answer.json()["key_id"]
    assert (vault.settings.public_keys / PUBLIC_FILE).read_bytes() != before
