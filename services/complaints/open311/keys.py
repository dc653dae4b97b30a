"""API keys of the applications that file through Open311. A file has their hashes; a key itself is shown once.

Keys are 256 random bits: a plain hash of one is as good as a slow one.
"""

import hashlib
import os
import re
import secrets
from pathlib import Path

import msgspec

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


def keys_file(signing_key_file: Path) -> Path:
    """Where the hashes lie: beside the city's other keys."""
    return signing_key_file.with_name("open311.json")


class Keys:
    """The keys in a file, read again when it changes: keys are given and taken back while services run."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read: tuple[int, dict[str, str]] = (0, {})

    def holder(self, key: str) -> str | None:
        """The name of the application that `key` was given to."""
        return self._hashes().get(_hashed(key)) if key else None

    def _hashes(self) -> dict[str, str]:
        """Hash -> name; nothing when there is no file."""
        try:
            changed = self._file.stat().st_mtime_ns
        except FileNotFoundError:
            return {}
        if self._read[0] != changed:
            self._read = changed, {digest: name for name, digest in _read(self._file).items()}
        return self._read[1]


def give(file: Path, name: str) -> str:
    """A new key for the application `name`, in place of the one it had. Raises ValueError for no such name."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name[:40]!r}: small letters, digits and hyphens, 40 at most")
    key = secrets.token_urlsafe(32)
    _write(file, {**(_read(file) if file.exists() else {}), name: _hashed(key)})
    return key


def take_back(file: Path, name: str) -> bool:
    """Whether `name` had a key; it has none now."""
    found = _read(file) if file.exists() else {}
    if name not in found:
        return False
    _write(file, {other: digest for other, digest in found.items() if other != name})
    return True


def _hashed(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _read(file: Path) -> dict[str, str]:
    return msgspec.json.decode(file.read_bytes(), type=dict[str, str])


def _write(file: Path, hashes: dict[str, str]) -> None:
    """Whole or not at all: services read it at any moment."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        out.write(msgspec.json.encode(hashes))
    draft.replace(file)
