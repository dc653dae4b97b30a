"""Keys of applications, limits on filing, and errors in the form of the specification."""

from shutil import copy

import pytest

from services.complaints.open311.keys import Keys, give, keys_file, take_back
from services.shared.guessing import Limit
from tests.support.sources import complaints_in_memory
from tests.unit.complaints.open311.conftest import POLICIES, V2


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
