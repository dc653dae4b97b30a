"""Work list and case page over HTTP, in memory: who sees which case, what is offered, and what a stale page is told."""

import json
import re

import pytest

from services.complaints.domain.complaint import LIFE
from services.complaints.web.desk.cases.forms import FIELDS
from services.complaints.web.desk.cases.offered import ASKS
from services.complaints.web.desk.cases.timeline import references
from services.complaints.web.desk.pages import CASES_LOCALE
from services.complaints.work import OPEN, STATUSES
from services.contracts.complaints import Offence
from services.shared.access import TABLE, Principal
from services.shared.audit.trail import MemoryTrail
from services.shared.auth import SESSION_COOKIE, load_key, mint
from services.shared.clock import utc_now
from services.vault.keyring import Keyring
from tests.support.folding import POLICIES
from tests.support.sources import T0, complaints_in_memory

OWN = {"Sec-Fetch-Site": "same-origin"}
TEXT = "三月二日上午十点，窗口已经关了"


class Desk:
    """The desk in memory, and people who sit at it."""

    def __init__(self, folder) -> None:
        self.trail = MemoryTrail(utc_now)
        self.api, self.store = complaints_in_memory(folder, self.trail, policies=POLICIES)
        self._key = load_key(folder / "keys" / "signing.jwk")

    def sits(self, role, agency=None, group=None, name=None, lang="zh"):
        principal = Principal(name or f"{role}-1", frozenset({role}), agency, group)
        self.api.client.cookies.clear()
        self.api.client.cookies.set(SESSION_COOKIE, mint(principal, 600, self._key))
        self.api.client.cookies.set("duban_language", lang)
        return self

    def get(self, path):
        return self.api.client.get(path, follow_redirects=False)

    def sends(self, path, **fields):
        return self.api.client.post(path, data=fields, headers=OWN, follow_redirects=False)

    def file(self, **fields):
        body = {"channel": "hotline", "agency": "tax", "offence": "delay", "text": TEXT, **fields}
        self.api.client.cookies.clear()
        return self.api.post("/v1/cases", body, "clerk").json()["case_id"]

    def does(self, case, command, role, body=None, agency=None):
        self.api.client.cookies.clear()
        answer = self.api.post(f"/v1/cases/{case}/{command}", body or {}, role, agency)
        assert answer.status_code == 200, answer.text

    def dispatched(self, **fields):
        case = self.file(**fields)
        self.does(case, "accept", "clerk")
        self.does(case, "dispatch", "clerk", {"agency": "tax", "assisting": ["finance"]})
        return case

    def acts(self, case, command, **fields):
        """The form of `command` on the page, filled and sent, and confirmed where it asks."""
        page = self.get(f"/desk/cases/{case}").text
        found = re.search(
            rf'action="[^"]*/{command}".*?name="version" value="(\d+)".*?name="key" value="([^"]+)"', page, re.S
        )
        assert found, f"{command} is not offered"
        sent = {"version": found[1], "key": found[2], **fields}
        answer = self.sends(f"/desk/cases/{case}/{command}", **sent)
        if command in ASKS and answer.status_code == 200:
            answer = self.sends(f"/desk/cases/{case}/{command}", sure="yes", **sent)
        return answer

    def status(self, case):
        return self.store.load(case).case.status


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


def listed(answer):
    assert answer.status_code == 200, answer.text
    return re.findall(r'class="row-link" href="/desk/cases/([^"]+)"', answer.text)


@pytest.mark.parametrize("path", ["/desk/work", "/desk/work.csv", "/desk/cases/complaint-x"])
def test_nobody_unknown_and_no_other_role_sees_a_page(desk, path):
    desk.api.client.cookies.clear()
    assert desk.get(path).status_code == 401
    for role in ("operator", "cashier", "monitor", "inspector", "custodian", "window", "importer"):
        assert desk.sits(role).get(path).status_code == 403, role


def test_everyone_sees_the_cases_within_their_reach(desk):
    taken, alone = desk.dispatched(), desk.file(agency="market")
    both = {taken, alone}
    for role, agency, group, expected in (
        ("clerk", None, None, both), ("office", None, None, both), ("leader", None, None, both),
        ("agency", "tax", None, {taken}), ("head", "tax", None, {taken}), ("agency", "finance", None, {taken}),
        ("agency", "market", None, set()), ("supervisor", None, "g3", {taken}), ("supervisor", None, "g2", set()),
    ):  # fmt: skip
        seen = desk.sits(role, agency, group)
        assert set(listed(seen.get("/desk/work"))) == expected, (role, agency, group)
        for case in both:
            assert seen.get(f"/desk/cases/{case}").status_code == (200 if case in expected else 403)
        assert seen.get("/desk/cases/complaint-none").status_code == 404


def test_those_due_first_come_first_and_pages_follow_one_another(desk):
    cases = [desk.file() for _ in range(52)]
    desk.sits("clerk")
    first = desk.get("/desk/work")
    onward = re.search(r'href="([^"]+)" data-key="n"', first.text)[1].replace("&amp;", "&")
    second = desk.get(onward)
    seen = [*listed(first), *listed(second)]
    assert (len(listed(first)), len(seen), set(seen)) == (50, 52, set(cases))
    assert desk.get("/desk/work?after=nowhere").status_code == 422
    rows = desk.get("/desk/work.csv").text.splitlines()
    assert len(rows) == 53
    assert rows[0].startswith("\ufeffcase_id,channel")


def test_filters_stand_in_the_address(desk):
    waiting, paused = desk.file(), desk.dispatched()
    desk.does(paused, "sign-in", "agency", {"agency": "tax"}, "tax")
    desk.does(paused, "pause", "office", {"ground": "testing", "notice_ref": "n-1", "approved_by": "office-2"})
    closed = desk.file()
    desk.does(closed, "refuse", "clerk", {"reason": "in_litigation"})
    desk.does(closed, "close", "clerk")
    desk.sits("office")
    for query, expected in (
        ("", {waiting, paused}), ("status=all", {waiting, paused, closed}), ("status=closed", {closed}),
        ("status=paused", {paused}), ("paused=1", {paused}), ("clock=acceptance", {waiting}), ("overdue=1", set()),
        ("agency=tax", {paused}), ("agency=market", set()), ("status=nonsense", {waiting, paused}),
    ):  # fmt: skip
        assert set(listed(desk.get(f"/desk/work?{query}"))) == expected, query
    assert "没有符合条件的投诉" in desk.get("/desk/work?overdue=1").text


def test_mine_is_what_waits_for_my_role(desk):
    new, handed = desk.file(), desk.dispatched()
    signed = desk.dispatched(offence="extortion")
    desk.does(signed, "conclude", "agency", {"agency": "tax", "finding": "unfounded", "offence": "extortion"}, "tax")
    for role, agency, expected in (
        ("clerk", None, {new}), ("agency", "tax", {handed}), ("head", "tax", {signed}), ("agency", "finance", set()),
        ("leader", None, set()),
    ):  # fmt: skip
        assert set(listed(desk.sits(role, agency).get("/desk/work?mine=1"))) == expected, (role, agency)


def offers(desk, case):
    return set(re.findall(r'<details class="act[^"]*" id="act-([a-z-]+)"', desk.get(f"/desk/cases/{case}").text))


def test_exactly_what_life_and_roles_allow_is_offered(desk):
    case = desk.dispatched()
    for role, agency in (("clerk", None), ("office", None), ("agency", "tax"), ("head", "tax"), ("leader", None)):
        allowed = {c for c in LIFE.allowed("dispatched") if role in TABLE[f"complaints.{c}"].roles}
        assert offers(desk.sits(role, agency), case) == allowed - {"advise"}, role
    assert offers(desk.sits("agency", "finance"), case) == {"respond", "advise", "ask"}
    assert offers(desk.sits("supervisor", group="g3"), case) == set()


def test_a_case_from_filing_to_the_end_by_its_forms(desk):
    case = desk.file(offence="extortion")
    assert desk.sits("clerk").acts(case, "accept", severity="").status_code == 303
    assert desk.acts(case, "dispatch", unit="税务局 · 征收管理科", assisting="财政局；market/food").status_code == 303
    assert desk.store.load(case).case.assisting == ("finance", "market/food")
    desk.sits("agency", "tax").acts(case, "sign-in")
    desk.acts(case, "respond")
    sent = desk.api.client.post(
        f"/desk/cases/{case}/evidence", files={"file": ("a.txt", b"a receipt", "text/plain")}, headers=OWN,
        follow_redirects=False,
    )  # fmt: skip
    assert sent.status_code == 303
    ref = re.search(r'name="evidence_refs" value="([^"]+)"', desk.get(f"/desk/cases/{case}").text)[1]
    assert desk.get(f"/v1/cases/{case}/evidence/{ref}").content == b"a receipt"
    desk.acts(case, "conclude", finding="verified", offence="extortion", evidence_refs=ref)
    assert desk.status(case) == "awaiting_sign_off"
    desk.sits("head", "tax").acts(case, "sign-off", approved="yes")
    desk.sits("agency", "tax").acts(case, "reply", text="已退还，并处理了责任人")
    assert desk.status(case) == "replied"
    desk.acts(case, "correct", evidence_refs=ref)
    done = desk.sits("office").acts(case, "call-back", way="telephone", outcome="rated", satisfaction="5")
    page = desk.get(done.headers["location"])
    assert "已完成：回访。office-1" in page.text
    assert "非常满意" in page.text
    desk.acts(case, "close")
    assert desk.status(case) == "closed"


def test_a_form_that_ends_something_asks_once(desk):
    case = desk.file()
    desk.sits("clerk")
    answer = desk.sends(f"/desk/cases/{case}/refuse", version="1", key="k-1", reason="in_litigation")
    assert answer.status_code == 200
    assert "提交后不能撤回" in answer.text
    assert desk.status(case) == "filed"
    back = desk.sends(f"/desk/cases/{case}/refuse", version="1", key="k-1", reason="in_litigation", go="edit")
    assert '<option value="in_litigation" selected>' in back.text
    desk.sends(f"/desk/cases/{case}/refuse", version="1", key="k-1", reason="in_litigation", sure="yes")
    assert desk.status(case) == "refused"


def test_who_acts_on_a_page_that_is_no_longer_true_sees_what_is(desk):
    case = desk.dispatched()
    desk.does(case, "sign-in", "agency", {"agency": "tax"}, "tax")
    answer = desk.sits("agency", "tax").sends(
        f"/desk/cases/{case}/conclude", version="3", key="k", finding="unfounded", offence="delay", sure="yes"
    )  # fmt: skip
    assert answer.status_code == 409
    assert "税务局已于" in answer.text
    assert "案件现在是“办理中”" in answer.text
    assert '<option value="unfounded" selected>' in answer.text
    assert desk.status(case) == "signed"


def test_what_was_typed_for_a_step_that_is_gone_is_shown_so_that_it_can_be_copied(desk):
    case = desk.dispatched()
    conclusion = {"agency": "tax", "finding": "unfounded", "offence": "delay"}
    desk.does(case, "conclude", "agency", conclusion, "tax")
    answer = desk.sits("agency", "tax").sends(
        f"/desk/cases/{case}/return", version="3", key="k", reason="应由财政局办理"
    )
    assert answer.status_code == 409
    assert "return" not in offers(desk, case)
    assert '<p class="words">应由财政局办理</p>' in answer.text


def test_a_form_sent_twice_is_one_command(desk):
    case = desk.file()
    desk.sits("clerk")
    for _ in range(2):
        assert desk.sends(f"/desk/cases/{case}/accept", version="1", key="same").status_code == 303
    assert len(desk.store.published) == 2


def test_what_is_wrong_with_a_form_is_said_at_its_field(desk):
    case = desk.file()
    answer = desk.sits("clerk").sends(f"/desk/cases/{case}/refuse", version="1", key="k")
    assert answer.status_code == 422
    assert '<a href="#f-refuse-reason">' in answer.text
    case = desk.dispatched()
    desk.sits("office")
    for field, text in (("approved_by", "13812345678"), ("days", "many")):
        good = {"days": "3", "approved_by": "office-2", "reason": "检测未完"}
        answer = desk.sends(f"/desk/cases/{case}/extend", version="3", key="k", **{**good, field: text})
        assert answer.status_code == 422
        assert f'href="#f-extend-{field}"' in answer.text


def test_no_form_of_another_site_and_no_role_beyond_its_own(desk):
    case = desk.file()
    desk.sits("clerk")
    foreign = desk.api.client.post(
        f"/desk/cases/{case}/accept", data={"version": "1"}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert foreign.status_code == 401
    assert (
        desk.sends(f"/desk/cases/{case}/review", version="1", key="k", outcome="upheld", sure="yes").status_code == 403
    )
    assert desk.sits("agency", "market").sends(f"/desk/cases/{case}/accept", version="1", key="k").status_code == 403
    assert desk.sits("supervisor", group="g3").sends(f"/desk/cases/{case}/ask", version="1").status_code == 403
    assert desk.sits("clerk").sends(f"/desk/cases/{case}/nonsense", version="1").status_code == 404
    assert desk.sends(f"/desk/cases/{case}/accept", key="k").status_code == 422
    assert desk.status(case) == "filed"


def test_texts_are_for_those_who_handle_the_case_and_reading_is_on_the_trail_first(desk):
    case = desk.dispatched()
    desk.does(case, "return", "agency", {"agency": "tax", "reason": "应由财政局办理"}, "tax")
    desk.does(case, "ask", "clerk", {"text": "哪一个窗口？"})

    def read() -> list[tuple[str, str]]:
        return [(entry.actor, entry.action) for entry in desk.trail.kept]

    for role, agency, group, sees, hidden in (
        ("clerk", None, None, (TEXT, "应由财政局办理", "哪一个窗口？"), ()),
        ("agency", "tax", None, (TEXT, "应由财政局办理", "哪一个窗口？"), ()),
        ("supervisor", None, "g3", ("应由财政局办理",), (TEXT, "哪一个窗口？")),
        ("leader", None, None, (), (TEXT, "应由财政局办理", "哪一个窗口？")),
    ):  # fmt: skip
        before = len(read())
        page = desk.sits(role, agency, group).get(f"/desk/cases/{case}").text
        assert all(text in page for text in sees), role
        assert not any(text in page for text in hidden), role
        assert ((f"{role}-1", "complaint.text-read") in read()[before:]) == bool(sees)
        assert ((f"{role}-1", "complaint.messages-read") in read()[before:]) == ("哪一个窗口？" in sees)


def test_the_api_gives_a_text_to_whom_the_page_shows_it_and_to_nobody_else(desk):
    case = desk.dispatched()
    desk.does(case, "return", "agency", {"agency": "tax", "reason": "应由财政局办理"}, "tax")
    desk.does(case, "ask", "clerk", {"text": "哪一个窗口？"})
    refs = {}
    for event in desk.store.history(case):
        for ref in references(json.loads(event.data)):
            refs[desk.store.text(ref)] = ref
    assert set(refs) == {TEXT, "应由财政局办理", "哪一个窗口？"}
    for role, agency, group in (
        ("clerk", None, None), ("office", None, None), ("agency", "tax", None), ("head", "tax", None),
        ("supervisor", None, "g3"), ("supervisor", None, "g2"), ("leader", None, None), ("agency", "market", None),
    ):  # fmt: skip
        page = desk.sits(role, agency, group).get(f"/desk/cases/{case}").text
        for text, ref in refs.items():
            desk.api.client.cookies.clear()
            before = len(desk.trail.kept)
            answer = desk.api.get(f"/v1/cases/{case}/texts/{ref}", role, agency, group)
            assert answer.status_code == (200 if text in page else 403), (role, text)
            assert (len(desk.trail.kept) > before) == (text in page)


def test_who_decided_before_is_told_that_somebody_else_decides_the_appeal(desk):
    case = desk.file()
    desk.does(case, "refuse", "office", {"reason": "in_litigation"})
    desk.does(case, "appeal-refusal", "clerk", {"ground": "facts"})
    page = desk.sits("office").get(f"/desk/cases/{case}").text
    assert "要由另外的人员复核" in page
    assert "review-refusal" not in offers(desk, case)
    assert "review-refusal" in offers(desk.sits("office", name="office-2"), case)


def test_a_case_is_merged_into_an_earlier_one_and_each_shows_the_other(desk):
    first, second = desk.file(), desk.file()
    page = desk.sits("clerk").get(f"/desk/cases/{second}").text
    assert f'<option value="{first}"' in page
    assert desk.acts(second, "merge", into=first).status_code == 303
    assert f"/desk/cases/{first}" in desk.get(f"/desk/cases/{second}").text
    assert f"/desk/cases/{second}" in desk.get(f"/desk/cases/{first}").text
    third = desk.file()
    desk.sits("clerk")
    answer = desk.acts(third, "merge", into="complaint-none")
    assert (answer.status_code, "没有这个编号的案件" in answer.text) == (409, True)


def test_a_sealed_identity_is_named_as_such_and_never_shown(desk, tmp_path):
    Keyring.create(tmp_path / "vault", tmp_path / "public", T0)
    case = desk.file(identity={"name": "张三", "phone": "13812345678"})
    page = desk.sits("office").get(f"/desk/cases/{case}").text
    assert "已封存" in page
    assert not re.search("张三|13812345678|identity-", page)


def test_every_command_has_a_form_and_every_code_a_word(desk):
    assert set(FIELDS) == set(LIFE.models) - {LIFE.opening}
    for lang in ("zh", "en"):
        words = (CASES_LOCALE / lang / "LC_MESSAGES" / "messages.po").read_text()
        keys = set(re.findall(r'^msgid "(.+)"$', words, re.M))
        wanted = {f"{kind}.{c}" for c in FIELDS for kind in ("act", "happened", "then")}
        wanted |= {f"desk.status.{status}" for status in STATUSES}
        wanted |= {f"item.{field.name}" for fields in FIELDS.values() for field in fields}
        for fields in FIELDS.values():
            for field in fields:
                if field.name not in ("offence", "satisfaction"):
                    wanted |= {f"value.{field.name}.{code}" for code in field.choices}
        assert wanted <= keys, wanted - keys
    assert len(OPEN) == len(STATUSES) - 1


def test_both_languages_have_the_same_keys():
    keys = [re.findall(r'^msgid "(.*)"$', (CASES_LOCALE / lang / "LC_MESSAGES" / "messages.po").read_text(), re.M)
            for lang in ("zh", "en")]  # fmt: skip
    assert keys[0] == keys[1]
    assert len(set(keys[0])) == len(keys[0])


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_page_of_every_status_renders_without_a_missing_word(desk, lang):
    cases = {desk.file(), desk.dispatched()}
    for offence in Offence.__args__:
        cases.add(desk.file(offence=offence))
    for role, agency in (("office", None), ("agency", "tax")):
        desk.sits(role, agency, lang=lang)
        pages = [desk.get("/desk/work").text, *(desk.get(f"/desk/cases/{case}").text for case in cases)]
        for page in pages:
            assert not re.findall(
                r">\s*((?:act|item|value|case|work|then|desk|offence|channel|left|clock)\.[a-z_.]+)", page
            )
