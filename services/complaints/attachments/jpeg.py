"""Takes EXIF, XMP, comments and the like out of a JPEG without drawing it anew, for pictures inside a PDF. Pure."""

_START, _SCAN = b"\xff\xd8", 0xDA
_TELLS = frozenset({0xFE, *range(0xE1, 0xEE), 0xEF})  # APP1-13, APP15 and comments; APP0 and APP14 say how to draw.


def without_metadata(jpeg: bytes) -> bytes:
    """`jpeg` without the segments that tell about its maker; as it is when it is no JPEG that can be walked."""
    if jpeg[:2] != _START:
        return jpeg
    kept, at = [_START], 2
    while at + 4 <= len(jpeg) and jpeg[at] == 0xFF:
        marker, end = jpeg[at + 1], at + 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
        if marker == _SCAN:
            return b"".join([*kept, jpeg[at:]])
        if marker not in _TELLS:
            kept.append(jpeg[at:end])
        at = end
    return jpeg
