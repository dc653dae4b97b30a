"""Files at rest, sealed: libsodium's secretstream in pieces of 64 KiB, so that no file need be in memory. Pure.

Each file has a key of its own, made from the service's and the file's reference; a piece that is changed, moved to
another file, or missing at the end does not open.
"""

import hashlib
import hmac
from collections.abc import Iterator
from typing import IO

from nacl import bindings
from nacl.exceptions import CryptoError

PIECE = 1 << 16
_SEALED = PIECE + bindings.crypto_secretstream_xchacha20poly1305_ABYTES
_HEADER = bindings.crypto_secretstream_xchacha20poly1305_HEADERBYTES
_MESSAGE = bindings.crypto_secretstream_xchacha20poly1305_TAG_MESSAGE
_FINAL = bindings.crypto_secretstream_xchacha20poly1305_TAG_FINAL


class Broken(Exception):
    """What is kept of a file is not what was kept: it was changed, cut, or sealed under another key."""


def sealed(key: bytes, ref: str, plain: IO[bytes]) -> Iterator[bytes]:
    """The pieces of `plain`, from where it stands, as they are kept."""
    state = bindings.crypto_secretstream_xchacha20poly1305_state()
    yield bindings.crypto_secretstream_xchacha20poly1305_init_push(state, _file_key(key, ref))
    piece = plain.read(PIECE)
    while True:
        following = plain.read(PIECE)
        tag = _MESSAGE if following else _FINAL
        yield bindings.crypto_secretstream_xchacha20poly1305_push(state, piece, ref.encode(), tag)
        if not following:
            return
        piece = following


def opened(key: bytes, ref: str, kept: IO[bytes]) -> Iterator[bytes]:
    """The pieces of the file in `kept`. Raises Broken."""
    state = bindings.crypto_secretstream_xchacha20poly1305_state()
    header = kept.read(_HEADER)
    if len(header) != _HEADER:
        raise Broken(ref)
    bindings.crypto_secretstream_xchacha20poly1305_init_pull(state, header, _file_key(key, ref))
    tag = _MESSAGE
    while piece := kept.read(_SEALED):
        if tag == _FINAL:
            raise Broken(ref)
        try:
            plain, tag = bindings.crypto_secretstream_xchacha20poly1305_pull(state, piece, ref.encode())
        except (CryptoError, RuntimeError, ValueError):
            raise Broken(ref) from None
        yield plain
    if tag != _FINAL:
        raise Broken(ref)


def _file_key(key: bytes, ref: str) -> bytes:
    return hmac.digest(key, b"attachment\x1f" + ref.encode(), hashlib.sha256)
