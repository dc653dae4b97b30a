"""A request of Open311 is a complaint of its channel, and who filed it is sealed."""

from services.contracts.codec import decode
from tests.unit.complaints.open311.conftest import DEVICE, SECRETS


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
