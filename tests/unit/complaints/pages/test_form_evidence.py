"""Evidence that comes with the complaint form: kept with the complaint, and never at its cost."""

import pytest

from services.complaints.web import evidence
from services.contracts.codec import decode
from tests.support.files import EICAR, TAKEN
from tests.support.public_pages import code_on, fields, post, walked
from tests.support.sources import complaints_in_memory

BAD = b"MZ" + bytes(99)


def sent(api, *files, **changes):
    """The receipt of a complaint that is sent with `files`, each (name, content)."""
    form = fields(walked(api)) | {"go": "send"} | changes
    return post(api, "/file", form, files=[("files", file) for file in files] or None)


def kept(api, store):
    """The evidence of the complaint filed first."""
    case = decode(store.published[0]).subject
    return api.get(f"/v1/cases/{case}/evidence", "clerk").json()["evidence"]


def test_pictures_come_with_the_complaint_and_the_inbox_shows_them(api, store):
    page = sent(api, ("窗口.jpg", TAKEN["jpg"]), ("姓名.txt", TAKEN["txt"]))
    assert (page.status_code, "随投诉收到 2 个文件" in page.text) == (200, True)
    filed, added = (decode(event) for event in store.published)
    assert (filed.type, added.type) == ("complaint.filed.v1", "complaint.supplemented.v1")
    found = kept(api, store)
    assert [e["ref"] for e in found] == added.data.evidence_refs
    assert ({e["by"] for e in found}, {e["cleaned"] for e in found}) == ({"person"}, {True})
    assert "姓名".encode() not in b"".join(store.published)
    assert "发送了 2 个文件" in api.client.get("/inbox").text


def test_the_page_of_all_answers_says_the_limits_and_alone_sends_files(api):
    page = walked(api).text
    assert "一次最多 5 个，每个不超过 20 MB" in page
    assert page.count('formenctype="multipart/form-data"') == 2, "the button, and Enter in a field"
    assert "enctype" not in page.replace("formenctype", "")


@pytest.mark.parametrize(
    ("files", "said"),
    [([("a.exe", BAD)], "a.exe：打不开"), ([("空.txt", b"")], "空.txt：打不开"),
     ([("大.txt", b"x" * 2_001)], "大.txt：超过 20 MB")],
)  # fmt: skip
def test_a_file_that_is_not_taken_is_named_with_its_reason_and_the_others_are_kept(
    api, store, monkeypatch, files, said
):  # fmt: skip
    monkeypatch.setattr(evidence, "MAX_FILE", 2_000)
    page = sent(api, ("前.txt", b"first"), *files, ("后.txt", b"last"))
    assert (page.status_code, said in page.text) == (200, True)
    assert "投诉已收到，下列文件没有收下" in page.text
    assert "随投诉收到 2 个文件" in page.text
    assert [e["size"] for e in kept(api, store)] == [5, 4]


def test_of_too_many_files_the_first_are_kept_and_the_rest_is_named(api, store):
    page = sent(api, *((f"{n}.txt", b"%d" % n) for n in range(7)))
    assert "6.txt：一次最多 5 个文件" in page.text
    assert "4.txt：" not in page.text
    assert len(kept(api, store)) == 5


def test_of_a_file_that_is_too_large_no_more_than_the_limit_is_held(api, monkeypatch):
    held = []
    monkeypatch.setattr(evidence, "MAX_FILE", 2_000)
    monkeypatch.setattr(
        "services.complaints.web.filing.add_to_filed",
        lambda inbox, attachments, case, files, key: held.extend(f.size for f in files) or evidence.Sent(0, []),
    )
    sent(api, ("film.mp4", b"x" * 500_000), *((f"{n}.txt", b"y" * 100) for n in range(6)))
    assert held == [2_001, 100, 100, 100, 100, 0, 0]


def test_malware_and_a_scanner_that_is_away_leave_the_complaint_filed(city):
    for hook, said in (("grep -qv EICAR", "含有恶意程序"), ("/no/such/program", "暂时无法检查")):
        api, store = complaints_in_memory(city, attachment_scanner=hook)
        page = sent(api, ("f.txt", EICAR))
        assert (page.status_code, said in page.text, len(store.published)) == (200, True, 1)
        assert code_on(page)
        assert kept(api, store) == []


def test_a_store_that_fails_leaves_the_complaint_filed_with_its_code(api, store, monkeypatch):
    def broken(*_):
        raise OSError("no space left")

    monkeypatch.setattr("services.complaints.attachments.store.Store.write", broken)
    page = sent(api, ("f.txt", b"words"))
    assert (page.status_code, "f.txt：暂时无法保存" in page.text) == (200, True)
    assert (len(store.published), len(code_on(page))) == (1, 18)


def test_a_form_that_is_sent_twice_with_its_files_adds_them_once(api, store):
    form = fields(walked(api)) | {"go": "send"}
    pages = [post(api, "/file", form, files={"files": ("f.txt", b"words")}) for _ in range(2)]
    assert code_on(pages[0]) == code_on(pages[1])
    assert "随投诉收到 1 个文件" in pages[1].text
    assert (len(kept(api, store)), len(store.published)) == (1, 2)


def test_a_form_beyond_all_measure_is_not_read(api, store, monkeypatch):
    form = fields(walked(api)) | {"go": "send"}
    monkeypatch.setattr(evidence, "MOST_READ", 10_000)
    page = post(api, "/file", form, files={"files": ("f", b"x" * 20_000)})
    assert (page.status_code, store.published) == (413, [])


def test_what_is_no_form_is_said_on_a_page(api):
    headers = {"Sec-Fetch-Site": "same-origin", "Content-Type": "multipart/form-data"}
    page = api.client.post("/file", content=b"x", headers=headers)
    assert (page.status_code, page.headers["content-type"]) == (400, "text/html; charset=utf-8")
