"""Takes EXIF, XMP, comments and the like out of a JPEG without drawing it anew, for pictures in documents. Pure."""

_START, _END, _SCAN = b"\xff\xd8", 0xD9, 0xDA
_TELLS = frozenset({0xFE, *range(0xE1, 0xEE), 0xEF})  # APP1-13, APP15 and comments; APP0 and APP14 say how to draw.
_IN_A_SCAN = frozenset({0x00, *range(0xD0, 0xD8)})  # a stuffed byte, restarts


def without_metadata(jpeg: bytes) -> bytes | None:
    """`jpeg` without the segments that tell about its maker and without what lies behind its end (telephones put films
    there); None when it is no JPEG that can be walked."""
    if not jpeg.startswith(_START):
        return None
    kept, at, drawn = [_START], 2, False
    while at + 2 <= len(jpeg) and jpeg[at] == 0xFF and jpeg[at + 1] != _END:
        marker = jpeg[at + 1]
        end = at + 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
        if marker == _SCAN:
            end, drawn = _next_marker(jpeg, end), True
        if marker not in _TELLS:
            kept.append(jpeg[at:end])
        at = end
    return b"".join([*kept, bytes((0xFF, _END))]) if drawn else None


def _next_marker(jpeg: bytes, at: int) -> int:
    """Where the marker behind the points of a scan lies."""
    while (at := jpeg.find(b"\xff", at)) >= 0 and at + 1 < len(jpeg):
        if jpeg[at + 1] not in _IN_A_SCAN and jpeg[at + 1] != 0xFF:
            return at
        at += 1
    return len(jpeg)
