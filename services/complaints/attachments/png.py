"""Takes texts, EXIF and times out of a PNG without drawing it anew, for pictures in documents. Pure."""

_START = b"\x89PNG\r\n\x1a\n"
# How to draw it. What is left out: text, EXIF, time, and whatever programs add for themselves.
_DRAWING = frozenset({
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"bKGD", b"pHYs",
    b"acTL", b"fcTL", b"fdAT",
})  # fmt: skip


def without_metadata(png: bytes) -> bytes | None:
    """`png` with what is needed to draw it and nothing behind its end; None when it is no PNG that can be walked."""
    if not png.startswith(_START):
        return None
    kept, at = [_START], len(_START)
    while at + 12 <= len(png):
        kind, end = png[at + 4 : at + 8], at + 12 + int.from_bytes(png[at : at + 4], "big")
        if kind in _DRAWING and end <= len(png):
            kept.append(png[at:end])
        if kind == b"IEND":
            return b"".join(kept)
        at = end
    return None
