"""Open311 GeoReport v2: what it shows and never shows, in both formats, after the specification's own examples."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copy
from xml.etree import ElementTree

import pytest

from services.complaints.domain.complaint import LIFE
from services.complaints.guessing import Limit
from services.complaints.open311.formats import errors, written
from services.complaints.open311.keys import Keys, give, keys_file, take_back
from services.complaints.open311.mapping import Wrong, filing, period, statuses
from services.complaints.open311.policy import load_open311
from services.contracts.codec import decode
from services.vault.keyring import Keyring
from tests.support.sources import T0, complaints_in_memory

POLICIES = Path(__file__).parents[3] / "policies"
V2 = "/open311/v2"
SECRETS = {"first_name": "三", "last_name": "张", "phone": "13800138000", "email": "zhang@example.org"}
DEVICE = {"device_id": "tt222111", "account_id": "account-77"}


def parsed(xml):
    return ElementTree.fromstring(xml)  # noqa: S314 — our own


@pytest.fixture
def policy():
    return load_open311(POLICIES)


@pytest.fixture
def complaints(tmp_path):
    for name in ("open311.yaml", "city.yaml"):
        copy(POLICIES / name, tmp_path)
    Keyring.create(tmp_path / "vault", tmp_path / "public", T0)
    return complaints_in_memory(tmp_path)


@pytest.fixture
def api(complaints):
    return complaints[0].client


@pytest.fixture
def key(complaints, tmp_path):
    return give(keys_file(tmp_path / "keys" / "signing.jwk"), "city-app")


@pytest.fixture
def post(api, key):
    def send(form="json", headers=None, **fields):
        return api.post(f"{V2}/requests.{form}", data={"api_key": key, **fields}, headers=headers)

    return send


# The specification's own examples


def test_services_in_xml_have_the_elements_of_the_specification(api):
    answer = api.get(f"{V2}/services.xml")
    assert answer.headers["content-type"] == "text/xml; charset=utf-8"
    assert answer.text.startswith("<?xml version='1.0' encoding='utf-8'?>")
    root = parsed(answer.content)
    assert root.tag == "services"
    assert {s.tag for s in root} == {"service"}
    wanted = ["service_code", "service_name", "description", "metadata", "type", "keywords", "group"]
    assert [element.tag for element in root[0]] == wanted
    assert root[0].findtext("metadata") == "true"


def test_a_service_definition_has_the_form_of_the_specification_in_both_formats(api):
    found = api.get(f"{V2}/services/delay.json").json()
    (attribute,) = found["attributes"]
    assert found["service_code"] == "delay"
    assert (attribute["variable"], attribute["datatype"], attribute["order"]) == (True, "singlevaluelist", 1)
    assert {"key": "tax", "name": "税务局"} in attribute["values"]
    root = parsed(api.get(f"{V2}/services/delay.xml").content)
    assert root.find("attributes/attribute/values/value/key").text == attribute["values"][0]["key"]


def test_an_item_knows_its_agency_and_asks_nothing(api):
    listed = {s["service_code"]: s for s in api.get(f"{V2}/services.json").json()}
    assert listed["construction-permit"]["metadata"] is False
    assert listed["delay"]["metadata"] is True
    assert api.get(f"{V2}/services/construction-permit.json").json()["attributes"] == []


def test_an_error_is_written_as_in_the_specification():
    assert json.loads(written("errors", errors(403, "Invalid api_key"), "json")) == [
        {"code": 403, "description": "Invalid api_key"}
    ]
    root = parsed(written("errors", errors(403, "Invalid api_key"), "xml"))
    assert [(e.findtext("code"), e.findtext("description")) for e in root.findall("error")] == [
        ("403", "Invalid api_key")
    ]


def test_discovery_names_the_endpoint_and_both_formats(api):
    found = api.get("/open311/discovery.json").json()
    assert found["endpoints"][0]["url"].endswith(V2)
    root = parsed(api.get("/open311/discovery.xml").content)
    assert [f.text for f in root.findall("endpoints/endpoint/formats/format")] == ["text/xml", "application/json"]


def test_words_that_xml_cannot_write_do_not_break_the_answer():
    assert parsed(written("errors", errors(400, "a\x00b<&\ud800"), "xml"))[0][1].text == "ab<&"


# Keys and errors


@pytest.mark.parametrize("form", ["json", "xml"])
@pytest.mark.parametrize("fields", [{}, {"api_key": "xyz"}])
def test_without_a_key_of_the_city_nothing_is_filed(api, complaints, form, fields):
    answer = api.post(f"{V2}/requests.{form}", data={"service_code": "delay", **fields})
    assert answer.status_code == 403
    assert "api_key" in answer.text
    assert not complaints[1].published


def test_a_key_taken_back_is_good_no_longer(tmp_path):
    file = tmp_path / "open311.json"
    key = give(file, "city-app")
    assert Keys(file).holder(key) == "city-app"
    assert key not in file.read_text()
    assert take_back(file, "city-app")
    assert Keys(file).holder(key) is None
    with pytest.raises(ValueError, match="small letters"):
        give(file, "张三")


def test_guessing_keys_has_an_end(api):
    told = [api.post(f"{V2}/requests.json", data={"api_key": f"guess-{n}"}).status_code for n in range(25)]
    assert told[:20] == [403] * 20
    assert told[-1] == 429


def test_one_application_cannot_flood_the_office(tmp_path, monkeypatch):
    monkeypatch.setattr("services.complaints.api.FILINGS_PER_APPLICATION", Limit(burst=2, every=3600.0))
    copy(POLICIES / "open311.yaml", tmp_path)
    copy(POLICIES / "city.yaml", tmp_path)
    key = give(keys_file(tmp_path / "keys" / "signing.jwk"), "city-app")
    client = complaints_in_memory(tmp_path)[0].client
    fields = {"api_key": key, "service_code": "delay"}
    told = [client.post(f"{V2}/requests.json", data=fields) for _ in range(3)]
    assert [a.status_code for a in told] == [201, 201, 429]
    assert int(told[-1].headers["retry-after"]) > 1


def test_all_applications_together_cannot_flood_the_office_and_nobody_uses_up_anothers_share(tmp_path, monkeypatch):
    monkeypatch.setattr("services.complaints.api.FILINGS_PER_APPLICATION", Limit(burst=2, every=3600.0))
    monkeypatch.setattr("services.complaints.api.FILINGS_IN_ALL", Limit(burst=3, every=3600.0))
    for name in ("open311.yaml", "city.yaml"):
        copy(POLICIES / name, tmp_path)
    file = keys_file(tmp_path / "keys" / "signing.jwk")
    one, two = give(file, "city-app"), give(file, "map-app")
    client = complaints_in_memory(tmp_path)[0].client
    told = [client.post(f"{V2}/requests.xml", data={"api_key": key, "service_code": "delay"}).status_code
            for key in ("none", one, one, one, two, two)]  # fmt: skip
    assert told == [403, 201, 201, 429, 201, 429]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 400), ({"service_code": "no-such"}, 404), ({"service_code": "delay", "lat": "91", "long": "1"}, 400),
        ({"service_code": "delay", "lat": "nan", "long": "1"}, 400), ({"service_code": "delay", "lat": "41"}, 400),
        ({"service_code": "delay", "attribute[agency]": "nobody"}, 400),
        ({"service_code": "delay", "jurisdiction_id": "elsewhere"}, 404),
        ({"service_code": "delay", "description": "x" * 10_001}, 400),
    ],
)  # fmt: skip
def test_what_the_specification_does_not_allow_is_told_in_its_form(post, complaints, fields, status):
    answer = post(**fields)
    assert answer.status_code == status
    assert [e["code"] for e in answer.json()] == [status]
    assert not complaints[1].published


def test_a_body_of_another_kind_is_refused(api, key):
    assert api.post(f"{V2}/requests.json", json={"api_key": key}).status_code == 400
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert api.post(f"{V2}/requests.json", content=b"\xff=%ff", headers=form).status_code == 400


# Filing


def test_a_request_is_a_complaint_of_its_channel_and_who_filed_is_sealed(post, complaints):
    answer = post(
        service_code="arbitrary_charge", description="收费没有收据", lat="41.24512", long="119.40123",
        address_string="凌河路 3 号", **{"attribute[agency]": "tax"}, **SECRETS, **DEVICE,
    )  # fmt: skip
    assert answer.status_code == 201
    (told,) = answer.json()
    store = complaints[1]
    event = decode(store.published[0]).data
    assert (event.channel, event.offence, event.agency) == ("open311", "arbitrary_charge", "tax")
    assert (event.place, event.intake) == ("41.25,119.40", {"service_code": "arbitrary_charge"})
    (kept,) = store.waiting_identities()
    assert kept.case_id == told["service_request_id"]
    assert store.text(event.text_ref) == "收费没有收据\n\nlat: 41.24512\nlong: 119.40123\naddress: 凌河路 3 号"
    everything = repr(vars(store)) + b"".join(store.published).decode() + answer.text
    for canary in (*list(SECRETS.values())[2:], *DEVICE.values()):
        assert canary not in everything


def test_the_notice_has_the_receipt_code_in_the_language_asked_for(post, complaints):
    told = post(service_code="delay", headers={"Accept-Language": "en-GB"}).json()[0]["service_notice"]
    code = "".join(c for c in told if c.isdigit())
    assert complaints[1].by_receipt is not None
    assert len(code) >= 16
    assert "查询码" in post(service_code="delay").json()[0]["service_notice"]


def test_the_same_request_under_its_key_is_one_complaint_with_one_code(post, complaints):
    first = post(headers={"Idempotency-Key": "k"}, service_code="delay", description="慢")
    assert post(headers={"Idempotency-Key": "k"}, service_code="delay", description="慢").json() == first.json()
    assert post(headers={"Idempotency-Key": "k"}, service_code="delay", description="快").status_code == 400
    assert len(complaints[1].published) == 1


def test_nothing_is_refused_for_its_form_a_request_may_be_the_code_of_a_service_alone(post):
    assert post(service_code="other").status_code == 201


# What is shown


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


# Rules


def test_a_period_is_at_most_ninety_days_and_the_last_ninety_when_nobody_says():
    assert period("", "", T0) == (T0 - timedelta(days=90), T0)
    assert period("2026-01-01T00:00:00Z", "", T0) == (datetime(2026, 1, 1, tzinfo=UTC), T0)
    for start, end in (("2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z"), ("yesterday", ""), ("2026-01-01", "")):
        with pytest.raises(Wrong):
            period(start, end, T0)


def test_every_service_names_an_offence_or_an_item_that_exists(policy):
    assert {s.item for s in policy.services if s.item} == set(policy.items)
    assert {s.agency for s in policy.services if s.agency} <= set(policy.agencies)


def test_what_is_not_public_is_not_even_kept_beside_the_case(policy):
    place = {"lat": "41", "long": "119"}
    assert filing(policy, {"service_code": "delay", **place}).beside == {"service_code": "delay"}
    assert filing(policy, {"service_code": "city_service", **place}).beside == {"service_code": "city_service", **place}


@pytest.mark.parametrize(
    ("policy_text", "said"),
    [("services: [{code: a, zh: a, en: a, group: none_such}]", "there is no none_such"),
     ("items: [nothing]", "nothing"),
     ("services: [{code: a, zh: a, en: a, group: none_such, offence: theft}]", "theft")],
)  # fmt: skip
def test_a_policy_that_does_not_hold_together_says_where(tmp_path, policy_text, said):
    (tmp_path / "open311.yaml").write_text(policy_text)
    with pytest.raises(ValueError, match=said):
        load_open311(tmp_path)
