"""A thief with a copy of the complaints database and of all topics, who looks for identities in every way there is.

    python -m tests.support.thief --database COPY --brokers HOST:PORT --keys FOLDER WORD…

searches the files byte by byte and, from a server of its own on the copy, every document; then every record of every
topic; then tries every key that it finds on every sealed box that it finds. It prints a table. Exit code 1 when it
finds anything, 2 when it cannot look.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from base64 import b64decode
from binascii import Error as NoBase64
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, SealedBox
from nacl.secret import SecretBox
from pymongo import MongoClient

from deploy.embedded import probes
from deploy.embedded.stack import free_ports
from services.shared.topic_records import records
from tests.support.canaries import Hit, Search
from tests.support.stack import eventually

NOT_STOLEN = ("duban_vault", "admin", "local", "config")
MIN_BOX = 24 + 16
_EXAMPLE = (
    "Example: python -m tests.support.thief --database /mnt/backup/mongo --keys /mnt/backup/keys 张三 13800138000"
)


class Loot:
    """What a thief has got out of what was stolen."""

    def __init__(self, words: list[str]) -> None:
        self.search = Search(words)
        self.blobs: set[bytes] = set()
        self.keys: set[bytes] = set()
        self.opened = 0

    def database(self, copy: Path) -> None:
        """The files of a document store, raw; and, from a server of the thief's own, every document but the vault's."""
        self.search.folder(copy)
        with _served(copy) as client:
            for name in sorted(set(client.list_database_names()) - set(NOT_STOLEN)):
                for collection in client[name].list_collection_names():
                    for document in client[name][collection].find({}):
                        self.search.document(f"{name}.{collection}", document)
                        self.blobs |= {leaf for leaf in _binaries(document) if len(leaf) >= MIN_BOX}

    def topics(self, brokers: str) -> None:
        """Every record of every topic there is."""
        consumer: Any = KafkaConsumer(bootstrap_servers=brokers.split(","))
        names = sorted(consumer.topics())
        consumer.close()
        for name in names:
            for record in records(brokers, name):
                self.search.record(f"{name}-{record.partition}@{record.offset}", record)

    def key_files(self, folder: Path) -> None:
        """Everything in `folder` that could be a key of 32 bytes, in hex, base64 or as it is."""
        for path in (p for p in folder.rglob("*") if p.is_file()):
            content = path.read_bytes()
            self.keys |= {content} if len(content) == 32 else set()
            for text in re.findall(rb"[A-Za-z0-9+/_-]{43,64}=?", content):
                self.keys |= {key for key in _decoded(text) if len(key) == 32}

    def break_in(self) -> None:
        """Every key, and every opened blob as a key, on every blob: as a sealed box and as a secret box."""
        keys = set(self.keys)
        for key in keys:
            data_keys = {plain for blob in self.blobs if (plain := _unsealed(blob, key))}
            self.opened += len(data_keys)
            for data_key in data_keys | {key}:
                for blob in self.blobs:
                    if plain := _unlocked(blob, data_key):
                        self.opened += 1
                        self.search.look("an opened box", plain)

    def report(self) -> dict[str, Any]:
        search = self.search
        return {
            "files": search.files, "bytes": search.bytes, "documents": search.documents, "records": search.records,
            "sealed_blobs": len(self.blobs), "keys_tried": len(self.keys), "boxes_opened": self.opened,
            "hits": sorted({tuple(hit) for hit in search.hits}),
        }  # fmt: skip

    def hits(self, word: str) -> list[Hit]:
        return [hit for hit in self.search.hits if hit.word == word]


def _binaries(document: Any) -> Iterator[bytes]:
    if isinstance(document, dict):
        for value in document.values():
            yield from _binaries(value)
    elif isinstance(document, list):
        for value in document:
            yield from _binaries(value)
    elif isinstance(document, bytes):
        yield document


def _decoded(text: bytes) -> Iterator[bytes]:
    with suppress(ValueError):
        yield bytes.fromhex(text.decode())
    bare = text.rstrip(b"=")
    for alphabet in (b"+/", b"-_"):
        with suppress(NoBase64, ValueError):
            yield b64decode(bare + b"=" * (-len(bare) % 4), altchars=alphabet)


def _unsealed(blob: bytes, key: bytes) -> bytes | None:
    try:
        return SealedBox(PrivateKey(key)).decrypt(blob)
    except (CryptoError, ValueError, TypeError):
        return None


def _unlocked(blob: bytes, key: bytes) -> bytes | None:
    try:
        return SecretBox(key).decrypt(blob)
    except (CryptoError, ValueError, TypeError):
        return None


@contextmanager
def _served(copy: Path) -> Iterator[Any]:
    """A document store of the thief's own, on a second copy: a server changes what it serves."""
    with tempfile.TemporaryDirectory(prefix="thief-") as folder:
        shutil.copytree(copy, Path(folder) / "data", dirs_exist_ok=True)
        (port,) = free_ports(1)
        command = [
            sys.executable, "-m", "secantus", "--host", "127.0.0.1", "--port", str(port), "--storage-path",
            f"{folder}/data", "--cache-size", "64M", "--log-level", "ERROR",
        ]  # fmt: skip
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            eventually(lambda: probes.mongo(port)[0], 180)
            with MongoClient("127.0.0.1", port, directConnection=True) as client:
                yield client
        finally:
            server.terminate()
            server.wait(30)


def rob(database: Path | None, brokers: str | None, keys: Path | None, words: list[str]) -> Loot:
    """Everything that can be got out of these."""
    loot = Loot(words)
    if database:
        loot.database(database)
    if brokers:
        loot.topics(brokers)
    if keys:
        loot.key_files(keys)
    loot.break_in()
    return loot


def table(report: dict[str, Any], words: list[str]) -> str:
    """The report in lines: what was looked at, and for each word where it was found."""
    rows = [(name.replace("_", " "), f"{value:,}") for name, value in report.items() if name != "hits"]
    for word in words:
        where = sorted({place.partition(" ")[0] for place, found, _ in report["hits"] if found == word})
        rows.append((word, ", ".join(where) or "nowhere"))
    width = max(len(name) + sum(ord(letter) > 0x2E80 for letter in name) for name, _ in rows)
    wide = {name: sum(ord(letter) > 0x2E80 for letter in name) for name, _ in rows}  # Chinese takes two columns
    return "\n".join(f"{name:<{width - wide[name]}}  {value}" for name, value in rows)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.support.thief", description=__doc__, epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--database", type=Path, help="a copy of the document store's files")
    parser.add_argument("--brokers", help="host:port of a Kafka whose topics were stolen")
    parser.add_argument("--keys", type=Path, help="a folder of stolen keys")
    parser.add_argument("words", nargs="+", help="words that were planted as identities")
    parser.add_argument("--json", action="store_true", help="print the report as one JSON object")
    arguments = parser.parse_args()
    for folder in (arguments.database, arguments.keys):
        if folder and not folder.is_dir():
            print(f"thief: {folder} is no folder", file=sys.stderr)
            return 2
    report = rob(arguments.database, arguments.brokers, arguments.keys, arguments.words).report()
    print(json.dumps(report, ensure_ascii=False) if arguments.json else table(report, arguments.words))
    return 1 if report["hits"] or report["boxes_opened"] else 0


if __name__ == "__main__":
    sys.exit(main())
