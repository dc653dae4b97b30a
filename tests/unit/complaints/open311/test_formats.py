"""What Open311 answers in both formats, after the specification's own examples."""

import json

from services.complaints.open311.formats import errors, written
from tests.unit.complaints.open311.conftest import V2, parsed


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
