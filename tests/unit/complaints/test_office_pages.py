"""Pages of the office over HTTP, in memory: rewards from proposal to payment, and who may open which page."""

import csv
import re
from datetime import timedelta
from io import StringIO

import pytest

from services.complaints.rewards.domain.reward import TABLE
from services.complaints.rewards.service import DECISIONS
from services.complaints.surveys.domain.campaign import Answer
from services.complaints.surveys.repository import Link
from services.complaints.surveys.service import hashed
from services.complaints.web.desk.offices.reward_pages import ASKS
from services.complaints.web.desk.pages import OFFICES_LOCALE
from services.shared.access import ROLES, Principal
from services.shared.auth import SESSION_COOKIE, load_key, mint
from services.shared.clock import utc_now
from tests.unit.complaints.test_offices_api import WORTH, City, reward_id
from tests.unit.complaints.test_surveys import campaign

OWN = {"Sec-Fetch-Site": "same-origin"}
PAGES = {
    "/desk/rewards": {"office", "leader"}, "/desk/rewards/{reward}": {"office", "leader"},
    "/desk/rewards/_ledger": {"office", "leader"}, "/desk/rewards/_ledger.csv": {"office", "leader"},
    "/desk/cashier": {"cashier"},
    "/desk/supervisors": {"office", "leader", "clerk"}, "/desk/reports": {"monitor"}, "/desk/reports/_new": {"monitor"},
    "/desk/surveys/_new": {"office"},
    "/desk/surveys": {"office", "leader", "supervisor"}, "/desk/surveys/spring": {"office", "leader", "supervisor"},
}  # fmt: skip


class Office(City):
    """The city with people at their pages."""

    def __init__(self, folder) -> None:
        super().__init__(folder)
        self._key = load_key(folder / "keys" / "signing.jwk")

    def sits(self, role, name=None, lang="zh"):
        roles = frozenset(role.split())
        self.api.client.cookies.clear()
        principal = Principal(name or f"{role}-1", roles, None, "g1" if "supervisor" in roles else None)
        self.api.client.cookies.set(SESSION_COOKIE, mint(principal, 600, self._key))
        self.api.client.cookies.set("duban_language", lang)
        return self

    def get(self, path):
        return self.api.client.get(path, follow_redirects=False)

    def sends(self, path, **fields):
        return self.api.client.post(path, data=fields, headers=OWN, follow_redirects=False)

    def proposed(self):
        """The page of a reward that was proposed."""
        case = self.verified()
        assert self.propose() == 1
        return case, f"/desk/rewards/{reward_id(case['case_id'])}"

    def acts(self, path, command, **fields):
        """The form of `command` on the page, filled and sent, and confirmed where it asks."""
        found = re.search(rf'id="act-{command}".*?name="version" value="(\d+)"', self.get(path).text, re.S)
        assert found, f"{command} is not offered"
        sent = {"command": command, "version": found[1], **fields}
        answer = self.sends(path, **sent)
        if command in ASKS and answer.status_code == 200:
            assert "提交后不能撤回" in answer.text
            answer = self.sends(path, sure="yes", **sent)
        return answer

    def status(self, path):
        return self.offices.rewards.read(path.rpartition("/")[2]).status

    def voucher(self, case):
        self.api.client.cookies.clear()
        self.inbox(case)
        return self.claim().json()["voucher"]


@pytest.fixture
def office(tmp_path):
    return Office(tmp_path)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_opens_for_its_roles_and_for_nobody_else(office, path):
    allowed = PAGES[path]
    if "{reward}" in path:
        path = office.proposed()[1]
    office.stores.surveys.add(campaign())
    office.api.client.cookies.clear()
    assert office.get(path).status_code == 401
    assert office.sends(path).status_code in (401, 405)
    for role in ROLES:
        wanted = 200 if role in allowed else 403
        assert office.sits(role).get(path).status_code == wanted, role
        if wanted == 403:
            assert office.sends(path, command="endorse", version="1").status_code in (403, 405), role


def test_everybody_is_led_to_their_own_pages(office):
    for role, first, places in (
        ("cashier", "/desk/cashier", {"/desk/cashier"}),
        ("leader", "/desk/work", {"/desk/work", "/desk/rewards", "/desk/supervisors", "/desk/surveys"}),
        ("monitor", "/desk/reports", {"/desk/reports"}),
    ):
        assert office.sits(role).get("/desk").headers["location"] == first
        found = re.search(r'<nav class="places".*?</nav>', office.get(first).text, re.S)[0]
        assert places <= set(re.findall(r'href="(/desk[^"]*)"', found)), role
        assert ("/desk/rewards" in found) == (role == "leader")


def test_from_proposal_to_payment_through_the_pages(office):
    case, path = office.proposed()
    assert path in office.sits("office").get("/desk/rewards").text, "what waits for the office is its first list"
    assert office.acts(path, "endorse").headers["location"].endswith("?done=endorse")
    assert path in office.sits("leader").get("/desk/rewards").text, "what waits for a leader is theirs"
    assert office.acts(path, "approve").status_code == 303
    assert office.status(path) == "granted"
    voucher = office.voucher(case)
    page = office.sits("cashier").sends("/desk/cashier", voucher=voucher.lower())
    assert ">2,000 元<" in page.text
    assert office.status(path) == "claimed", "looking books nothing"
    paid = office.sends("/desk/cashier", voucher=voucher, amount_fen=str(WORTH))
    assert "已兑付，请交付现金" in paid.text
    for answer in (page, paid):
        assert case["case_id"] not in answer.text
        assert reward_id(case["case_id"]) not in answer.text
        assert "no-store" in answer.headers["cache-control"]
        assert "set-cookie" not in answer.headers
    assert office.status(path) == "paid"
    for fields in ({"amount_fen": str(WORTH)}, {}):
        again = office.sends("/desk/cashier", voucher=voucher, **fields)
        assert (again.status_code, "已经兑付过" in again.text) == (409, True)
    shown = office.sits("leader").get(path).text
    assert re.findall(r"<td>(批准|兑付|冲回)</td>", shown) == ["批准", "兑付"]
    assert office.acts(path, "reverse").status_code == 303
    assert office.status(path) == "granted"


def test_a_cashier_is_told_what_is_wrong_with_a_voucher_and_cannot_guess_on(office):
    case, path = office.proposed()
    office.sits("office").acts(path, "endorse")
    office.sits("leader").acts(path, "approve")
    old, new = office.voucher(case), office.voucher(case)
    office.sits("cashier")
    assert "请输入兑付码" in office.sends("/desk/cashier").text
    assert office.sends("/desk/cashier", voucher=old).status_code == 404, "only the newest counts"
    assert office.sends("/desk/cashier", voucher=new, amount_fen="1").status_code == 404
    tried = [office.sends("/desk/cashier", voucher="0000").status_code for _ in range(30)]
    assert set(tried) == {404, 429}
    assert "尝试次数太多" in office.sends("/desk/cashier", voucher=new).text
    assert office.sits("cashier", "cashier-2").sends("/desk/cashier", voucher=new).status_code == 200


def test_a_reason_is_asked_for_and_kept(office):
    _, path = office.proposed()
    office.sits("office")
    wrong = office.acts(path, "decline")
    assert (wrong.status_code, "请选择理由" in wrong.text) == (422, True)
    assert office.acts(path, "decline", reason="made_up").status_code == 422
    assert office.acts(path, "decline", reason="known_before").status_code == 303
    assert office.status(path) == "declined"
    assert "举报前已掌握" in office.get(path).text


def test_a_form_made_before_somebody_else_acted_changes_nothing(office):
    _, path = office.proposed()
    office.sits("office", "office-1").acts(path, "endorse")
    stale = office.sits("office", "office-2").sends(path, command="endorse", version="1")
    assert (stale.status_code, "别人刚办理过" in stale.text) == (409, True)
    assert office.sends(path, command="decline", version="2", reason="error", sure="no").status_code == 200
    assert office.status(path) == "endorsed"
    assert office.sends(path, command="approve", version="2", sure="yes").status_code == 403, (
        "the office never approves"
    )
    assert office.sends(path, command="pay", version="2").status_code == 404
    both = office.sits("office leader", "office-1").get(path).text
    assert "您已初审，须由另一账号终审" in both
    refused = office.sends(path, command="approve", version="2", sure="yes")
    assert (refused.status_code, office.status(path)) == (409, "endorsed")


# The register of supervisors, and their reports

TERM = {"code": "monitor-1", "body": "enterprise", "group": "", "from_on": "2020-01-01", "to_on": "2099-12-31"}


def test_a_supervisor_is_appointed_reports_reads_the_answer_and_their_term_ends(office):
    office.sits("office")
    asked = office.sends("/desk/supervisors", command="appoint", **TERM)
    assert "确认：聘任监督员" in asked.text
    assert office.offices.supervisors.listed() == []
    assert office.sends("/desk/supervisors", command="appoint", sure="yes", **TERM).status_code == 303
    case = office.filed(channel="supervisor", intake={"supervisor": "monitor-1"})
    office.filed()
    shown = office.sits("monitor").get("/desk/reports").text
    assert shown.count('class="box report"') == 1
    assert case["case_id"][-8:].upper() in shown
    assert "还没有答复" in shown
    assert 'class="box report"' not in office.sits("monitor", "monitor-2").get("/desk/reports").text
    office.sits("office")
    ending = {"command": "end", "code": "monitor-1"}
    assert office.sends("/desk/supervisors", last_on="2020-06-30", sure="yes", **ending).status_code == 303
    assert "不在任" in office.get("/desk/supervisors").text
    again = office.sends("/desk/supervisors", last_on="2021-06-30", sure="yes", **ending)
    assert (again.status_code, "那一天不在任期内" in again.text) == (409, True)


@pytest.mark.parametrize(
    ("changed", "said"),
    [({"code": "张三"}, "代号只能用"), ({"body": "friends"}, "请选择来自哪里"), ({"group": "g99"}, "没有这个督导组"),
     ({"from_on": "soon"}, "请填写日期"), ({"to_on": "2019-01-01"}, "最后一天不能早于第一天")],
)  # fmt: skip
def test_what_is_wrong_with_an_appointment_is_said_and_nothing_typed_is_lost(office, changed, said):
    answer = office.sits("office").sends("/desk/supervisors", command="appoint", sure="yes", **(TERM | changed))
    assert (answer.status_code, said in answer.text) == (422, True)
    assert f'value="{(TERM | changed)["to_on"]}"' in answer.text
    assert office.offices.supervisors.listed() == []


def test_only_the_office_has_forms_in_the_register(office):
    office.sits("office").sends("/desk/supervisors", command="appoint", sure="yes", **TERM)
    assert "结束任期" in office.get("/desk/supervisors").text
    for role in ("leader", "clerk"):
        page = office.sits(role).get("/desk/supervisors").text
        assert "monitor-1" in page
        assert 'name="command"' not in page
    overlapping = office.sits("office").sends(
        "/desk/supervisors", command="appoint", sure="yes", **(TERM | {"from_on": "2021-01-01"})
    )
    assert (overlapping.status_code, "与已有任期重叠" in overlapping.text) == (409, True)


# Surveys

NEW = {
    "campaign_id": "autumn", "title_zh": "涉企服务评议", "title_en": "Service to enterprises", "agencies": ["tax"],
    "opens_at": "2020-01-01T00:00", "closes_at": "2099-01-01T00:00", "level-1-zh": "办事速度", "level-1-en": "Speed",
    "text-1-zh": "还想说什么", "text-1-en": "Anything else",
}  # fmt: skip


def test_a_survey_is_started_and_its_links_are_told_once(office):
    office.sits("office")
    assert "确认：发起评议" in office.sends("/desk/surveys/_new", **NEW).text
    assert office.offices.surveys.listed() == []
    started = office.sends("/desk/surveys/_new", sure="yes", **NEW)
    assert started.headers["location"] == "/desk/surveys/autumn?done=start"
    taken = office.sends("/desk/surveys/_new", sure="yes", **NEW)
    assert (taken.status_code, "这个代号已经用过" in taken.text) == (409, True)
    file = office.sends("/desk/surveys/autumn", agency="tax", count="2")
    assert file.headers["content-type"].startswith("text/csv")
    assert file.headers["cache-control"] == "private, no-store"
    rows = file.text.lstrip("\ufeff").splitlines()
    links = [row.partition(",")[2] for row in rows[1:]]
    assert (rows[0], len(links), len(set(links))) == ("agency,link", 2, 2)
    path = links[0].removeprefix("http://testserver")
    assert "办事速度" in office.get(path).text
    page = office.get("/desk/surveys/autumn").text
    assert not any(link.rpartition("/")[2] in page for link in links)
    assert "之后显示结果" in page
    for wrong in ({"agency": "tax", "count": "0"}, {"agency": "tax", "count": "x"}, {"agency": "market", "count": "1"}):
        assert office.sends("/desk/surveys/autumn", **wrong).status_code == 422


ENTERPRISES = '企业,联系人\r\n"凌河, 建材",办公室\r\n\r\n=cmd(),门卫\r\n'


@pytest.mark.parametrize(("encoding", "heading", "count"), [("utf-8-sig", "yes", 2), ("gb18030", "", 3)])
def test_a_list_of_enterprises_comes_back_with_a_link_on_each_line_and_is_kept_nowhere(
    office, encoding, heading, count
):  # fmt: skip
    office.sits("office").sends("/desk/surveys/_new", sure="yes", **NEW)
    file = office.api.client.post(
        "/desk/surveys/autumn", data={"agency": "tax", "heading": heading}, headers=OWN,
        files={"list": ("名单.csv", ENTERPRISES.encode(encoding))},
    )  # fmt: skip
    rows = list(csv.reader(StringIO(file.text.lstrip("\ufeff"))))
    assert (file.status_code, file.headers["cache-control"]) == (200, "private, no-store")
    assert [row[0] for row in rows] == ["企业", "凌河, 建材", "'=cmd()"], "a cell that would run is defused"
    assert (rows[0][2] == "link") is bool(heading)
    links = [row[2] for row in rows[bool(heading) :]]
    assert (len(links), len(set(links))) == (count, count)
    assert "办事速度" in office.get(links[0].removeprefix("http://testserver")).text
    assert "凌河" not in office.get("/desk/surveys/autumn").text + str(office.trail.kept)


@pytest.mark.parametrize(
    ("sent", "heading"), [(b"MZ" + bytes(99), ""), (b"\r\n \r\n", ""), (b"only a heading", "yes"), (b"x\n" * 2002, "")]
)
def test_a_list_that_is_none_makes_no_links(office, sent, heading):
    office.sits("office").sends("/desk/surveys/_new", sure="yes", **NEW)
    data = {"agency": "tax", "heading": heading, "count": "3"}
    answer = office.api.client.post("/desk/surveys/autumn", data=data, headers=OWN, files={"list": ("f", sent)})
    assert (answer.status_code, "名单读不出来" in answer.text) == (422, True)
    assert "survey.links" not in {entry.action for entry in office.trail.kept}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"campaign_id": "秋"}, "代号只能用小写字母"), ({"title_en": ""}, "请填写，最多 200 字"),
        ({"agencies": []}, "至少选择一个单位"), ({"agencies": ["nowhere"]}, "至少选择一个单位"),
        ({"opens_at": "soon"}, "请填写时间"), ({"closes_at": "2019-01-01T00:00"}, "结束必须晚于开始"),
        ({"level-1-zh": "", "level-1-en": ""}, "至少填写一道打分题"), ({"level-1-en": ""}, "请填写，最多 200 字"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_survey_is_said_and_nothing_typed_is_lost(office, changed, said):
    answer = office.sits("office").sends("/desk/surveys/_new", sure="yes", **(NEW | changed))
    assert (answer.status_code, said in answer.text) == (422, True)
    assert "涉企服务评议" in answer.text
    assert office.offices.surveys.listed() == []


def test_results_are_shown_after_the_end_and_never_of_fewer_than_the_minimum_group(office):
    asked = campaign(closes_at=utc_now() + timedelta(hours=1))
    office.stores.surveys.add(asked)
    level, text = asked.of_kind("level")[0].code, asked.of_kind("text")[0].code
    for answers in (4, 5):
        link = Link(asked.campaign_id, "tax" if answers == 5 else "market")
        tokens = [f"{link.agency}-{n}" for n in range(answers)]
        assert office.stores.surveys.issue(link, [hashed(token) for token in tokens])
        for token in tokens:
            said = Answer(levels={level: 5}, texts={text: f"words about {link.agency}"})
            assert office.stores.surveys.accept(hashed(token), said)
    path = f"/desk/surveys/{asked.campaign_id}"
    assert "words about" not in office.sits("supervisor").get(path).text
    office.stores.surveys._campaigns[asked.campaign_id] = campaign(closes_at=utc_now() - timedelta(seconds=1))
    page = office.get(path).text
    assert page.count("words about tax") == 5
    assert "100 %" in page
    assert "words about market" not in page
    assert page.count("少于 5 份，不显示") >= 2
    beside = page[page.index('id="beside"') : page.index("words about tax")]
    assert beside.count('class="interval"') == 1, "nothing is drawn of too few answers"


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_code_has_a_word_and_both_languages_have_the_same_keys(office, lang):
    texts = {lang: (OFFICES_LOCALE / lang / "LC_MESSAGES" / "messages.po").read_text("utf-8") for lang in ("zh", "en")}
    keys = {lang: re.findall(r'^msgid "(.+)"$', text, re.M) for lang, text in texts.items()}
    assert keys["zh"] == keys["en"]
    assert len(set(keys["zh"])) == len(keys["zh"])
    wanted = {f"rewards.{kind}.{c}" for c in DECISIONS for kind in ("act", "then", "done")}
    wanted |= {f"rewards.state.{state}" for state in TABLE}
    assert wanted <= set(keys[lang])
    _, path = office.proposed()
    for page in (
        office.sits("office", lang=lang).get("/desk/rewards"),
        office.get(path),
        office.get("/desk/rewards?state=paid"),
    ):
        assert not re.findall(r">\s*((?:rewards|offence|value|severity|intake|cashier|confirm)\.[a-z_.]+)", page.text)
