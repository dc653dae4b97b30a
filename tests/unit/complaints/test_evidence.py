"""Evidence: what is taken, what is taken out of it, how it is kept, scanned, limited and given out."""

import io
import wave
import zipfile
from pathlib import Path

import pikepdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from services.complaints.attachments import sealing, service
from services.complaints.attachments.cleaning import cleaned
from services.complaints.attachments.jpeg import without_metadata
from services.complaints.attachments.kinds import NotTaken, kind_of
from services.complaints.attachments.scanning import ScannerFailed, scanner
from services.complaints.attachments.sealing import PIECE, Broken, opened, sealed
from services.complaints.attachments.store import Store
from tests.support.sources import complaints_in_memory

CANARY = b"Zhang San canary"
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


def picture(name="JPEG", mode="RGB", size=(40, 20)):
    """A picture whose EXIF names its maker, its place, and that it lies on its side."""
    exif = Image.Exif()
    exif[0x013B], exif[0x0112] = CANARY.decode(), 6
    exif.get_ifd(0x8825)[29] = CANARY.decode()
    file = io.BytesIO()
    Image.new(mode, size, "red").save(file, name, exif=exif)
    return file.getvalue()


def document(name, **members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.comment = CANARY
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr(name, "<text/>")
        for member, content in members.items():
            archive.writestr(member.replace("__", "/").replace("_xml", ".xml"), content)
    return file.getvalue()


def pdf(**options):
    file = io.BytesIO()
    with pikepdf.new() as made:
        page = made.add_blank_page()
        made.docinfo["/Author"] = CANARY.decode()
        with made.open_metadata() as metadata:
            metadata["dc:creator"] = [CANARY.decode()]
        made.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert(1)")
        note = pikepdf.Dictionary(
            Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Text, Rect=[0, 0, 9, 9], T=CANARY.decode(), Contents="look"
        )
        page.obj.Annots = made.make_indirect(pikepdf.Array([made.make_indirect(note)]))
        image = pikepdf.Stream(
            made, picture(), Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Image, Width=40, Height=20
        )
        image.Filter = pikepdf.Name.DCTDecode
        page.obj.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Im0=made.make_indirect(image)))
        made.save(file, compress_streams=False, **options)
    return file.getvalue()


def sound():
    file = io.BytesIO()
    with wave.open(file, "wb") as made:
        made.setnchannels(1)
        made.setsampwidth(2)
        made.setframerate(8000)
        made.writeframes(bytes(200))
    return file.getvalue()


FRAMES = b"\xff\xfb\x90\x00" + bytes(400)
MP3 = b"ID3\x04\x00\x00\x00\x00\x00" + bytes([len(CANARY)]) + CANARY + FRAMES + b"TAG" + CANARY.ljust(125, b"\0")
DOCX = document("word/document.xml", docProps__core_xml=b"<creator>" + CANARY + b"</creator>")
TAKEN = {
    "jpg": picture(), "png": picture("PNG", "RGBA"), "webp": picture("WEBP"), "pdf": pdf(), "docx": DOCX,
    "xlsx": document("xl/workbook.xml"), "pptx": document("ppt/presentation.xml"), "wav": sound(), "mp3": MP3,
    "m4a": b"\0\0\0\x20ftypM4A \0\0\0\0M4A mp42isom" + bytes(50), "ogg": b"OggS\0\x02" + bytes(60),
    "amr": b"#!AMR\n" + bytes(40), "doc": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
    "txt": "窗口上午十点就关了\r\n".encode(),
}  # fmt: skip
REFUSED = {
    "a program": b"MZ" + bytes(600), "a zip": document("a.txt"), "nothing": b"",
    "a film": b"\0\0\0\x20ftypisom" + bytes(60),
    "macros": document("word/document.xml", word__vbaProject="x"), "noise": bytes(range(256)) * 4,
    "a script with zeros": b"#!/bin/sh\0\n", "an ELF": b"\x7fELF" + bytes(100),
}  # fmt: skip


def clean(content, kind=None):
    target = io.BytesIO()
    source = io.BytesIO(content)
    return cleaned(kind or kind_of(source), source, target), target.getvalue()


@pytest.mark.parametrize("suffix", TAKEN)
def test_a_kind_is_known_by_its_content(suffix):
    assert kind_of(io.BytesIO(TAKEN[suffix])).suffix == suffix


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_on_the_list_is_refused(name):
    with pytest.raises(NotTaken):
        kind_of(io.BytesIO(REFUSED[name]))


@pytest.mark.parametrize("page", [b"<html><script>alert(1)</script></html>", b"<svg xmlns='x'><script/></svg>"])
def test_a_page_with_a_script_is_text_and_nothing_else(page):
    assert kind_of(io.BytesIO(page)).media_type == "text/plain; charset=utf-8"


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "pdf", "docx", "mp3"])
def test_what_tells_about_its_maker_is_taken_out(suffix):
    assert CANARY in TAKEN[suffix], "the canary is not in the file: nothing would be tested"
    is_clean, content = clean(TAKEN[suffix])
    assert is_clean
    assert CANARY not in content
    assert kind_of(io.BytesIO(content)).suffix == suffix


def test_a_picture_that_lay_on_its_side_stands_upright():
    _, content = clean(TAKEN["jpg"])
    with Image.open(io.BytesIO(content)) as image:
        assert image.size == (20, 40)
        assert not image.getexif()


def test_a_see_through_picture_stays_so():
    with Image.open(io.BytesIO(clean(TAKEN["png"])[1])) as image:
        assert image.mode == "RGBA"


def test_what_is_hidden_behind_a_picture_is_gone():
    _, content = clean(TAKEN["jpg"] + EICAR)
    assert EICAR not in content


def test_a_pdf_loses_its_programs_and_keeps_its_pages():
    with pikepdf.open(io.BytesIO(clean(TAKEN["pdf"])[1])) as found:
        assert len(found.pages) == 1
        assert "/OpenAction" not in found.Root
        assert "/Metadata" not in found.Root
        assert found.pages[0].obj.Annots[0].Contents == "look"


def test_a_locked_pdf_is_refused_in_words():
    locked = pdf(encryption=pikepdf.Encryption(owner="o", user="u"))
    with pytest.raises(NotTaken, match="password"):
        clean(locked)


def test_properties_of_a_document_are_emptied_and_its_text_stays():
    with zipfile.ZipFile(io.BytesIO(clean(DOCX)[1])) as archive:
        assert archive.comment == b""
        assert archive.read("word/document.xml") == b"<text/>"
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_sound_keeps_its_frames():
    assert clean(MP3)[1] == FRAMES


def test_a_text_of_another_encoding_becomes_utf_8():
    assert clean("局长索要好处".encode("gb18030"))[1].decode() == "局长索要好处"


@pytest.mark.parametrize("suffix", ["wav", "m4a", "ogg", "amr", "doc"])
def test_what_could_not_be_cleaned_says_so(suffix):
    assert clean(TAKEN[suffix]) == (False, TAKEN[suffix])


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "pdf", "docx"])
def test_a_damaged_file_is_refused(suffix):
    kind = kind_of(io.BytesIO(TAKEN[suffix]))
    with pytest.raises(NotTaken):
        clean(TAKEN[suffix][:60], kind)


def test_a_picture_that_would_fill_the_memory_is_refused(monkeypatch):
    monkeypatch.setattr("services.complaints.attachments.cleaning.MAX_POINTS", 700)
    with pytest.raises(NotTaken, match="million points"):
        clean(picture())


def test_a_document_that_unpacks_to_too_much_is_refused(monkeypatch):
    monkeypatch.setattr("services.complaints.attachments.cleaning.MAX_UNPACKED", 10)
    with pytest.raises(NotTaken, match="too big"):
        clean(DOCX)


@given(st.binary(max_size=200))
def test_any_bytes_are_walked_as_a_jpeg_without_harm(content):
    assert len(without_metadata(b"\xff\xd8" + content)) <= len(content) + 2


KEY = b"k" * 32


def keep(content, ref="evidence-1", key=KEY):
    return b"".join(sealed(key, ref, io.BytesIO(content)))


def read(kept, ref="evidence-1", key=KEY):
    return b"".join(opened(key, ref, io.BytesIO(kept)))


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE])
def test_a_file_comes_back_as_it_was_kept(size):
    content = bytes(n % 251 for n in range(size))
    assert read(keep(content)) == content
    assert size < 32 or content[:32] not in keep(content)


@pytest.mark.parametrize("size", [10, PIECE, 2 * PIECE + 5])
def test_a_file_that_was_changed_cut_moved_or_taken_does_not_open(size):
    kept = keep(b"x" * size)
    middle = len(kept) // 2
    harmed = [
        kept[:middle] + bytes([kept[middle] ^ 1]) + kept[middle + 1 :], kept[:-1], kept[:10], kept[:24], b"",
        kept + b"x",
        kept[: 24 + sealing._SEALED] if size > PIECE else kept[:-2],
    ]  # fmt: skip
    for broken in harmed:
        with pytest.raises(Broken):
            read(broken)
    with pytest.raises(Broken):
        read(kept, ref="evidence-2")
    with pytest.raises(Broken):
        read(kept, key=b"l" * 32)


def test_a_store_on_any_file_system(tmp_path):
    for address in (str(tmp_path / "store"), f"file://{tmp_path}/other", "memory://evidence"):
        store = Store(address)
        store.write("evidence-ab", iter([b"one", b"two"]))
        assert store.read("evidence-ab").read() == b"onetwo"
        store.delete("evidence-ab")
        with pytest.raises(FileNotFoundError):
            store.read("evidence-ab")


def test_a_write_that_fails_leaves_nothing(tmp_path):
    def failing():
        yield b"half"
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        Store(str(tmp_path)).write("evidence-ab", failing())
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


HOOK = """#!/bin/sh
if grep -q EICAR-STANDARD-ANTIVIRUS-TEST-FILE; then exit 1; fi
"""


@pytest.fixture
def hook(tmp_path) -> Path:
    path = tmp_path / "scan.sh"
    path.write_text(HOOK)
    return path


def test_the_hook_tells_clean_from_infected(hook):
    scan = scanner(f"sh {hook}")
    assert scan(io.BytesIO(b"harmless")) == "clean"
    assert scan(io.BytesIO(EICAR)) == "infected"
    assert scanner("")(io.BytesIO(EICAR)) == "unscanned"


@pytest.mark.parametrize("command", ["sh -c 'exit 2'", "/no/such/program", "http://127.0.0.1:9/scan"])
def test_a_hook_that_cannot_tell_keeps_nothing(command, monkeypatch):
    if command.startswith("http"):
        import httpx

        def refuse(*_, **__):
            raise httpx.ConnectError("refused")

        monkeypatch.setattr(httpx, "post", refuse)
    with pytest.raises(ScannerFailed):
        scanner(command)(io.BytesIO(b"x"))


@pytest.mark.parametrize(("status", "verdict"), [(200, "clean"), (204, "clean"), (406, "infected")])
def test_a_hook_at_an_address(monkeypatch, status, verdict):
    import httpx

    sent = []

    def post(address, content, **_):
        sent.append(b"".join(content))
        return httpx.Response(status)

    monkeypatch.setattr(httpx, "post", post)
    assert scanner("https://scanner.example/scan")(io.BytesIO(b"x" * 100_000)) == verdict
    assert sent == [b"x" * 100_000]


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


def test_eicar_is_refused_and_a_clean_file_says_it_was_scanned(tmp_path, hook):
    api, _ = complaints_in_memory(tmp_path, attachment_scanner=f"sh {hook}")
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
