"""Tokens, passwords and the reach of a role, without a server."""

import pytest
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient

from services.shared.access import ANONYMOUS, TABLE, Principal, allows, reach
from services.shared.auth import (
    SESSION_COOKIE,
    Unauthenticated,
    create_key,
    install_auth,
    load_key,
    mint,
    require,
    verify,
)  # fmt: skip
from services.shared.problems import install_problem_handlers
from services.shared.users import authenticate, hash_password, seed_users, verify_password

GROUPS = {"tax": "g1", "land": "g2"}
OFFICE = Principal("office", frozenset({"office"}))
TAX = Principal("tax-1", frozenset({"agency"}), "tax")
G1 = Principal("sup-1", frozenset({"supervisor"}), group="g1")


@pytest.fixture
def key_file(tmp_path):
    create_key(tmp_path / "signing.jwk")
    return tmp_path / "signing.jwk"


@pytest.fixture
def key(key_file):
    return load_key(key_file)


def test_a_token_says_who_it_was_minted_for(key):
    assert verify(mint(TAX, 60, key), key) == TAX


def test_an_expired_foreign_or_mangled_token_is_nobody(key, tmp_path):
    create_key(tmp_path / "other.jwk")
    other = load_key(tmp_path / "other.jwk")
    for token in (mint(TAX, 60, key, now=1000), mint(TAX, 60, other), mint(TAX, 60, key, use="ticket"), "x.y.z", ""):
        with pytest.raises(Unauthenticated):
            verify(token, key)
    assert verify(mint(TAX, 60, key, use="ticket"), key, use="ticket") == TAX


def test_the_key_file_is_private_and_never_overwritten(key_file):
    before = key_file.read_bytes()
    create_key(key_file)
    assert key_file.read_bytes() == before
    assert key_file.stat().st_mode & 0o777 == 0o600


def test_reach_is_that_of_the_widest_role():
    assert reach("alerts.list", OFFICE).covers(None, GROUPS)
    assert reach("alerts.list", TAX).covers("tax", GROUPS)
    assert not reach("alerts.list", TAX).covers("land", GROUPS)
    assert not reach("alerts.list", TAX).covers(None, GROUPS)
    assert reach("alerts.list", G1).covers("tax", GROUPS)
    assert not reach("alerts.list", G1).covers("land", GROUPS)
    assert reach("alerts.list", Principal("both", TAX.roles | OFFICE.roles, "tax")).covers("land", GROUPS)


def test_a_role_that_may_not_call_the_endpoint_widens_nothing():
    both = Principal("both", frozenset({"agency", "clerk"}), "tax")
    assert not reach("directives.report", both).covers("land", GROUPS)


def test_everyone_may_file_and_nobody_but_the_office_writes_items():
    assert allows("complaints.file", ANONYMOUS)
    assert list(TABLE["approvals.items.write"].roles) == ["office"]


def test_the_dependency_answers_401_403_and_lets_the_session_cookie_write_only_from_our_own_pages(key_file, key):
    app = FastAPI()
    install_problem_handlers(app)
    install_auth(app, key_file)
    needed = Depends(require("complaints.accept"))
    app.add_api_route("/v1/x", lambda principal=needed: principal.subject, methods=["GET", "POST"])
    client = TestClient(app)

    def bearer(principal):
        return {"authorization": f"Bearer {mint(principal, 60, key)}"}

    nobody = client.get("/v1/x")
    assert nobody.status_code == 401
    assert nobody.headers["content-type"] == "application/problem+json"
    assert nobody.headers["www-authenticate"].startswith("Bearer")
    assert client.get("/v1/x", headers={"authorization": "Bearer junk"}).status_code == 401
    forbidden = client.get("/v1/x", headers=bearer(TAX))
    assert forbidden.status_code == 403
    assert forbidden.json()["title"] == "Not your role"
    assert client.get("/v1/x", headers=bearer(OFFICE)).json() == "office"
    client.cookies.set(SESSION_COOKIE, mint(OFFICE, 60, key))
    assert client.get("/v1/x").status_code == 200
    assert client.post("/v1/x").status_code == 401
    assert client.post("/v1/x", headers={"origin": "http://elsewhere"}).status_code == 401
    assert client.post("/v1/x", headers={"origin": "http://testserver"}).status_code == 200
    assert client.post("/v1/x", headers={"sec-fetch-site": "cross-site"}).status_code == 401
    assert client.post("/v1/x", headers={"sec-fetch-site": "same-origin"}).status_code == 200
    assert client.get("/v1/nowhere").headers["content-type"] == "application/problem+json"


def test_passwords_and_seeding(tmp_path):
    assert verify_password("秘密", hash_password("秘密"))
    assert not verify_password("秘密!", hash_password("秘密"))
    users, passwords = tmp_path / "users.yaml", tmp_path / "users.txt"
    seed_users(users, passwords, [OFFICE, TAX])
    seed_users(users, passwords, [OFFICE, TAX, G1])
    found = dict(line.split() for line in passwords.read_text().splitlines())
    assert len(found) == 3
    assert passwords.stat().st_mode & 0o777 == users.stat().st_mode & 0o777 == 0o600
    assert authenticate(users, "tax-1", found["tax-1"]) == TAX
    assert authenticate(users, "tax-1", "wrong") is None
    assert authenticate(users, "who", "wrong") is None


@pytest.mark.parametrize("name", ["person", "anonymous", "merged-answers", "policy"])
def test_no_account_has_a_name_under_which_the_system_acts(tmp_path, name):
    users = tmp_path / "users.yaml"
    users.write_text(f"users:\n  {name}: {{password: x, roles: [office]}}\n")
    with pytest.raises(ValueError, match=f"no account can be named {name}") as refused:
        authenticate(users, "office-1", "x")
    assert "\n" not in str(refused.value)


def test_a_token_that_was_good_once_still_expires_and_is_nothing_to_another_city(tmp_path):
    keys = []
    for name in ("ours", "theirs"):
        create_key(tmp_path / name)
        keys.append(load_key(tmp_path / name))
    ours, theirs = keys
    token = mint(Principal("office-1", frozenset({"office"})), 60, ours, now=1000)
    assert verify(token, ours, now=1059).subject == "office-1"
    with pytest.raises(Unauthenticated, match="expired"):
        verify(token, ours, now=1060)
    with pytest.raises(Unauthenticated, match="another use"):
        verify(token, ours, use="ticket", now=1059)
    with pytest.raises(Unauthenticated, match="not signed"):
        verify(token, theirs, now=1059)
