"""Whole lives over HTTP, in memory: each step by the role that may take it, merged cases, suggestions, texts."""

import pytest

from services.complaints.memory import MemoryComplaints
from services.complaints.telling import Teller
from services.contracts.codec import decode
from services.shared.cases import WriteConflict
from tests.support.folding import POLICIES
from tests.support.sources import complaint_service, complaints_in_memory

EVIDENCE = {"evidence_refs": ["e-1"]}


@pytest.fixture
def complaints(tmp_path):
    (tmp_path / "complaints.yaml").write_bytes((POLICIES / "complaints.yaml").read_bytes())
    return complaints_in_memory(tmp_path)


@pytest.fixture
def api(complaints):
    return complaints[0]


@pytest.fixture
def store(complaints):
    return complaints[1]


def file(api, **fields):
    answer = api.post("/v1/cases", {"channel": "hotline", "agency": "tax", "offence": "extortion", **fields}, "clerk")
    assert answer.status_code == 201, answer.text
    return answer.json()["case_id"]


def does(api, case, command, role, body=None, agency=None, **headers):
    """The status after the command, which has to be taken."""
    answer = api.post(f"/v1/cases/{case}/{command}", body or {}, role, agency, **headers)
    assert answer.status_code == 200, answer.text
    return answer.json()["status"]


def taken(api, **fields):
    case = file(api, **fields)
    does(api, case, "accept", "clerk")
    does(api, case, "dispatch", "clerk", {"agency": "tax", "assisting": ["finance/budget"]})
    return case


def concluded(api, case, **fields):
    body = {"agency": "tax", "finding": "verified", "offence": "delay", **EVIDENCE, **fields}
    return does(api, case, "conclude", "agency", body, "tax")


def events(store, case):
    found = [decode(body) for body in store.published]
    return [event.type.removeprefix("complaint.").removesuffix(".v1") for event in found if event.subject == case]


def test_a_grave_complaint_to_the_very_end(api, store):
    case = taken(api)
    assert does(api, case, "sign-in", "agency", {"agency": "tax"}, "tax") == "signed"
    assert does(api, case, "advise", "agency", {"agency": "finance", "text": "账目有误"}, "finance") == "signed"
    pause = {"ground": "appraisal", "notice_ref": "n-1", "approved_by": "office-1"}
    assert does(api, case, "pause", "office", pause) == "paused"
    assert does(api, case, "resume", "office") == "signed"
    assert concluded(api, case, offence="extortion") == "awaiting_sign_off"
    assert does(api, case, "sign-off", "head", {"agency": "tax"}, "tax") == "concluded"
    assert does(api, case, "reply", "agency", {"agency": "tax", "text": "已查实"}, "tax") == "replied"
    rated = {"way": "telephone", "outcome": "rated", "satisfaction": 1}
    assert does(api, case, "call-back", "clerk", rated) == "redo"
    corrected = {"agency": "tax", "evidence_refs": ["refund-1"]}
    assert does(api, case, "correct", "agency", corrected, "tax") == "redo"
    assert concluded(api, case, finding="unfounded", evidence_refs=[]) == "awaiting_sign_off"
    assert does(api, case, "sign-off", "head", {"agency": "tax"}, "tax") == "concluded"
    assert does(api, case, "reply", "agency", {"agency": "tax"}, "tax") == "replied"
    assert does(api, case, "appeal", "clerk", {"ground": "facts", "text": "不服"}) == "appealed"
    assert does(api, case, "review", "office", {"outcome": "upheld"}) == "upheld"
    assert does(api, case, "close", "clerk") == "closed"
    assert len(events(store, case)) == 18
    log = b"".join(store.published).decode()
    assert not any(words in log for words in ("账目", "查实", "不服"))


def test_an_assisting_agency_reads_the_case_and_acts_for_itself_only(api):
    case = taken(api)
    assert api.get(f"/v1/cases/{case}", "agency", "finance").status_code == 200
    assert api.get(f"/v1/cases/{case}", "agency", "land").status_code == 403
    conclusion = {"agency": "tax", "finding": "unfounded"}
    assert api.post(f"/v1/cases/{case}/conclude", conclusion, "agency", "finance").status_code == 403
    own = {"agency": "finance", "finding": "unfounded"}
    assert api.post(f"/v1/cases/{case}/conclude", own, "agency", "finance").json()["type"].endswith("wrong-agency")


def test_the_head_of_another_agency_does_not_sign(api):
    case = taken(api)
    concluded(api, case, offence="extortion")
    assert api.post(f"/v1/cases/{case}/sign-off", {"agency": "tax"}, "head", "land").status_code == 403
    assert api.post(f"/v1/cases/{case}/sign-off", {"agency": "tax"}, "agency", "tax").status_code == 403


def test_a_refusal_is_appealed_and_overturned_by_the_office(api):
    case = file(api)
    assert does(api, case, "refuse", "clerk", {"reason": "in_litigation"}) == "refused"
    assert does(api, case, "appeal-refusal", "clerk", {"ground": "facts"}) == "refusal_appealed"
    assert does(api, case, "review-refusal", "office", {"outcome": "overturned"}) == "accepted"


def test_a_reason_is_kept_as_a_text_and_read_by_those_who_may(api, store):
    case = taken(api)
    does(api, case, "return", "agency", {"agency": "tax", "reason": "应由财政局李四办理"}, "tax")
    reason = decode(store.published[-1]).data.reason
    assert reason.startswith("text-")
    assert api.get(f"/v1/cases/{case}/texts/{reason}", "clerk").json() == {"text": "应由财政局李四办理"}
    other = file(api)
    assert api.get(f"/v1/cases/{other}/texts/{reason}", "clerk").status_code == 404
    assert api.get(f"/v1/cases/{case}/texts/{reason}", "agency", "land").status_code == 403


def test_complaints_about_one_matter_are_suggested_and_none_is_refused(api):
    first = file(api, item="business-licence", place="market-street")
    second = file(api, item="business-licence", place="market-street")
    third = file(api, item="business-licence")
    for other in ({"agency": "land"}, {"item": "food-licence"}, {"item": "business-licence", "place": "harbour"}):
        file(api, **other)
    found = api.get(f"/v1/cases/{second}/similar", "clerk").json()["items"]
    assert [(s["case_id"], s["agrees"]) for s in found] == [
        (first, ["agency", "item", "offence", "place"]), (third, ["agency", "item", "offence"]),
    ]  # fmt: skip
    assert api.get(f"/v1/cases/{second}/similar", "agency", "tax").status_code == 403
    assert api.get(f"/v1/cases/{file(api, agency=None)}/similar", "clerk").json() == {"items": []}


def test_all_that_were_merged_get_the_answer_also_those_merged_into_them_and_later(api, store):
    first, second, third, fourth = (file(api) for _ in range(4))
    assert does(api, third, "merge", "clerk", {"into": second}) == "merged"
    assert does(api, second, "merge", "clerk", {"into": first}) == "merged"
    does(api, first, "accept", "clerk")
    does(api, first, "dispatch", "clerk", {"agency": "tax"})
    concluded(api, first, finding="unfounded")
    does(api, first, "sign-off", "head", {"agency": "tax"}, "tax")
    does(api, first, "reply", "agency", {"agency": "tax", "text": "答复"}, "tax", Idempotency_Key="r-1")
    does(api, fourth, "merge", "clerk", {"into": first})
    replies = {e.subject: e.data for e in map(decode, store.published) if e.type == "complaint.replied.v1"}
    assert set(replies) == {first, second, third, fourth}
    assert {case: reply.lead for case, reply in replies.items()} == {
        first: None, second: first, third: second, fourth: first,
    }  # fmt: skip
    assert len({reply.text_ref for reply in replies.values()}) == 1
    published = len(store.published)
    does(api, first, "reply", "agency", {"agency": "tax", "text": "答复"}, "tax", Idempotency_Key="r-1")
    assert len(store.published) == published


class Dying(MemoryComplaints):
    """Whoever writes after the lead's reply is gone; `alive` again, it goes on."""

    alive = True

    def save(self, write):
        if not self.alive and write.before and write.before.case.status == "merged":
            raise ConnectionError("killed between two documents")
        super().save(write)


def test_an_answer_cut_short_between_two_documents_is_finished_by_the_same_request(tmp_path):
    api, store = complaints_in_memory(tmp_path, cases=Dying())
    first, second = file(api), file(api)
    does(api, second, "merge", "clerk", {"into": first})
    does(api, first, "accept", "clerk")
    does(api, first, "dispatch", "clerk", {"agency": "tax"})
    concluded(api, first)
    store.alive = False
    answer = api.post(f"/v1/cases/{first}/reply", {"agency": "tax"}, "agency", "tax", Idempotency_Key="r")
    assert answer.status_code == 500
    assert (store.load(first).case.status, store.load(second).case.status) == ("replied", "merged")
    store.alive = True
    assert does(api, first, "reply", "agency", {"agency": "tax"}, "tax", Idempotency_Key="r") == "replied"
    assert store.load(second).case.status == "replied"
    assert events(store, first).count("replied") == 1


def test_an_answer_cut_short_is_finished_by_nobody_asking_again(tmp_path):
    api, store = complaints_in_memory(tmp_path, cases=Dying())
    first, second, third = file(api), file(api), file(api)
    for case in (second, third):
        does(api, case, "merge", "clerk", {"into": first})
    does(api, first, "refuse", "clerk", {"reason": "in_litigation"})
    store.alive = False
    assert api.post(f"/v1/cases/{first}/reply", {}, "clerk").status_code == 500
    teller = Teller(store, complaint_service(store))
    assert (teller.turn(), teller.turn()) == (0, 0)  # the first turn only looks; the second finds the store away still
    assert [u.case_id for u in store.untold(9)] == [first]
    store.alive = True
    assert teller.turn() == 1
    assert [store.load(case).case.status for case in (second, third)] == ["replied", "replied"]
    assert store.untold(9) == []
    published = len(store.published)
    assert (teller.turn(), teller.turn(), len(store.published)) == (0, 0, published)


def test_a_merge_cut_short_before_the_answer_that_was_given_already_is_finished(tmp_path):
    api, store = complaints_in_memory(tmp_path, cases=Dying())
    first, second = file(api), file(api)
    does(api, first, "accept", "clerk")
    does(api, first, "dispatch", "clerk", {"agency": "tax"})
    concluded(api, first, finding="unfounded")
    does(api, first, "reply", "agency", {"agency": "tax"}, "tax")
    store.alive = False
    assert api.post(f"/v1/cases/{second}/merge", {"into": first}, "clerk").status_code == 500
    store.alive = True
    teller = Teller(store, complaint_service(store))
    assert (teller.turn(), teller.turn()) == (0, 1)
    assert store.load(second).case.status == "replied"


def test_an_answer_that_all_have_leaves_no_mark(api, store):
    first, second = file(api), file(api)
    does(api, second, "merge", "clerk", {"into": first})
    does(api, first, "refuse", "clerk", {"reason": "in_litigation"})
    does(api, first, "reply", "clerk")
    assert store.untold(9) == []


class Busy(MemoryComplaints):
    """Two other writers are first at a merged case."""

    losses = 2

    def save(self, write):
        if self.losses and write.before and write.before.case.status == "merged":
            self.losses -= 1
            raise WriteConflict(write.after.case_id)
        super().save(write)


def test_a_merged_case_that_others_write_is_answered_all_the_same(tmp_path):
    api, store = complaints_in_memory(tmp_path, cases=Busy())
    first, second = file(api), file(api)
    does(api, second, "merge", "clerk", {"into": first})
    does(api, first, "refuse", "clerk", {"reason": "in_litigation"})
    assert does(api, first, "reply", "clerk") == "refused"
    assert store.load(second).case.status == "replied"


def test_a_case_is_not_merged_into_a_later_or_an_unknown_one(api):
    first, second = file(api), file(api)
    for into, slug in ((second, "lead-case-later"), ("complaint-none", "no-lead-case")):
        answer = api.post(f"/v1/cases/{first}/merge", {"into": into}, "clerk")
        assert (answer.status_code, answer.json()["type"]) == (409, f"urn:duban:problem:{slug}")
