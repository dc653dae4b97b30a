"""Where the sealed files lie: any file system that fsspec knows, under random names. Free of what is in them."""

import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import fsspec


class Store:
    """Files under `address`, a folder or an fsspec address such as s3://bucket/evidence."""

    def __init__(self, address: str) -> None:
        self._files, self._root = fsspec.core.url_to_fs(address)

    @classmethod
    def of(cls, address: str, data: Path) -> "Store":
        """The store that the setting names, else <data>/attachments."""
        return cls(address or str(data.absolute() / "attachments"))

    def write(self, name: str, pieces: Iterable[bytes]) -> None:
        """Keep `pieces` under `name`, whole or not at all."""
        path = self._path(name)
        self._files.makedirs(self._files._parent(path), exist_ok=True)
        draft = f"{path}.{secrets.token_hex(4)}.part"  # one request sent twice may be written twice at once
        try:
            with self._files.open(draft, "wb") as file:
                for piece in pieces:
                    file.write(piece)
            self._files.mv(draft, path)
        except BaseException:
            if self._files.exists(draft):
                self._files.rm(draft)
            raise

    def read(self, name: str) -> IO[Any]:
        """The file called `name`, open. Raises FileNotFoundError."""
        return self._files.open(self._path(name), "rb")

    def delete(self, name: str) -> None:
        """Delete the file called `name`, if it is there."""
        path = self._path(name)
        if self._files.exists(path):
            self._files.rm(path)

    def _path(self, name: str) -> str:
        return f"{self._root}/{name[-2:]}/{name}"
