"""Evidence: what is taken by its content, and what is taken out of it."""

import io
import zipfile

import pikepdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from services.complaints.attachments import jpeg, png
from services.complaints.attachments.cleaning import cleaned
from services.complaints.attachments.kinds import NotTaken, kind_of
from tests.support.files import CANARY, DOCX, EICAR, FRAMES, MP3, REFUSED, TAKEN, pdf, picture
from tests.support.office_files import OFFICE, archive, unpacked


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
        assert archive.read("word/document.xml").endswith(b"<text/>")
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
    monkeypatch.setattr("services.complaints.attachments.office.MAX_UNPACKED", 10)
    with pytest.raises(NotTaken, match="too big"):
        clean(DOCX)
    monkeypatch.undo()
    monkeypatch.setattr("services.complaints.attachments.office.MAX_XML", 10)
    with pytest.raises(NotTaken, match="too big"):
        clean(DOCX)


def test_a_jpeg_ends_where_its_picture_ends():
    film = b"ftypmp42 a film of the moment"
    assert jpeg.without_metadata(picture() + film).endswith(b"\xff\xd9")
    whole = Image.open(io.BytesIO(jpeg.without_metadata(picture(progressive=True) + film)))
    whole.load()
    assert whole.size == (40, 20)


@given(st.binary(max_size=200))
def test_any_bytes_are_walked_without_harm(content):
    for kind, start in ((jpeg, b"\xff\xd8"), (png, b"\x89PNG\r\n\x1a\n")):
        assert len(kind.without_metadata(start + content) or b"") <= len(start + content) + 2


@pytest.mark.parametrize("suffix", OFFICE)
def test_no_part_of_a_document_names_its_maker_and_what_was_written_stays(suffix):
    parts, kept = OFFICE[suffix]
    sent = archive(parts)
    telling = {name for name, content in unpacked(sent).items() if CANARY in content}
    assert len(telling) > len(parts) / 2, "hardly anything names its maker: nothing would be tested"
    is_clean, content = clean(sent)
    assert is_clean
    assert kind_of(io.BytesIO(content)).suffix == suffix
    found = unpacked(content)
    assert {name for name, part in found.items() if CANARY in part} == set()
    assert {name: words for name, words in kept.items() if words not in found[name].decode()} == {}


def test_nothing_that_would_run_or_be_fetched_by_itself_is_left_in_a_document():
    word = unpacked(clean(archive(OFFICE["docx"][0]))[1])
    assert b"DDEAUTO" not in word["word/document.xml"]
    assert b'Target="removed"' in word["word/_rels/settings.xml.rels"]
    assert word["word/embeddings/oleObject1.bin"] == b""
    excel = unpacked(clean(archive(OFFICE["xlsx"][0]))[1])
    assert b"calc" not in excel["xl/externalLinks/externalLink1.xml"]


def test_a_document_with_types_of_its_own_is_refused():
    bomb = '<!DOCTYPE b [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><b>&b;</b>'
    with pytest.raises(NotTaken, match="damaged"):
        clean(archive(OFFICE["docx"][0] | {"word/document.xml": bomb}))


def test_a_document_with_a_picture_that_could_not_be_cleaned_says_so():
    is_clean, content = clean(archive(OFFICE["docx"][0] | {"word/media/image3.emf": b"a drawing"}))
    assert not is_clean
    assert unpacked(content)["word/media/image3.emf"] == b"a drawing"
