"""Word, Excel and PowerPoint files written anew without who made them: properties, authors of notes and of changes,
user names in paths, pictures' metadata, programs and whatever is embedded. Free of storage.

What people wrote stays. XML is read and written as a stream; what defines types of its own (DTD) is refused.
"""

import io
import threading
import zipfile
from typing import IO, Any, BinaryIO
from xml.sax import SAXException, handler, make_parser, saxutils
from xml.sax.xmlreader import AttributesImpl

from services.complaints.attachments import jpeg, png
from services.complaints.attachments.kinds import NotTaken

MAX_UNPACKED = 200 * 1024 * 1024
MAX_XML = 32 * 1024 * 1024
NOBODY = "anonymous"
_DAMAGED = "this document is damaged or locked: it cannot be opened"
_FORMATS = "http://schemas.openxmlformats.org"
_WRITTEN_ANEW = {
    "docprops/core.xml": f'<p:coreProperties xmlns:p="{_FORMATS}/package/2006/metadata/core-properties"/>',
    "docprops/app.xml": f'<Properties xmlns="{_FORMATS}/officeDocument/2006/extended-properties"/>',
    "docprops/custom.xml": f'<Properties xmlns="{_FORMATS}/officeDocument/2006/custom-properties"/>',
}
_LEFT_EMPTY = ("docprops/thumbnail", "embeddings/", ".bin")  # .bin: programs, and what printers are called
_FONTS = (".odttf", ".ttf", ".fntdata")
_EVERYWHERE = frozenset({"author", "initials", "userName", "userId", "providerId"})
# Element -> attributes that name somebody, a folder of theirs, or a program to ask, beside those of any element.
_TELLING = {
    "person": {"displayName"}, "author": {"name"}, "cmAuthor": {"name"}, "userInfo": {"name"}, "scenario": {"user"},
    "absPath": {"url"}, "connection": {"sourceFile", "odcFile"}, "textPr": {"sourceFile"}, "fldSimple": {"instr"},
    "dbPr": {"connection", "command"}, "ddeLink": {"ddeService", "ddeTopic"}, "connectString": {"val"},
    "query": {"val"}, "udl": {"val"},
}  # fmt: skip
_CLICKED = ("http://", "https://", "mailto:")
_writing = threading.BoundedSemaphore(1)  # XML of the greatest size is some seconds of a core.


def cleaned_office(source: BinaryIO, target: IO[bytes]) -> bool:
    """Write the archive anew; False when it holds pictures of kinds whose metadata could not be taken out.

    Raises NotTaken for what is damaged, locked, or too big once it is unpacked.
    """
    try:
        with _writing, zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
            members = old.infolist()
            xml = sum(member.file_size for member in members if _is_xml(member.filename.lower()))
            if xml > MAX_XML or sum(member.file_size for member in members) > MAX_UNPACKED:
                raise NotTaken("this document is too big once it is unpacked")
            plain = [_part(member.filename, old, new) for member in members]
            return all(plain)
    except (zipfile.BadZipFile, SAXException, ValueError, NotImplementedError, RuntimeError, OSError) as error:
        raise NotTaken(_DAMAGED) from error


def _is_xml(name: str) -> bool:
    return name.endswith((".xml", ".rels", ".vml"))


def _part(called: str, old: zipfile.ZipFile, new: zipfile.ZipFile) -> bool:
    """Write one part of the archive, without its times and comments; whether nothing in it tells of its maker."""
    plain, name = zipfile.ZipInfo(called), called.lower()
    plain.compress_type = zipfile.ZIP_DEFLATED
    if name in _WRITTEN_ANEW:
        new.writestr(plain, f'<?xml version="1.0" encoding="UTF-8"?>{_WRITTEN_ANEW[name]}')
    elif name.startswith("customxml/item") and "props" not in name and _is_xml(name) and not name.endswith(".rels"):
        new.writestr(plain, "<removed/>")
    elif any(part in name for part in _LEFT_EMPTY):
        new.writestr(plain, b"")
    elif _is_xml(name):
        with old.open(called) as source, new.open(plain, "w") as target:
            _filtered(source, target)
    elif name.endswith((".jpg", ".jpeg", ".png")):
        return _picture(png if name.endswith(".png") else jpeg, plain, old.read(called), new)
    else:
        new.writestr(plain, old.read(called))
        return name.endswith(("/", *_FONTS))
    return True


def _picture(kind: Any, plain: zipfile.ZipInfo, content: bytes, new: zipfile.ZipFile) -> bool:
    bare = kind.without_metadata(content)
    new.writestr(plain, content if bare is None else bare)
    return bare is not None


def _filtered(source: IO[bytes], target: IO[bytes]) -> None:
    writer = io.TextIOWrapper(target, "utf-8", newline="\n")
    filtering = _Filter(writer)
    parser = make_parser()  # noqa: S317 - a DTD is refused, so there are no entities
    parser.setProperty(handler.property_lexical_handler, filtering)
    parser.setContentHandler(filtering)
    parser.parse(source)
    writer.detach()


class _Filter(saxutils.XMLGenerator):
    """Writes what it is told, without names. Names of elements and attributes are compared without their prefixes."""

    def __init__(self, writer: io.TextIOWrapper) -> None:
        super().__init__(writer, "UTF-8", short_empty_elements=True)
        self._inside: list[str] = []

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802 - a name of xml.sax
        local = _local(name)
        self._inside.append(local)
        telling = _EVERYWHERE | _TELLING.get(local, frozenset())
        found = {key: NOBODY if _local(key) in telling else value for key, value in attrs.items()}
        super().startElement(name, AttributesImpl(_link(found) if local == "Relationship" else found))

    def endElement(self, name: str) -> None:  # noqa: N802 - a name of xml.sax
        self._inside.pop()
        super().endElement(name)

    def characters(self, content: str) -> None:
        """Excel has authors of notes as text. A field (instrText) shows what it showed last, and does nothing more."""
        if self._inside[-1] != "instrText":
            super().characters(NOBODY if self._inside[-2:] == ["authors", "author"] else content)

    def processingInstruction(self, target: str, data: str) -> None:  # noqa: N802 - a name of xml.sax
        """Not kept: programs write these for themselves."""

    def comment(self, _: str) -> None:
        """Not kept: nobody sees it who reads the document."""

    def startDTD(self, *_: object) -> None:  # noqa: N802 - a name of xml.sax
        raise NotTaken(_DAMAGED)

    def endDTD(self) -> None:  # noqa: N802 - a name of xml.sax
        """Its start was refused."""

    def startCDATA(self) -> None:  # noqa: N802 - a name of xml.sax
        """Its text is written as any other."""

    def endCDATA(self) -> None:  # noqa: N802 - a name of xml.sax
        """The same."""


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _link(attributes: dict[str, str]) -> dict[str, str]:
    """A link that somebody clicks stays. What a program fetches by itself goes, and paths on the maker's machine."""
    clicked = attributes.get("Type", "").endswith("/hyperlink")
    if attributes.get("TargetMode") != "External" or (clicked and attributes["Target"].lower().startswith(_CLICKED)):
        return attributes
    return {**attributes, "Target": "removed"}
