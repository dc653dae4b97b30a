"""Approvals, inspections and directives over HTTP, in memory: the catalogue at the edge, and their own rules."""

import pytest

from services.contracts.codec import decode
from tests.support.sources import in_memory

DAYS = {"unit": "working_days"}
ITEM = {
    "agency": "market", "section": "food", "version": "2026.1", "zh": "食品经营许可",
    "statutory_limit": {"amount": 20, **DAYS}, "promised_limit": {"amount": 10, **DAYS},
    "stages": [{"code": "survey", "limit": {"amount": 5, **DAYS}}],
}  # fmt: skip


@pytest.fixture
def approvals(tmp_path):
    return in_memory("approvals", tmp_path)


def apply(api, **more):
    return api.post("/v1/cases", {"item": "food", "agency": "market", **more}, "window", "market").json()["case_id"]


def put(api, item, role="office", **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return api.client.put("/v1/items/food", json=item, headers=api.bearer(role) | named)


def data_of(store):
    return [decode(body).data for body in store.published]


def test_what_the_catalogue_says_that_day_is_written_into_the_events_and_stays(approvals):
    api, store = approvals
    assert put(api, ITEM).status_code == 201
    case = f"/v1/cases/{apply(api)}"
    assert put(api, ITEM | {"version": "2026.2", "promised_limit": {"amount": 1, **DAYS}}).status_code == 200
    api.post(f"{case}/accept", {"agency": "market"}, "agency", "market")
    api.post(f"{case}/start-stage", {"agency": "market", "stage": "survey"}, "agency", "market")
    applied, accepted, started = data_of(store)
    assert (applied.section, applied.item_version) == ("food", "2026.1")
    assert (accepted.promised_limit.amount, accepted.statutory_limit.amount) == (10, 20)
    assert started.limit.amount == 5


def test_an_item_that_is_not_in_the_catalogue_has_no_limits_and_given_ones_win(approvals):
    api, store = approvals
    case = f"/v1/cases/{apply(api)}"
    limit = {"amount": 7, "unit": "hours"}
    api.post(f"{case}/accept", {"agency": "market", "promised_limit": limit}, "agency", "market")
    due = {"agency": "market", "stage": "survey", "due_at": "2027-01-01T00:00:00Z"}
    api.post(f"{case}/start-stage", due, "agency", "market")
    _, accepted, started = data_of(store)
    assert (accepted.statutory_limit, accepted.promised_limit.unit, started.limit) == (None, "hours", None)


def test_the_catalogue_keeps_its_versions_and_publishing_again_changes_nothing(approvals):
    api, _ = approvals
    assert api.get("/v1/items/food").status_code == 404
    assert put(api, ITEM, If_Match='"1"').status_code == 412
    assert put(api, ITEM).headers["etag"] == '"1"'
    again = put(api, ITEM)
    assert (again.status_code, again.headers["etag"]) == (200, '"1"')
    changed = put(api, ITEM | {"fee": 100})
    assert (changed.status_code, changed.json()["type"]) == (409, "urn:duban:problem:version-taken")
    assert put(api, ITEM | {"fee": 100, "version": "2026.2"}, If_Match='"1"').status_code == 200
    found = api.get("/v1/items/food").json()
    assert (found["version"], found["fee"], found["earlier_versions"], found["revision"]) == (
        "2026.2", 100, ["2026.1"], 2,
    )  # fmt: skip
    assert put(api, {"agency": "market"}).status_code == 422


def test_an_import_resolves_items_too(approvals):
    api, store = approvals
    put(api, ITEM)
    at = "2015-01-01T00:00:00Z"
    lines = [
        {"source_ref": "1", "ordinal": n, "command": command, "occurred_at": at, "data": data}
        for n, (command, data) in enumerate(
            [("apply", {"item": "food", "agency": "market"}), ("accept", {"agency": "market"})], start=1
        )
    ]
    assert api.post("/v1/imports", {"timeline": "t", "commands": lines}, "importer").json()["applied"] == 2
    assert data_of(store)[1].promised_limit.amount == 10


def test_another_agency_neither_acts_nor_reads(approvals):
    api, _ = approvals
    case = f"/v1/cases/{apply(api)}"
    assert api.post(f"{case}/accept", {"agency": "market"}, "agency", "tax").status_code == 403
    assert api.post(f"{case}/accept", {"agency": "tax"}, "agency", "tax").status_code == 403
    assert api.get(case, "window", "tax").status_code == 403
    assert api.post("/v1/cases", {"item": "food", "agency": "tax"}, "window", "market").status_code == 403


def test_a_directive_is_issued_reported_rejected_and_verified(tmp_path):
    api, store = in_memory("directives", tmp_path)
    order = {"agency": "tax", "kind": "rectification", "limit": {"amount": 10}}
    case = f"/v1/cases/{api.post('/v1/cases', order, 'office').json()['case_id']}"
    assert api.post(f"{case}/report", {"agency": "tax"}, "agency", "land").status_code == 403
    report = {"agency": "tax", "evidence_refs": ["doc-1"]}
    assert api.post(f"{case}/report", report, "agency", "tax").status_code == 200
    again = {"agency": "tax", "accepted": False, "due_at": "2000-01-01T00:00:00Z"}
    passed = api.post(f"{case}/verify", again, "office")
    assert (passed.status_code, passed.json()["type"]) == (422, "urn:duban:problem:invalid")
    rejected = api.post(f"{case}/verify", {"agency": "tax", "accepted": False, "limit": {"amount": 3}}, "office")
    assert rejected.json()["status"] == "issued"
    api.post(f"{case}/report", report, "agency", "tax")
    assert api.post(f"{case}/verify", {"agency": "tax", "accepted": True}, "office").json()["status"] == "verified"
    assert len(store.published) == 5


def test_a_visit_and_its_findings_are_not_for_the_agency(tmp_path):
    api, _ = in_memory("inspections", tmp_path)
    case = f"/v1/cases/{api.post('/v1/cases', {'agency': 'tax', 'covert': True}, 'inspector').json()['case_id']}"
    found = {"agency": "tax", "finding_id": "f-1", "offence": "extortion", "severity": "red"}
    assert api.post(f"{case}/find", found, "inspector").status_code == 200
    assert api.post(f"{case}/find", found, "inspector").json()["type"] == "urn:duban:problem:finding-known"
    assert api.get(case, "agency", "tax").status_code == 403
    assert api.post(f"{case}/close", {"agency": "tax"}, "inspector").json()["status"] == "closed"
