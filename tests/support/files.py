"""Files of every kind that is taken as evidence, and of kinds that are not; most tell who made them."""

import io
import wave
import zipfile
from pathlib import Path

import pikepdf
from PIL import Image

CANARY = b"Zhang San canary"
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


def picture(name="JPEG", mode="RGB", size=(40, 20), maker="Zhang San canary", **options):
    """A picture whose EXIF names its maker, its place, and that it lies on its side."""
    exif = Image.Exif()
    exif[0x013B], exif[0x0112] = maker, 6
    exif.get_ifd(0x8825)[29] = maker
    file = io.BytesIO()
    Image.new(mode, size, "red").save(file, name, exif=exif, **options)
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


def scan_hook(folder: Path) -> Path:
    """A malware hook in `folder` that finds EICAR."""
    path = folder / "scan.sh"
    path.write_text("#!/bin/sh\nif grep -q EICAR-STANDARD-ANTIVIRUS-TEST-FILE; then exit 1; fi\n")
    return path
