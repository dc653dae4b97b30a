"""Evidence over HTTP: sent, limited, scanned, given out as a download only."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.complaints.attachments import service
from services.complaints.attachments.store import Store
from tests.support.files import EICAR, REFUSED, TAKEN, scan_hook
from tests.support.sources import complaints_in_memory


@pytest.fixture
def api(tmp_path):
    return complaints_in_memory(tmp_path)[0]


def case_of(api):
    return f"/v1/cases/{api.post('/v1/cases', {'channel': 'website', 'agency': 'tax'}).json()['case_id']}"


def send(api, path, content, role="clerk"):
    return api.client.post(f"{path}/evidence", content=content, headers=api.bearer(role))


def test_evidence_is_kept_sealed_and_given_out_as_a_download_only(api, tmp_path):
    path = case_of(api)
    sent = send(api, path, TAKEN["txt"])
    assert sent.status_code == 201
    evidence = sent.json()
    assert (evidence["verdict"], evidence["cleaned"], evidence["by"]) == ("unscanned", True, "clerk-1")
    kept = [file for file in (tmp_path / "attachments").rglob("*") if file.is_file()]
    assert [file.name for file in kept] == [evidence["ref"]]
    assert "窗口".encode() not in kept[0].read_bytes()
    assert not kept[0].stat().st_mode & 0o111
    assert api.get(f"{path}/evidence", "office").json()["evidence"] == [evidence]
    given = api.get(f"{path}/evidence/{evidence['ref']}", "office")
    assert given.content == TAKEN["txt"]
    assert given.headers["content-disposition"] == f'attachment; filename="{evidence["ref"]}.txt"'
    assert given.headers["x-content-type-options"] == "nosniff"
    assert given.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert given.headers["duban-malware-verdict"] == "unscanned"


def test_a_file_sent_again_with_its_key_is_kept_once_and_another_file_is_another(api, tmp_path):
    path, key = case_of(api), {"Idempotency-Key": "k"}
    headers = api.bearer("clerk") | key
    first, again, other = (
        api.client.post(f"{path}/evidence", content=content, headers=headers) for content in (b"one", b"one", b"two")
    )
    assert again.json() == first.json()
    assert other.json()["ref"] != first.json()["ref"]
    assert len(api.get(f"{path}/evidence", "clerk").json()["evidence"]) == 2
    assert len([file for file in (tmp_path / "attachments").rglob("*") if file.is_file()]) == 2
    assert send(api, path, b"one").json()["ref"] != first.json()["ref"], "without a key nothing is compared"


def test_a_file_sent_twice_at_once_with_its_key_is_kept_once_and_whole(api, monkeypatch):
    path, content = case_of(api), b"0123456789" * 30_000
    headers, both = api.bearer("clerk") | {"Idempotency-Key": "k"}, threading.Barrier(2, timeout=20)
    write = Store.write

    def together(store, name, pieces):
        both.wait()
        write(store, name, pieces)

    monkeypatch.setattr(Store, "write", together)
    with ThreadPoolExecutor(2) as pool:
        sent = [pool.submit(api.client.post, f"{path}/evidence", content=content, headers=headers) for _ in range(2)]
        first, second = (one.result() for one in sent)
    assert (first.status_code, second.status_code, first.json()["ref"]) == (201, 201, second.json()["ref"])
    (kept,) = api.get(f"{path}/evidence", "clerk").json()["evidence"]
    assert api.get(f"{path}/evidence/{kept['ref']}", "clerk").content == content
    monkeypatch.undo()
    monkeypatch.setattr(service, "MAX_FILES", 2)
    assert [send(api, path, b"x" * n).status_code for n in (1, 2)] == [201, 409], "it takes room once"


def test_evidence_is_within_the_reach_of_its_case_only(api):
    path, other = case_of(api), case_of(api)
    ref = send(api, path, TAKEN["txt"]).json()["ref"]
    assert api.get(f"{other}/evidence/{ref}", "clerk").status_code == 404
    api.post(f"{path}/accept", {}, "clerk")
    api.post(f"{path}/dispatch", {"agency": "tax"}, "clerk")
    assert api.get(f"{path}/evidence/{ref}", "agency", "land").status_code == 403
    assert api.get(f"{path}/evidence", "agency", "land").status_code == 403
    assert api.get(f"{path}/evidence/{ref}", "agency", "tax").status_code == 200
    assert send(api, "/v1/cases/none", TAKEN["txt"]).status_code == 404


def test_what_is_refused_is_said_in_problem_details_and_not_kept(api, tmp_path, monkeypatch):
    monkeypatch.setattr("services.complaints.attachments.api.MAX_FILE", 1000)
    path = case_of(api)
    answers = {
        415: send(api, path, REFUSED["a program"]), 413: send(api, path, b"x" * 1001), 422: send(api, path, b""),
    }  # fmt: skip
    for status, answer in answers.items():
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
    assert not (tmp_path / "attachments").exists()
    assert api.get(f"{path}/evidence", "clerk").json() == {"evidence": []}


def test_a_case_holds_so_much_and_no_more(api, monkeypatch):
    monkeypatch.setattr(service, "MAX_FILES", 2)
    path = case_of(api)
    assert [send(api, path, TAKEN["txt"]).status_code for _ in range(3)] == [201, 201, 409]
    monkeypatch.setattr(service, "MAX_CASE", 50)
    full = send(api, case_of(api), b"y" * 51)
    assert (full.status_code, full.json()["type"]) == (409, "urn:duban:problem:evidence-full")


def test_eicar_is_refused_and_a_clean_file_says_it_was_scanned(tmp_path):
    api, _ = complaints_in_memory(tmp_path, attachment_scanner=f"sh {scan_hook(tmp_path)}")
    path = case_of(api)
    infected = send(api, path, EICAR)
    assert (infected.status_code, infected.json()["type"]) == (422, "urn:duban:problem:infected")
    assert send(api, path, TAKEN["txt"]).json()["verdict"] == "clean"
    assert 'duban_evidence_total{outcome="infected"}' in api.get("/metrics").text


def test_a_scanner_that_is_away_is_said_and_nothing_is_kept(tmp_path):
    api, _ = complaints_in_memory(tmp_path, attachment_scanner="/no/such/program")
    answer = send(api, case_of(api), TAKEN["txt"])
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")


def test_a_damaged_file_is_not_given_out(api, tmp_path):
    path = case_of(api)
    ref = send(api, path, TAKEN["txt"]).json()["ref"]
    (kept,) = [file for file in (tmp_path / "attachments").rglob("*") if file.is_file()]
    kept.write_bytes(kept.read_bytes()[:-1])
    answer = api.get(f"{path}/evidence/{ref}", "clerk")
    assert (answer.status_code, answer.json()["type"]) == (500, "urn:duban:problem:evidence-damaged")


def test_room_is_given_back_when_the_store_fails(api, monkeypatch):
    path = case_of(api)
    monkeypatch.setattr(service, "MAX_FILES", 1)

    def full(*_):
        raise OSError("the disk is full")

    with monkeypatch.context() as away:
        away.setattr(Store, "write", full)
        assert send(api, path, TAKEN["txt"]).status_code == 500
    assert send(api, path, TAKEN["txt"]).status_code == 201
