"""What a file is, decided by its content alone: the allow list (row A3). Free of storage and of HTTP.

puremagic proposes, the content confirms: a name or a Content-Type says nothing, and what is not on the list is refused.
"""

import codecs
import zipfile
from typing import BinaryIO, Literal, NamedTuple

import puremagic

Family = Literal["image", "pdf", "text", "office", "audio"]
_HEAD = 4096
_PIECE = 1 << 16
_CONTROLS = frozenset(chr(c) for c in range(32)) - set("\t\n\r\f\x1b")
_ENCODINGS = ("utf-8-sig", "gb18030")


class Kind(NamedTuple):
    """A kind of file that is taken. `suffix` is what it is called when it is given out."""

    family: Family
    media_type: str
    suffix: str


class NotTaken(Exception):
    """The file is none of the kinds on the list, or not what it seems. The message says which are taken."""


_OPAQUE = "application/octet-stream"  # No reader opens it by itself.
_BY_SUFFIX = {
    ".jpg": Kind("image", "image/jpeg", "jpg"), ".png": Kind("image", "image/png", "png"),
    ".webp": Kind("image", "image/webp", "webp"), ".pdf": Kind("pdf", "application/pdf", "pdf"),
    ".mp3": Kind("audio", "audio/mpeg", "mp3"), ".mpga": Kind("audio", "audio/mpeg", "mp3"),
    ".m4a": Kind("audio", "audio/mp4", "m4a"), ".wav": Kind("audio", "audio/wav", "wav"),
    ".oga": Kind("audio", "audio/ogg", "ogg"), ".amr": Kind("audio", "audio/amr", "amr"),
    ".doc": Kind("office", _OPAQUE, "doc"),
}  # fmt: skip
_BY_MEMBER = {
    "word/document.xml": Kind("office", _OPAQUE, "docx"), "xl/workbook.xml": Kind("office", _OPAQUE, "xlsx"),
    "ppt/presentation.xml": Kind("office", _OPAQUE, "pptx"),
}  # fmt: skip
TEXT = Kind("text", "text/plain; charset=utf-8", "txt")
TAKEN = "JPEG, PNG and WebP pictures, PDF, plain text, MP3, M4A, WAV, OGG and AMR sound, Word, Excel and PowerPoint"


def kind_of(file: BinaryIO) -> Kind:
    """The kind of `file`, which is left at its start. Raises NotTaken."""
    file.seek(0)
    head = file.read(_HEAD)
    file.seek(0)
    kind = _by_magic(head) or (_zipped(file) if head.startswith(b"PK\x03\x04") else _text(file))
    file.seek(0)
    if kind is None:
        raise NotTaken(f"the content of this file is none that is taken here: {TAKEN}")
    return kind


def encoding_of(file: BinaryIO) -> str | None:
    """How a plain text is encoded; None when it is no plain text. Reads to the end."""
    for encoding in _ENCODINGS:
        file.seek(0)
        if _decodes(file, encoding):
            return encoding
    return None


def _by_magic(head: bytes) -> Kind | None:
    try:
        suffixes = [match.extension for match in puremagic.magic_string(head)]
    except (puremagic.PureError, ValueError):
        return None
    if b"ftyp" in head[4:8] and head[8:11] != b"M4A":
        return None  # Films share their frame with M4A.
    return next((_BY_SUFFIX[s] for s in suffixes if s in _BY_SUFFIX), None)


def _zipped(file: BinaryIO) -> Kind | None:
    try:
        with zipfile.ZipFile(file) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return None
    if any("vbaproject" in name.lower() for name in names):
        raise NotTaken(
            "this document holds macros, programs that run when it is opened: save it without them, or as PDF"
        )
    return next((kind for member, kind in _BY_MEMBER.items() if member in names), None)


def _text(file: BinaryIO) -> Kind | None:
    return TEXT if encoding_of(file) else None


def _decodes(file: BinaryIO, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    seen = False
    try:
        while piece := file.read(_PIECE):
            text = decoder.decode(piece)
            seen = seen or bool(text)
            if not _CONTROLS.isdisjoint(text):
                return False
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return seen
