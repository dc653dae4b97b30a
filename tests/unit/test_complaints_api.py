"""Complaints over HTTP, in memory: answers, problem details, idempotency, receipts, imports."""

import pytest

from services.complaints.domain.receipt_code import holds
from services.contracts.codec import decode
from services.contracts.identifiers import case_id
from tests.support.sources import complaints_in_memory

PROBLEM = "application/problem+json"


@pytest.fixture
def complaints(tmp_path):
    return complaints_in_memory(tmp_path)


@pytest.fixture
def api(complaints):
    return complaints[0]


@pytest.fixture
def store(complaints):
    return complaints[1]


def filed(api, **headers):
    return api.post("/v1/cases", {"channel": "website", "agency": "tax"}, **headers).json()


def dispatched(api):
    case = filed(api)
    path = f"/v1/cases/{case['case_id']}"
    api.post(f"{path}/accept", {}, "clerk")
    api.post(f"{path}/dispatch", {"agency": "tax"}, "clerk")
    return path


def test_a_complaint_from_filing_to_reply(api, store):
    answer = api.post("/v1/cases", {"channel": "hotline", "agency": "tax", "offence": "delay"}, "clerk")
    assert answer.status_code == 201
    case = answer.json()
    assert (case["status"], case["version"], case["sequence"]) == ("filed", 1, 1)
    assert answer.headers["location"] == f"/v1/cases/{case['case_id']}"
    assert holds(case["receipt_code"])
    path = f"/v1/cases/{case['case_id']}"
    assert api.post(f"{path}/accept", {}, "clerk").json()["status"] == "accepted"
    assert api.post(f"{path}/dispatch", {"agency": "tax"}, "clerk").status_code == 200
    assert api.post(f"{path}/sign-in", {"agency": "tax"}, "agency", "tax").json()["status"] == "signed"
    assert api.post(f"{path}/respond", {"agency": "tax"}, "agency", "tax").json()["sequence"] == 5
    concluded = {"agency": "tax", "finding": "verified", "offence": "delay", "evidence_refs": ["log-1"]}
    assert api.post(f"{path}/conclude", concluded, "agency", "tax").status_code == 200
    done = api.post(f"{path}/reply", {"agency": "tax"}, "agency", "tax")
    assert done.json() == {"case_id": case["case_id"], "status": "replied", "version": 7, "sequence": 7}
    assert done.headers["etag"] == '"7"'
    events = [decode(body) for body in store.published]
    assert [e.sequence for e in events] == [1, 2, 3, 4, 5, 6, 7]
    assert len({e.id for e in events}) == 7
    assert {e.source for e in events} == {"/complaints"}
    history = api.get(path, "office").json()["history"]
    assert [step["type"] for step in history][:3] == ["complaint.filed.v1", "complaint.accepted.v1",
                                                      "complaint.dispatched.v1"]  # fmt: skip
    assert history[1]["by"] == "clerk-1"


def test_an_illegal_command_is_refused_with_what_is_allowed_and_changes_nothing(api, store):
    path = f"/v1/cases/{filed(api)['case_id']}"
    before = api.get(path, "office").json()
    refused = api.post(f"{path}/reply", {}, "clerk")
    assert refused.status_code == 409
    assert refused.headers["content-type"] == PROBLEM
    body = refused.json()
    assert body["type"] == "urn:duban:problem:illegal-transition"
    assert body["allowed"] == ["accept", "refuse", "merge", "ask", "supplement", "identify"]
    assert body["case_status"] == "filed"
    assert "reply" in body["detail"]
    assert api.get(path, "office").json() == before
    assert len(store.published) == 1


def test_another_agency_than_the_lead_may_not_conclude(api):
    path = dispatched(api)
    conclusion = {"agency": "land", "finding": "unfounded"}
    assert api.post(f"{path}/conclude", conclusion, "agency", "land").json()["title"] == "Outside your scope"
    assert api.post(f"{path}/conclude", conclusion, "agency", "tax").status_code == 403


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"channel": "pigeon"}, 422), ({}, 422), ({"channel": "website", "name": "张三"}, 422),
        ({"channel": "website", "place": "x" * 201}, 422), ([1], 422), ("x" * 70_000, 413),
        ({"channel": "website", "text": "a", "text_ref": "b"}, 422),
    ],
)  # fmt: skip
def test_a_body_that_is_none_is_answered_with_problem_details(api, body, status):
    answer = api.post("/v1/cases", body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == PROBLEM
    assert answer.json()["status"] == status


def test_what_is_no_json_no_route_or_no_case_is_a_problem_too(api):
    assert api.client.post("/v1/cases", content=b"{").status_code == 400
    assert api.post("/v1/cases/none/accept", {}, "clerk").status_code == 404
    for answer in (api.get("/v1/cases/none", "office"), api.get("/nowhere"), api.client.put("/v1/cases")):
        assert answer.headers["content-type"] == PROBLEM
    for version in (b"new", "²".encode("latin-1"), b"9" * 5000):
        headers = api.bearer("clerk") | {"If-Match": version}
        assert api.client.post("/v1/cases/none/accept", json={}, headers=headers).status_code == 422
    refusal = filed(api)["case_id"]
    assert api.post(f"/v1/cases/{refusal}/refuse", {"reason": "no_mood"}, "clerk").status_code == 422


def test_a_repeated_key_is_answered_with_the_first_result_and_another_body_is_refused(api, store):
    first = filed(api, Idempotency_Key="k-1")
    path = f"/v1/cases/{first['case_id']}"
    accept = api.post(f"{path}/accept", {}, "clerk", Idempotency_Key="k-2")
    again = api.post("/v1/cases", {"channel": "website", "agency": "tax"}, Idempotency_Key="k-1")
    assert again.status_code == 201
    assert again.json() == first
    assert again.headers["idempotency-replayed"] == "true"
    repeated = api.post(f"{path}/accept", {}, "clerk", Idempotency_Key="k-2")
    assert repeated.json() == accept.json()
    assert len(store.published) == 2
    other = api.post("/v1/cases", {"channel": "website"}, Idempotency_Key="k-1")
    assert (other.status_code, other.json()["type"]) == (422, "urn:duban:problem:key-reused")
    assert api.post(f"{path}/dispatch", {"agency": "tax"}, "clerk", Idempotency_Key="k-2").status_code == 422


def test_a_named_version_that_is_no_longer_there_is_told(api):
    path = f"/v1/cases/{filed(api)['case_id']}"
    assert api.post(f"{path}/accept", {}, "clerk", If_Match='"1"').status_code == 200
    stale = api.post(f"{path}/dispatch", {"agency": "tax"}, "clerk", If_Match='"1"')
    assert stale.status_code == 412
    assert stale.json()["version"] == 2


def test_the_text_is_kept_apart_from_the_log_and_the_code_is_kept_nowhere(api, store):
    letter = {"channel": "letter", "text": "局长索要好处"}
    case, again = (api.post("/v1/cases", letter, "clerk", Idempotency_Key="k").json() for _ in range(2))
    assert case == again
    other = letter | {"text": "别的"}
    assert api.post("/v1/cases", other, "clerk", Idempotency_Key="k").status_code == 422
    assert "好处".encode() not in b"".join(store.published)
    assert api.get(f"/v1/cases/{case['case_id']}/text", "clerk").json() == {"text": "局长索要好处"}
    assert case["receipt_code"] not in repr(store.extras) + repr(store.load(case["case_id"]))


def test_scopes_of_reading(api):
    path = dispatched(api)
    assert api.get(path, "agency", "tax").status_code == 200
    assert api.get(path, "agency", "land").status_code == 403
    assert api.get(path, "supervisor", group="unassigned").status_code == 200
    assert api.get(path, "supervisor", group="g9").status_code == 403


def lines(ref, *steps, first=1):
    return [
        {"source_ref": ref, "ordinal": ordinal, "command": command, "occurred_at": at, "data": data}
        for ordinal, (command, at, data) in enumerate(steps, start=first)
    ]


FILE = ("file", "2015-01-01T08:00:00Z", {"channel": "open311", "source_ref": "1"})
ACCEPT = ("accept", "2015-01-01T08:00:00Z", {})
DISPATCH = ("dispatch", "2015-01-02T08:00:00Z", {"agency": "PWD", "due_at": "2015-01-05T08:00:00Z"})
CONCLUDE = ("conclude", "2015-01-03T08:00:00Z", {"agency": "PWD", "finding": "verified"})


def imported(api, commands, timeline="boston-1"):
    return api.post("/v1/imports", {"timeline": timeline, "commands": commands}, "importer")


def test_an_import_is_recognised_when_it_comes_again_in_part_or_whole(api, store):
    assert imported(api, lines("1", FILE, ACCEPT)).json() == {"applied": 2, "repeated": 0, "refused": []}
    whole = lines("1", FILE, ACCEPT, DISPATCH, CONCLUDE)
    assert imported(api, whole).json() == {"applied": 2, "repeated": 2, "refused": []}
    assert imported(api, whole).json() == {"applied": 0, "repeated": 4, "refused": []}
    events = [decode(body) for body in store.published]
    assert [e.sequence for e in events] == [1, 2, 3, 4]
    assert {e.subject for e in events} == {case_id("complaint", "boston-1", "1")}
    assert store.load(events[0].subject).version == 2


def test_lines_that_do_not_fit_are_refused_one_by_one(api, store):
    bad = lines("2", FILE, ("reply", "2015-01-02T08:00:00Z", {}), ACCEPT)
    early = lines("3", FILE, ("accept", "2014-12-31T08:00:00Z", {}))
    gap = lines("4", ACCEPT, first=2)
    junk = lines("5", ("file", "2015-01-01T08:00:00Z", {"channel": "pigeon"}), ACCEPT) + lines(
        "6", ("fly", FILE[1], {})
    )
    answer = imported(api, bad + early + gap + junk + lines("7", FILE)).json()
    assert answer["applied"] == 3
    assert [(r["source_ref"], r["ordinal"]) for r in answer["refused"]] == [
        ("2", 2), ("2", 3), ("3", 2), ("4", 2), ("5", 1), ("5", 2), ("6", 1),
    ]  # fmt: skip
    assert "it accepts accept, refuse" in answer["refused"][0]["detail"]
    assert len(store.published) == 3


def test_an_importer_acts_on_other_timelines_only(api, store):
    assert imported(api, lines("1", FILE), timeline="live").status_code == 422
    assert api.post("/v1/cases", {"channel": "import"}, "importer").status_code == 403
    there = {"Duban_Timeline": "city-7", "Duban_Occurred_At": "2015-01-01T08:00:00Z"}
    body = {"channel": "import", "source_ref": "9"}
    case = api.post("/v1/cases", body, "importer", **there)
    assert case.json()["case_id"] == case_id("complaint", "city-7", "9")
    assert "receipt_code" not in case.json()
    assert decode(store.published[0]).time.year == 2015
    path = f"/v1/cases/{case.json()['case_id']}/accept"
    assert api.post(path, {}, "clerk").json()["type"] == "urn:duban:problem:other-timeline"
    assert api.post(path, {}, "clerk", **there).status_code == 403
    assert api.post(path, {}, "importer", Duban_Timeline="city-7").status_code == 422
    early = there | {"Duban_Occurred_At": "2014-01-01T08:00:00Z"}
    assert api.post(path, {}, "importer", **early).json()["type"] == "urn:duban:problem:out-of-order"
    assert api.post(path, {}, "importer", **there).status_code == 200
    assert api.post("/v1/cases", body, "importer", **there).status_code == 409


def test_ticks_are_taken_for_other_timelines(api, store):
    answer = api.post("/v1/ticks", {"timeline": "boston-1", "as_of": "2015-01-01T00:00:00Z"}, "importer")
    assert answer.status_code == 202
    assert store.ticks == [("boston-1", 1420070400_000_000)]
    assert api.post("/v1/ticks", {"timeline": "live", "as_of": "2015-01-01T00:00:00Z"}, "importer").status_code == 422
    assert api.post("/v1/ticks", {"timeline": "x", "as_of": "2015-01-01T00:00:00"}, "importer").status_code == 422


def test_a_decree_is_taken_from_the_office(api, store):
    decree = {"year": 2027, "version": "cn-2027", "holidays": ["2027-01-01"], "makeup_workdays": []}
    assert api.post("/v1/decrees", decree, "office").status_code == 202
    assert len(store.decrees) == 1
    assert api.post("/v1/decrees", {"year": 2027}, "office").status_code == 422
    assert api.post("/v1/decrees", decree, "importer").status_code == 403


def test_the_description_of_the_api_names_every_field(api):
    described = api.get("/openapi.json").json()
    assert "text" in described["components"]["schemas"]["FileComplaint"]["properties"]
    assert "/v1/cases/{case_id}/sign-in" in described["paths"]
