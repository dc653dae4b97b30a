"""Takes out of a file what it tells about who made it: place, device, author, programs inside. Free of storage.

Pictures are drawn anew, so nothing but their points survives. PDF and Office files lose properties, programs and notes'
authors, sound its ID3 tags. Old Word files and other sound are kept as they are, and `cleaned` says so.
"""

import io
import shutil
import threading
from typing import IO, BinaryIO, cast

import pikepdf
from PIL import Image, ImageOps

from services.complaints.attachments.jpeg import without_metadata
from services.complaints.attachments.kinds import Kind, NotTaken, encoding_of
from services.complaints.attachments.office import cleaned_office

MAX_POINTS = 50_000_000
_PIECE = 1 << 16
_FORMATS = {"jpg": ("JPEG", {"quality": 90}), "png": ("PNG", {}), "webp": ("WEBP", {"quality": 90})}
_WITH_METADATA = frozenset({"/DCTDecode", "/JPXDecode"})
_drawing = threading.BoundedSemaphore(1)  # One picture of 50 million points is 200 MB of memory.


def cleaned(kind: Kind, source: BinaryIO, target: IO[bytes]) -> bool:
    """Write `source` into `target` without what it tells about its maker; False when that could not be taken out.

    Raises NotTaken for what does not open as what it says it is, or is too big once it is opened.
    """
    source.seek(0)
    if kind.family == "image":
        _picture(kind, source, target)
    elif kind.family == "pdf":
        return _pdf(source, target)
    elif kind.family == "text":
        _text(source, target)
    elif kind.suffix in ("docx", "xlsx", "pptx"):
        return cleaned_office(source, target)
    elif kind.suffix == "mp3":
        _mp3(source, target)
    else:
        shutil.copyfileobj(source, target)
        return False
    return True


def _picture(kind: Kind, source: BinaryIO, target: IO[bytes]) -> None:
    name, options = _FORMATS[kind.suffix]
    try:
        with _drawing, Image.open(source, formats=(name,)) as image:
            if image.width * image.height > MAX_POINTS:
                raise NotTaken(f"this picture has more than {MAX_POINTS // 1_000_000} million points: make it smaller")
            upright = ImageOps.exif_transpose(image)
            alpha = (
                name != "JPEG"
                and "A" in upright.convert("RGBA" if "transparency" in upright.info else upright.mode).mode
            )
            mode = "RGBA" if alpha else "RGB"
            drawn = Image.new(mode, upright.size)
            drawn.paste(upright.convert(mode))
            drawn.save(target, name, **options)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise NotTaken("this picture is damaged: it cannot be opened") from error


def _pdf(source: BinaryIO, target: IO[bytes]) -> bool:
    try:
        with pikepdf.open(source) as pdf:
            if pdf.is_encrypted:
                raise NotTaken("this PDF is locked with a password: send it without")
            if "/Info" in pdf.trailer:
                del pdf.trailer["/Info"]
            for key in ("/OpenAction", "/AA", "/AcroForm", "/Names", "/PieceInfo"):
                if key in pdf.Root:
                    del pdf.Root[key]
            plain = [_plain_object(found) for found in pdf.objects]
            pdf.save(cast(BinaryIO, target))
            return all(plain)
    except pikepdf.PasswordError:
        raise NotTaken("this PDF is locked with a password: send it without") from None
    except (pikepdf.PdfError, ValueError, RuntimeError) as error:
        raise NotTaken("this PDF is damaged: it cannot be opened") from error


def _plain_object(found: pikepdf.Object) -> bool:
    """Take metadata, authors of notes and programs out of one object, wherever it hangs; False when it is a picture
    whose metadata could not be taken out."""
    if not isinstance(found, pikepdf.Dictionary | pikepdf.Stream):
        return True
    for key in ("/Metadata", "/PieceInfo", "/JS", "/AA", "/EF", "/LastModified"):
        if key in found:
            del found[key]
    if found.get("/Type") == "/Annot" or ("/Subtype" in found and "/Rect" in found):
        for key in ("/T", "/M", "/CreationDate", "/NM", "/A"):
            if key in found:
                del found[key]
    filters = found.get("/Filter", ()) if isinstance(found, pikepdf.Stream) else ()
    names = [str(name) for name in ([filters] if isinstance(filters, pikepdf.Name) else filters)]
    bare = without_metadata(found.read_raw_bytes()) if names == ["/DCTDecode"] else None
    if bare is not None:
        found.write(bare, filter=pikepdf.Name.DCTDecode)
    return bare is not None or _WITH_METADATA.isdisjoint(names)


def _mp3(source: BinaryIO, target: IO[bytes]) -> None:
    """Without ID3: version 2 at the start, version 1 in the last 128 bytes."""
    head = source.read(10)
    start = 0
    if head[:3] == b"ID3" and len(head) == 10:
        start = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
    end = source.seek(0, io.SEEK_END)
    if end >= 128:
        source.seek(end - 128)
        end -= 128 if source.read(3) == b"TAG" else 0
    source.seek(start)
    left = end - start
    while left > 0 and (piece := source.read(min(_PIECE, left))):
        target.write(piece)
        left -= len(piece)


def _text(source: BinaryIO, target: IO[bytes]) -> None:
    encoding = encoding_of(source) or "utf-8"
    source.seek(0)
    reader = io.TextIOWrapper(source, encoding=encoding, newline="")
    while piece := reader.read(_PIECE):
        target.write(piece.encode())
    reader.detach()
