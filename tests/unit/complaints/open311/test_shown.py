"""What Open311 shows of requests, and what it never shows."""

import pytest

from services.complaints.domain.complaint import LIFE
from services.complaints.open311.mapping import statuses
from tests.unit.complaints.open311.conftest import SECRETS, V2, parsed


@pytest.fixture
def two(post):
    """The ids of a request that is public and of one that is not."""
    where = {"lat": "41.24512", "long": "119.40123", "address_string": "凌河路", "media_url": "https://example.org/1"}
    return [
        post(service_code=code, description=f"words of {code}", **where, **SECRETS).json()[0]["service_request_id"]
        for code in ("city_service", "delay")
    ]


def test_everybody_sees_the_requests_of_public_services_and_no_others(api, two):
    (found,) = api.get(f"{V2}/requests.json").json()
    assert (found["service_request_id"], found["status"], found["address"]) == (two[0], "open", "凌河路")
    assert found["description"].startswith("words of city_service")
    assert api.get(f"{V2}/requests.json?service_code=delay").json() == []
    assert api.get(f"{V2}/requests.json?status=closed").json() == []
    root = parsed(api.get(f"{V2}/requests.xml?status=open,closed").content)
    assert [r.findtext("service_request_id") for r in root.findall("request")] == [two[0]]


def test_of_a_request_that_is_not_public_its_id_shows_status_and_dates_alone(api, two):
    (found,) = api.get(f"{V2}/requests/{two[1]}.json").json()
    assert (found["status"], found["service_name"]) == ("open", "办事拖延")
    told = {"status", "status_notes", "service_name", "service_code", "service_request_id"}
    told |= {"requested_datetime", "updated_datetime"}
    assert {name for name, value in found.items() if value} == told
    both = api.get(f"{V2}/requests.json", params={"service_request_id": ",".join(two)}).json()
    assert {r["service_request_id"] for r in both} == set(two)


def test_no_answer_has_anything_of_a_person(api, two):
    seen = "".join(api.get(f"{V2}/requests{rest}").text for rest in (".json", ".xml", f"/{two[0]}.json"))
    assert not any(canary in seen for canary in (*list(SECRETS.values())[2:], "张三"))


def test_a_complaint_that_came_another_way_is_unknown_here(api, complaints):
    case = complaints[0].post("/v1/cases", {"channel": "website"}).json()["case_id"]
    for path in (f"requests/{case}.json", f"tokens/{case}.json", "requests/none.json"):
        assert api.get(f"{V2}/{path}").status_code == 404
    assert api.get(f"{V2}/requests.json", params={"service_request_id": case}).json() == []


def test_a_token_is_the_id_itself_as_every_service_is_realtime(api, two):
    assert api.get(f"{V2}/tokens/{two[0]}.json").json() == [{"service_request_id": two[0], "token": two[0]}]


def test_a_request_is_closed_when_it_is_answered_and_open_again_when_it_is_handled_again(complaints, api, two):
    caller, path = complaints[0], f"/v1/cases/{two[1]}"
    steps = [
        ("accept", {}, "clerk"), ("dispatch", {"agency": "tax"}, "clerk"),
        ("conclude", {"agency": "tax", "finding": "unfounded"}, "agency"), ("reply", {}, "clerk"),
        ("call-back", {"way": "telephone", "outcome": "rated", "satisfaction": 1}, "clerk"),
    ]  # fmt: skip
    seen = []
    for command, body, role in steps:
        done = caller.post(f"{path}/{command}", body, role, "tax" if role == "agency" else None)
        assert done.status_code == 200, done.text
        seen.append(api.get(f"{V2}/requests/{two[1]}.json").json()[0]["status"])
    assert seen == ["open", "open", "open", "closed", "open"]


def test_every_status_of_the_life_is_open_or_closed():
    assert set(statuses([])) == {status for status in LIFE.table if status != "new"} | {"closed"}
    assert set(statuses(["open"])).isdisjoint(statuses(["closed"]))
