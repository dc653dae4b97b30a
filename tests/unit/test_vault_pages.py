"""The custodians' pages over HTTP, in memory: an opening by two people, shown once, and where an identity never is."""

import re

import pytest

from services.shared.access import ROLES
from services.vault.sessions import WRONG
from services.vault.web.pages import COOKIE, LOCALE
from tests.support.vault import PASSWORD, WHY, ZHANG, Vault

OWN = {"Sec-Fetch-Site": "same-origin"}
PAGES = ("/vault", "/vault/openings", "/vault/ask", "/vault/keeping", "/vault/openings/none")
ASKED = {"case_id": "case-1", "reason": "verify_report", "text": WHY}
SECRETS = (ZHANG.name, ZHANG.phone, ZHANG.id_number)


class Desk(Vault):
    """The vault with custodians at their pages."""

    def sits(self, number, lang="zh"):
        self.caller.client.cookies.clear()
        self.caller.client.cookies.set("duban_language", lang)
        signed = self.sends("/vault/sign-in", name=f"custodian-{number}", password=PASSWORD, target="/vault")
        assert signed.status_code == 303, signed.text
        return self

    def get(self, path):
        return self.caller.client.get(path, follow_redirects=False)

    def sends(self, path, **fields):
        return self.caller.client.post(path, data=fields, headers=OWN, follow_redirects=False)

    def asked(self):
        """The page of an opening that custodian-1 asked for by the form."""
        answer = self.sits(1).sends("/vault/ask", **ASKED)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"].partition("?")[0]


@pytest.fixture
def vault(tmp_path):
    return Desk(tmp_path)


def test_an_opening_that_is_not_there_is_a_page_and_no_problem_for_programs(vault):
    page = vault.sits(1).get("/vault/openings/none")
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")


@pytest.mark.parametrize("path", PAGES)
def test_a_page_opens_for_custodians_of_the_vaults_own_key_alone(vault, path):
    assert vault.get(path).status_code == 401
    for role in ROLES:
        headers = vault.caller.bearer(role)
        assert vault.caller.client.get(path, headers=headers, follow_redirects=False).status_code == 403, role
        posted = vault.caller.client.post(path, data={"act": "open"}, headers=headers | OWN)
        assert posted.status_code in (403, 405), role
    assert vault.sits(1).get(path).status_code in (200, 303, 404)


def test_the_session_is_the_vaults_own_and_ends_by_itself(vault):
    answer = vault.sends("/vault/sign-in", name="custodian-1", password=PASSWORD, target="//elsewhere.example")
    cookie = answer.headers["set-cookie"]
    assert answer.headers["location"] == "/vault"
    for part in (f"{COOKIE}=", "HttpOnly", "Max-Age=900", "Path=/vault", "SameSite=strict"):
        assert part in cookie
    foreign = vault.caller.client.post("/vault/ask", data=ASKED, headers={"Sec-Fetch-Site": "cross-site"})
    assert foreign.status_code == 401, "no other site asks in a custodian's name"
    vault.sends("/vault/sign-out")
    assert vault.get("/vault/openings").status_code == 401


def test_wrong_passwords_are_told_apart_from_too_many(vault):
    assert vault.sends("/vault/sign-in", name="custodian-1").status_code == 422
    assert [vault.sends("/vault/sign-in", name="custodian-1", password="x").status_code for _ in range(WRONG)] == [
        401
    ] * WRONG
    late = vault.sends("/vault/sign-in", name="custodian-1", password=PASSWORD)
    assert (late.status_code, "15 分钟后再试" in late.text) == (429, True)


def test_from_request_to_the_one_sight_of_it(vault):
    vault.keep()
    path = vault.asked()
    own = vault.get(path).text
    assert 'id="act-approve"' not in own
    assert "须由另一名保管人决定" in own
    refused = vault.sends(path, act="approve", sure="yes")
    assert (refused.status_code, "须由另一名保管人决定" in refused.text) == (409, True)
    vault.sits(2)
    assert path in vault.get("/vault/openings").text, "what waits for me comes first"
    assert "提交后不能撤回" in vault.sends(path, act="approve").text
    assert "identity.opening-approved" not in vault.actions(), "asking changes nothing"
    assert vault.sends(path, act="approve", sure="yes").status_code == 303
    theirs = vault.sends(path, act="open", sure="yes")
    assert (theirs.status_code, "只有申请人本人可以开启" in theirs.text) == (409, True)
    vault.sits(1)
    before = vault.sends(path, act="open")
    opened = vault.sends(path, act="open", sure="yes")
    assert opened.status_code == 200
    assert all(secret in opened.text for secret in SECRETS)
    assert "这次开启已记入审计记录：custodian-1" in opened.text
    assert opened.headers["cache-control"] == "private, no-store"
    assert "set-cookie" not in opened.headers
    assert vault.actions()[-1] == "identity.opened"
    again = vault.sends(path, act="open", sure="yes")
    assert again.status_code == 409
    others = [before, again, vault.get(path), vault.get("/vault/openings"), vault.get("/vault/openings?view=mine")]
    for answer in others:
        assert not any(secret in answer.text or secret in str(answer.headers) for secret in SECRETS)
    assert not any(
        secret in str(vars(entry) if hasattr(entry, "__dict__") else entry)
        for entry in vault.trail.kept
        for secret in SECRETS
    )


def test_a_denial_needs_a_listed_reason_and_ends_it(vault):
    vault.keep()
    path = vault.asked()
    vault.sits(2)
    wrong = vault.sends(path, act="deny")
    assert (wrong.status_code, "请选择不同意的理由" in wrong.text) == (422, True)
    assert vault.sends(path, act="deny", reason="not_needed", sure="no").status_code == 200
    assert vault.sends(path, act="deny", reason="not_needed", sure="yes").status_code == 303
    shown = vault.sits(1).get(path).text
    assert "不打开也能办理" in shown
    assert 'id="act-open"' not in shown
    assert vault.sends(path, act="open", sure="yes").status_code == 409


def test_what_is_wrong_with_a_request_is_said_and_nothing_typed_is_lost(vault):
    vault.keep()
    vault.sits(1)
    for fields, status, said in (
        ({"case_id": ""}, 422, "请填写案件编号"), ({"case_id": "case-9"}, 404, "没有封存的身份"),
        ({"case_id": "x" * 101}, 422, "请填写案件编号"), ({"reason": "mood"}, 422, "请选择理由"),
        ({"text": "short"}, 422, "写清原因"),
    ):  # fmt: skip
        answer = vault.sends("/vault/ask", **(ASKED | fields))
        assert (answer.status_code, said in answer.text) == (status, True), fields
        assert (ASKED | fields)["text"] in answer.text
    vault.later(days=2000)
    vault.service.shred(10, "operator-1")
    assert "已到期销毁" in vault.sends("/vault/ask", **ASKED).text


def test_an_expired_request_offers_nothing(vault):
    vault.keep()
    path = vault.asked()
    vault.later(days=4)
    shown = vault.sits(2).get(path).text
    assert "已过期" in shown
    assert "act-approve" not in shown
    assert vault.sends(path, act="approve", sure="yes").status_code == 409


def test_keys_and_retention_are_shown_and_only_shown(vault):
    vault.keep()
    vault.service.rotate("custodian-1")
    page = vault.sits(1).get("/vault/keeping").text
    assert "仍有身份以它封存" in page
    assert vault.keyring.current.key_id in page
    vault.service.rewrap(10)
    assert "已不再使用" in vault.get("/vault/keeping").text
    forms = re.findall(r'<form[^>]*action="([^"]+)"', page)
    assert set(forms) <= {"/vault/sign-out", "/vault/language"}


def test_both_languages_say_everything_that_the_pages_ask_for(vault):
    keys = [re.findall(r'^msgid "(.+)"$', (LOCALE / lang / "LC_MESSAGES" / "messages.po").read_text("utf-8"), re.M)
            for lang in ("zh", "en")]  # fmt: skip
    assert keys[0] == keys[1]
    vault.keep()
    path = vault.asked()
    for lang in ("zh", "en"):
        for number in (1, 2):
            vault.sits(number, lang)
            for page in (
                "/vault/openings?view=all",
                "/vault/openings?view=waiting",
                "/vault/ask",
                "/vault/keeping",
                path,
            ):
                text = vault.get(page).text
                assert not re.findall(
                    r">\s*((?:opening|openings|act|then|ask|keeping|done|confirm|place|identity)\.[a-z_.]+)", text
                )
