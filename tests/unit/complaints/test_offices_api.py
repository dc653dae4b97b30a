"""Rewards, supervisors and surveys over HTTP, in memory: from a verified report to the cash, and who may not."""

import re
import shutil
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest

from services.complaints.offices import Offices, Stores, load_schedule
from services.complaints.rewards.domain.ledger import digest
from services.complaints.rewards.domain.reward import reward_id
from services.complaints.rewards.proposing import Proposer
from services.complaints.surveys.domain.campaign import Answer
from services.complaints.surveys.repository import Link
from services.complaints.surveys.service import hashed
from services.complaints.web.pages import SECURITY
from services.contracts.codec import decode
from services.shared.audit.trail import MemoryTrail
from services.shared.clock import utc_now
from tests.support.sources import complaints_in_memory
from tests.unit.complaints.test_surveys import campaign

OWN = {"Sec-Fetch-Site": "same-origin"}
WORTH = 200_000


class City:
    """The complaints service with its stores, its trail, and what runs beside the relay."""

    def __init__(self, folder):
        for name in ("complaints.yaml", "rewards.yaml", "surveys.yaml"):
            shutil.copy(f"policies/{name}", folder)
        (folder / "city.yaml").write_text("agencies: [{code: tax, zh: 税务局, en: Tax Bureau, group: g1}]\n", "utf-8")
        self.trail, self.stores = MemoryTrail(utc_now), Stores.in_memory()
        self.api, self.cases = complaints_in_memory(folder, trail=self.trail, stores=self.stores)
        self.offices = Offices.of(folder, self.cases, self.trail, self.stores, utc_now)
        rewards, schedule = self.stores.rewards, load_schedule(folder)
        self.propose = Proposer(self.cases, rewards, self.trail, schedule, utc_now).turn

    def filed(self, **more):
        body = {"channel": "website", "agency": "tax", "offence": "arbitrary_charge", "text": "收了不该收的钱", **more}
        answer = self.api.post("/v1/cases", body, "clerk")
        assert answer.status_code == 201, answer.text
        return answer.json()

    def do(self, case_id, command, body, role, agency=None):
        answer = self.api.post(f"/v1/cases/{case_id}/{command}", body, role, agency)
        assert answer.status_code == 200, answer.text

    def verified(self, finding="verified", **more):
        """A complaint whose finding the head has signed, and that was replied to."""
        case = self.filed(**more)
        case_id = case["case_id"]
        self.do(case_id, "accept", {}, "clerk")
        self.do(case_id, "dispatch", {"agency": "tax"}, "clerk")
        found = {"agency": "tax", "finding": finding, "offence": "arbitrary_charge", "evidence_refs": ["evidence-1"]}
        self.do(case_id, "conclude", found, "agency", "tax")
        self.do(case_id, "sign-off", {"agency": "tax"}, "head", "tax")
        assert self.propose() == 0, "nothing is proposed before the person has been answered"
        self.do(case_id, "reply", {"agency": "tax", "text": "已经退还"}, "agency", "tax")
        return case

    def granted(self, **more):
        case = self.verified(**more)
        assert self.propose() == 1
        path = f"/v1/rewards/{reward_id(case['case_id'])}"
        assert self.api.post(f"{path}/endorse", {}, "office").status_code == 200
        assert self.api.post(f"{path}/approve", {}, "leader").status_code == 200
        return case, path

    def inbox(self, case):
        """The browser of whoever holds the case's receipt code."""
        assert self.api.post("/v1/inbox/session", {"code": case["receipt_code"]}).status_code == 201

    def claim(self, **headers):
        return self.api.client.post("/v1/inbox/reward", headers=OWN | headers)

    def redeem(self, voucher, amount_fen=WORTH):
        body = {"voucher": voucher, "amount_fen": amount_fen}
        return self.api.post("/v1/rewards/redeem", body, "cashier")


@pytest.fixture
def city(tmp_path):
    return City(tmp_path)


# Rewards


def test_from_a_verified_report_to_the_cash(city):
    case, path = city.granted()
    city.inbox(case)
    offer = city.api.client.get("/v1/inbox/reward").json()
    assert (offer["status"], offer["amount_fen"]) == ("granted", WORTH)
    claimed = city.claim()
    assert claimed.status_code == 201
    voucher = claimed.json()["voucher"]
    assert re.fullmatch(r"([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}", voucher)
    paid = city.redeem(voucher.lower().replace("-", " "))
    assert paid.status_code == 200
    assert set(paid.json()) == {"entry_id", "amount_fen", "paid_at"}
    assert case["case_id"] not in paid.text
    assert reward_id(case["case_id"]) not in paid.text
    again = city.redeem(voucher)
    assert (again.status_code, again.json()["type"]) == (409, "urn:duban:problem:already-redeemed")
    ledger = city.api.get("/v1/rewards/ledger", "office").json()
    assert ledger["balances"] == {"expense": WORTH, "owed": 0, "cash": -WORTH}
    assert [booked["entry"]["kind"] for booked in ledger["entries"]] == ["granted", "paid"]
    assert city.api.get(path, "leader").json()["status"] == "paid"


def test_the_audit_trail_has_every_act_and_every_entry_by_its_digest(city):
    case, path = city.granted()
    city.inbox(case)
    city.redeem(city.claim().json()["voucher"])
    city.api.post(f"{path}/reverse", {}, "leader")
    acts = [(e.actor, e.action) for e in city.trail.kept if e.action.startswith("reward.")]
    assert acts == [
        ("policy", "reward.proposed"), ("office-1", "reward.endorsed"), ("leader-1", "reward.granted"),
        ("person", "reward.claimed"), ("cashier-1", "reward.paid"), ("leader-1", "reward.reversed"),
    ]  # fmt: skip
    kept = {e.subject: e.reason for e in city.trail.kept if e.action.startswith("ledger.")}
    assert kept == {entry.entry_id: digest(entry) for _, entry in city.stores.rewards.entries()}
    assert len(kept) == 3


def test_a_voucher_lies_nowhere_and_the_same_request_gives_it_again(city):
    case, path = city.granted()
    city.inbox(case)
    first, again = (city.claim(**{"Idempotency-Key": "one"}).json() for _ in range(2))
    assert first == again
    other = city.claim(**{"Idempotency-Key": "two"}).json()["voucher"]
    assert other != first["voucher"]
    gone = city.redeem(first["voucher"])
    assert (gone.status_code, gone.json()["type"]) == (404, "urn:duban:problem:no-voucher")
    kept = repr(city.stores.rewards.kept) + repr(city.trail.kept) + city.api.get(path, "office").text
    assert other.replace("-", "") not in kept.replace("-", "")
    assert city.redeem(other).status_code == 200


def test_a_wrong_amount_and_a_voucher_that_is_none_are_answered_alike(city):
    case, _ = city.granted()
    city.inbox(case)
    voucher = city.claim().json()["voucher"]
    wrong, none = city.redeem(voucher, WORTH + 1), city.redeem("0000-0000-0000-0000")
    assert (wrong.status_code, wrong.json()) == (none.status_code, none.json())
    assert wrong.status_code == 404
    for _ in range(30):
        last = city.redeem("0000-0000-0000-0000")
    assert last.status_code == 429


def test_what_was_only_proposed_is_not_told_to_the_person_nor_claimed(city):
    case = city.verified()
    assert city.propose() == 1
    assert city.propose() == 0
    city.inbox(case)
    assert city.api.client.get("/v1/inbox/reward").status_code == 404
    assert city.claim().status_code == 409


@pytest.mark.parametrize(
    "more", [{"finding": "unfounded"}, {"channel": "media", "intake": {"outlet": "tv-1", "published_on": "2026-03-02"}}]
)
def test_no_reward_for_what_was_unfounded_nor_for_who_only_passes_it_on(city, more):
    case = city.verified(**more)
    assert city.propose() == 0
    assert city.offices.rewards.of_case(case["case_id"]) is None
    assert city.claim().status_code == 401


def test_declined_and_withdrawn_with_a_listed_reason_only(city):
    _, path = city.granted()
    refused = city.api.post(f"{path}/withdraw", {"reason": "no wish"}, "leader")
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:duban:problem:unlisted-reason")
    assert city.api.post(f"{path}/withdraw", {"reason": "overturned"}, "leader").json()["status"] == "withdrawn"
    balances = city.api.get("/v1/rewards/ledger", "leader").json()["balances"]
    assert balances == {"expense": 0, "owed": 0, "cash": 0}
    early = city.api.post(f"{path}/lapse", {}, "office")
    assert (early.status_code, early.json()["type"]) == (409, "urn:duban:problem:illegal-transition")
    assert city.api.get("/v1/rewards/reward-none", "office").status_code == 404


def test_the_inbox_shows_the_reward_and_the_voucher_once(city):
    case, _ = city.granted()
    city.inbox(case)
    page = city.api.client.get("/inbox").text
    assert "奖励 2,000 元" in page
    fields = {n: unescape(v) for n, v in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page)}
    foreign = city.api.client.post("/inbox/reward", data=fields | {"token": "0" * 32}, headers=OWN)
    assert foreign.status_code == 400
    shown = city.api.client.post("/inbox/reward?lang=en", data=fields, headers=OWN)
    assert shown.headers["cache-control"] == SECURITY["Cache-Control"]
    voucher = re.sub(r"<[^>]+>", "", re.search(r'id="voucher-code"[^>]*>(.*?)</p>', shown.text)[1])
    assert "For 2,000 yuan" in shown.text
    assert voucher not in city.api.client.get("/inbox").text
    assert city.redeem(voucher).status_code == 200
    assert "已兑付" in city.api.client.get("/inbox").text


# Supervisors


def appoint(city, code="monitor-1", days=30, **more):
    today = datetime.now(UTC).date()
    body = {"body": "cppcc", "group": "g1", "from_on": str(today - timedelta(days=60)), **more}
    return city.api.post(f"/v1/supervisors/{code}/terms", body | {"to_on": str(today + timedelta(days=days))}, "office")


def report(city, role="monitor", code="monitor-1", **headers):
    body = {"channel": "supervisor", "agency": "tax", "text": "窗口无人", "intake": {"supervisor": code}}
    return city.api.post("/v1/cases", body, role, **headers)


def test_a_supervisor_in_office_reports_with_clocks_of_their_own_and_reads_the_answer(city):
    assert appoint(city).status_code == 200
    case = report(city).json()
    filed = decode(city.cases.published[-1]).data
    assert filed.procedure == "complaint-supervisor"
    assert {name: filed.intake[name] for name in ("supervisor", "body", "group")} == {
        "supervisor": "monitor-1", "body": "cppcc", "group": "g1",
    }  # fmt: skip
    city.filed()
    city.do(case["case_id"], "accept", {}, "clerk")
    city.do(case["case_id"], "dispatch", {"agency": "tax"}, "clerk")
    found = {"agency": "tax", "finding": "unfounded", "offence": "delay"}
    city.do(case["case_id"], "conclude", found, "agency", "tax")
    city.do(case["case_id"], "reply", {"agency": "tax", "text": "已经调整值班"}, "agency", "tax")
    (own,) = city.api.get("/v1/supervisors/reports", "monitor").json()["items"]
    assert (own["case_id"], own["status"], own["about"]) == (case["case_id"], "replied", "tax")
    assert [answer["text"] for answer in own["answers"]] == ["已经调整值班"]


@pytest.mark.parametrize("days", [None, -1])
def test_nobody_reports_as_a_supervisor_out_of_office(city, days):
    if days is not None:
        appoint(city, days=days)
    refused = report(city)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:duban:problem:no-active-term")
    assert not city.cases.published


def test_nobody_reports_in_a_supervisors_name_but_a_clerk_who_takes_it_down(city):
    appoint(city, "npc-7")
    refused = report(city, "monitor", "npc-7")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:duban:problem:not-yours")
    for role in (None, "agency"):
        refused = report(city, role, "npc-7")
        assert (refused.status_code, refused.json()["type"]) == (403, "urn:duban:problem:not-your-channel"), role
    assert report(city, "clerk", "npc-7").status_code == 201


def test_a_report_sent_again_after_the_term_is_the_one_of_before(city):
    appoint(city)
    first = report(city, idempotency_key="k1")
    yesterday = str(datetime.now(UTC).date() - timedelta(days=2))
    assert city.api.post("/v1/supervisors/monitor-1/end", {"last_on": yesterday}, "office").status_code == 200
    again = report(city, idempotency_key="k1")
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert report(city, idempotency_key="k2").status_code == 409


def test_the_register_is_on_the_trail_and_takes_no_person(city):
    appoint(city)
    assert [(e.actor, e.action, e.subject) for e in city.trail.kept] == [
        ("office-1", "supervisor.appointed", "monitor-1")
    ]  # fmt: skip
    assert appoint(city, name="张三").status_code == 422
    assert appoint(city, "张三").status_code == 422
    assert appoint(city, days=10).status_code == 409
    (listed,) = city.api.get("/v1/supervisors", "clerk").json()["items"]
    assert (listed["code"], listed["body"], len(listed["terms"])) == ("monitor-1", "cppcc", 1)


# Surveys


def started(city, **changes):
    now = datetime.now(UTC)
    body = {
        "campaign_id": "spring", "title": {"zh": "涉企服务评议", "en": "Service to enterprises"}, "agencies": ["tax"],
        "questions": [
            {"code": "speed", "kind": "level", "words": {"zh": "办事快不快", "en": "How fast is it"}},
            {"code": "more", "kind": "text", "words": {"zh": "还想说什么", "en": "Anything else"}},
        ],
        "opens_at": (now - timedelta(days=1)).isoformat(), "closes_at": (now + timedelta(days=1)).isoformat(),
    }  # fmt: skip
    return city.api.post("/v1/surveys", body | changes, "office")


def links(city, count):
    answer = city.api.post("/v1/surveys/spring/links", {"agency": "tax", "count": count}, "office")
    assert answer.status_code == 201, answer.text
    return answer.json()["links"]


def test_a_link_is_answered_once_and_counts(city):
    assert started(city).status_code == 201
    one, two = links(city, 2)
    page = city.api.client.get(one)
    for said in ("税务局", "涉企服务评议", "办事快不快", "非常满意"):
        assert said in page.text
    sent = city.api.client.post(one, data={"speed": "4", "more": " 快一点 "}, headers=OWN, follow_redirects=False)
    assert (sent.status_code, sent.headers["location"]) == (303, "/survey/done")
    assert "set-cookie" not in sent.headers
    for method in ("GET", "POST"):
        assert city.api.client.request(method, one, headers=OWN).status_code == 404
    assert city.api.client.get(two).status_code == 200
    (sheet,) = city.stores.surveys.sheets.values()
    assert (sheet["counts"], sheet["texts"]) == ({"speed": {"4": 1}}, {"more": ["快一点"]})
    assert sheet["open"] == [hashed(two.rpartition("/")[2])]


def test_an_answer_that_does_not_fit_keeps_the_link_and_what_was_written(city):
    started(city)
    (link,) = links(city, 1)
    empty = city.api.client.post(f"{link}?lang=en", data={}, headers=OWN)
    assert empty.status_code == 422
    assert "Answer at least one question" in empty.text
    long = city.api.client.post(link, data={"speed": "2", "more": "长" * 501}, headers=OWN)
    assert long.status_code == 422
    assert ('href="#more"' in long.text, "长" * 501 in long.text) == (True, True)
    assert re.search(r'value="2" checked', long.text)
    assert city.api.client.post(link, data={"speed": "2"}, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 400
    assert city.api.client.post(link, data={"speed": "2"}, headers=OWN).status_code == 200


def test_results_come_after_the_end_and_never_of_a_few(city):
    started(city)
    early = city.api.get("/v1/surveys/spring/results", "office")
    assert (early.status_code, early.json()["type"]) == (409, "urn:duban:problem:not-closed")
    long_ago = datetime(2020, 3, 2, tzinfo=UTC)
    over = campaign(
        campaign_id="winter", agencies=("tax", "finance"), opens_at=long_ago, closes_at=long_ago + timedelta(days=30)
    )  # fmt: skip
    city.stores.surveys.add(over)
    for agency, count in (("tax", 6), ("finance", 4)):
        tokens = [f"{agency}-{n}" for n in range(count)]
        city.stores.surveys.issue(Link("winter", agency), [hashed(token) for token in tokens])
        for token in tokens:
            city.stores.surveys.accept(hashed(token), Answer(levels={"speed": 5}))
    found = city.api.get("/v1/surveys/winter/results", "supervisor", group="g1")
    finance, tax = found.json()["items"]
    assert finance["levels"][0] == {"question": "speed", "answers": None, "counts": None, "satisfied": None}
    assert tax["levels"][0]["counts"] == {"1": 0, "2": 0, "3": 0, "4": 0, "5": 6}
    assert tax["levels"][0]["satisfied"]["low"] == pytest.approx(0.6097, abs=1e-4)


def test_no_survey_about_an_agency_that_the_city_does_not_have(city):
    unknown = started(city, agencies=["moon"])
    assert (unknown.status_code, unknown.json()["type"]) == (422, "urn:duban:problem:invalid")
    assert started(city).status_code == 201
    assert started(city).json()["type"] == "urn:duban:problem:name-taken"
    assert started(city, campaign_id="x", questions=[]).status_code == 422
    other = city.api.post("/v1/surveys/spring/links", {"agency": "moon", "count": 1}, "office")
    assert other.status_code == 422
    assert city.api.post("/v1/surveys/none/links", {"agency": "tax", "count": 1}, "office").status_code == 404


def test_outside_its_time_a_survey_says_so(city):
    started(city, opens_at=(datetime.now(UTC) + timedelta(hours=1)).isoformat())
    (link,) = links(city, 1)
    page = city.api.client.get(link)
    assert page.status_code == 410
    assert "调查不在进行中" in page.text
