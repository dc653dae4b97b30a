"""Open311 GeoReport v2 on a real server and store: filed, found by id, service and date, in both formats."""

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import httpx
import pytest
from bson import ObjectId
from pymongo import MongoClient

from services.complaints.open311.keys import give, keys_file, take_back
from services.complaints.open311.mapping import MOST_REQUESTS, w3c
from services.contracts.identifiers import new_id
from services.contracts.instants import to_micros
from tests.support.processes_of_sources import bearer, running

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]
V2 = "/open311/v2"
PUBLIC, NOT_PUBLIC = "city_service", "delay"
WHERE = {"lat": "41.24512", "long": "119.40123", "address_string": "凌河路 3 号"}
LONG_AGO = datetime(2001, 3, 1, 8, tzinfo=UTC)  # a month in which nobody else of this run has filed anything


@pytest.fixture(scope="module")
def complaints(infra):
    with running(infra, "complaints", "serve") as process:
        yield process


@pytest.fixture(scope="module")
def city(complaints):
    with httpx.Client(base_url=complaints.url, timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def documents(infra):
    with MongoClient(infra.mongo) as client:
        yield client.duban_complaints.complaints


@pytest.fixture(scope="module")
def key(infra):
    return give(keys_file(infra.plan.signing_key_file), "map-app")


@pytest.fixture(scope="module")
def file(city, key):
    def filed(code=PUBLIC, headers=None, **fields):
        sent = {"api_key": key, "service_code": code, **fields}
        answer = city.post(f"{V2}/requests.json", data=sent, headers=headers)
        assert answer.status_code == 201, answer.text
        return answer.json()[0]["service_request_id"]

    return filed


def found(city, form="json", **asked):
    """What GET requests answers, each as a dictionary of texts."""
    answer = city.get(f"{V2}/requests.{form}", params=asked)
    assert answer.status_code == 200, answer.text
    if form == "json":
        return answer.json()
    root = ElementTree.fromstring(answer.content)  # noqa: S314 — our own
    return [{element.tag: element.text or "" for element in request} for request in root]


def ids(requests):
    return [request["service_request_id"] for request in requests]


def day(number):
    return LONG_AGO + timedelta(days=number)


@pytest.fixture(scope="module")
def a_month(file, documents):
    """One public request a day, for thirty days."""
    filed = [file(description=f"第{number}天：路灯不亮", **WHERE) for number in range(30)]
    for number, case in enumerate(filed):
        assert documents.update_one({"_id": case}, {"$set": {"filed_at": to_micros(day(number))}}).modified_count
    return filed


@pytest.mark.parametrize("form", ["json", "xml"])
def test_a_month_is_read_week_by_week_without_loss_or_repetition(city, a_month, form):
    weeks = [(number, min(number + 6, 29)) for number in range(0, 30, 7)]
    pages = [found(city, form, start_date=w3c(day(first)), end_date=w3c(day(last))) for first, last in weeks]
    assert [len(page) for page in pages] == [7, 7, 7, 7, 2]
    assert [case for page in pages for case in reversed(ids(page))] == a_month, "within a page the newest is first"
    assert pages[0][-1]["description"].startswith("第0天：路灯不亮")
    assert pages[0][-1]["requested_datetime"] == "2001-03-01T08:00:00Z"
    assert (pages[0][-1]["address"], pages[0][-1]["lat"]) == ("凌河路 3 号", "41.24512")


def test_both_formats_say_the_same(city, a_month):
    span = {"start_date": w3c(day(0)), "end_date": w3c(day(29))}
    assert found(city, "json", **span) == found(city, "xml", **span)


def test_of_more_than_a_page_holds_the_rest_follows_by_date(city, file, documents):
    of = documents.find_one({"_id": file()})
    first, count = LONG_AGO - timedelta(days=40), MOST_REQUESTS + 25
    lot = [
        {**{k: v for k, v in of.items() if k not in ("receipt", "sealed", "pending", "outbox")},
         "_id": f"complaint-copy-{ObjectId()}", "filed_at": to_micros(first + timedelta(minutes=number))}
        for number in range(count)
    ]  # fmt: skip
    documents.insert_many(lot)
    try:
        page = found(city, start_date=w3c(first), end_date=w3c(first + timedelta(days=1)))
        assert ids(page) == [d["_id"] for d in reversed(lot)][:MOST_REQUESTS]
        rest = found(city, start_date=w3c(first), end_date=page[-1]["requested_datetime"])
        assert ids(rest)[0] == ids(page)[-1], "the last of a page is where the next one begins"
        assert len({*ids(page), *ids(rest)}) == count
    finally:
        documents.delete_many({"_id": {"$in": [d["_id"] for d in lot]}})


def test_what_is_not_public_is_found_by_its_id_alone_and_says_nothing(city, file):
    case = file(NOT_PUBLIC, description="窗口不办", **WHERE)
    assert case not in ids(found(city, service_code=NOT_PUBLIC))
    assert case not in ids(found(city))
    (told,) = found(city, service_request_id=case)
    assert (told["status"], told["description"], told["address"], told["lat"]) == ("open", "", "", "")


def test_several_ids_and_several_services_at_once(city, file):
    three = [file(description=f"第{number}盏灯") for number in range(3)]
    told = found(city, service_request_id=",".join(three))
    assert {r["service_request_id"]: r["description"] for r in told} == {
        case: f"第{number}盏灯" for number, case in enumerate(three)
    }
    assert set(three) <= set(ids(found(city, service_code=f"{PUBLIC},{NOT_PUBLIC}")))


def test_open_and_closed_follow_the_case_through_the_store(infra, city, file):
    case = file(description="路面塌陷")
    steps = [
        ("accept", {}, "clerk", None), ("dispatch", {"agency": "housing"}, "clerk", None),
        ("conclude", {"agency": "housing", "finding": "unfounded", "offence": "service_request"}, "agency", "housing"),
        ("reply", {"agency": "housing"}, "agency", "housing"),
    ]  # fmt: skip
    assert case in ids(found(city, status="open"))
    for command, body, role, agency in steps:
        done = city.post(f"/v1/cases/{case}/{command}", json=body, headers=bearer(infra, role, agency))
        assert done.status_code == 200, done.text
    assert case in ids(found(city, status="closed"))
    assert case not in ids(found(city, status="open"))
    (told,) = found(city, service_request_id=case)
    assert told["agency_responsible"] == "住房和城乡建设局"


def test_sent_again_under_its_key_it_is_one_request_with_one_code(city, key, documents):
    headers = {"Idempotency-Key": new_id()}
    sent = {"api_key": key, "service_code": PUBLIC, "description": "井盖丢失"}
    first, again = (city.post(f"{V2}/requests.xml", data=sent, headers=headers) for _ in range(2))
    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    case = ElementTree.fromstring(first.content)[0].findtext("service_request_id")  # noqa: S314 — our own
    assert documents.count_documents({"_id": case}) == 1


def test_a_key_taken_back_while_the_server_runs_is_good_no_longer(infra, city):
    path = keys_file(infra.plan.signing_key_file)
    short = give(path, "short-lived-app")
    sent = {"api_key": short, "service_code": PUBLIC}
    assert city.post(f"{V2}/requests.json", data=sent).status_code == 201
    assert take_back(path, "short-lived-app")
    assert city.post(f"{V2}/requests.json", data=sent).status_code == 403
