"""Evidence at rest: sealed piece by piece, on any file system, and looked at by the malware hook."""

import io

import pytest

from services.complaints.attachments import sealing
from services.complaints.attachments.scanning import ScannerFailed, scanner
from services.complaints.attachments.sealing import PIECE, Broken, opened, sealed
from services.complaints.attachments.store import Store
from tests.support.files import EICAR, scan_hook

KEY = b"k" * 32


def keep(content, ref="evidence-1", key=KEY):
    return b"".join(sealed(key, ref, io.BytesIO(content)))


def read(kept, ref="evidence-1", key=KEY):
    return b"".join(opened(key, ref, io.BytesIO(kept)))


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE])
def test_a_file_comes_back_as_it_was_kept(size):
    content = bytes(n % 251 for n in range(size))
    assert read(keep(content)) == content
    assert size < 32 or content[:32] not in keep(content)


@pytest.mark.parametrize("size", [10, PIECE, 2 * PIECE + 5])
def test_a_file_that_was_changed_cut_moved_or_taken_does_not_open(size):
    kept = keep(b"x" * size)
    middle = len(kept) // 2
    harmed = [
        kept[:middle] + bytes([kept[middle] ^ 1]) + kept[middle + 1 :], kept[:-1], kept[:10], kept[:24], b"",
        kept + b"x",
        kept[: 24 + sealing._SEALED] if size > PIECE else kept[:-2],
    ]  # fmt: skip
    for broken in harmed:
        with pytest.raises(Broken):
            read(broken)
    with pytest.raises(Broken):
        read(kept, ref="evidence-2")
    with pytest.raises(Broken):
        read(kept, key=b"l" * 32)


def test_a_store_on_any_file_system(tmp_path):
    for address in (str(tmp_path / "store"), f"file://{tmp_path}/other", "memory://evidence"):
        store = Store(address)
        store.write("evidence-ab", iter([b"one", b"two"]))
        assert store.read("evidence-ab").read() == b"onetwo"
        store.delete("evidence-ab")
        with pytest.raises(FileNotFoundError):
            store.read("evidence-ab")


def test_a_write_that_fails_leaves_nothing(tmp_path):
    def failing():
        yield b"half"
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        Store(str(tmp_path)).write("evidence-ab", failing())
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_hook_tells_clean_from_infected(tmp_path):
    scan = scanner(f"sh {scan_hook(tmp_path)}")
    assert scan(io.BytesIO(b"harmless")) == "clean"
    assert scan(io.BytesIO(EICAR)) == "infected"
    assert scanner("")(io.BytesIO(EICAR)) == "unscanned"


@pytest.mark.parametrize("command", ["sh -c 'exit 2'", "/no/such/program", "http://127.0.0.1:9/scan"])
def test_a_hook_that_cannot_tell_keeps_nothing(command, monkeypatch):
    if command.startswith("http"):
        import httpx

        def refuse(*_, **__):
            raise httpx.ConnectError("refused")

        monkeypatch.setattr(httpx, "post", refuse)
    with pytest.raises(ScannerFailed):
        scanner(command)(io.BytesIO(b"x"))


@pytest.mark.parametrize(("status", "verdict"), [(200, "clean"), (204, "clean"), (406, "infected")])
def test_a_hook_at_an_address(monkeypatch, status, verdict):
    import httpx

    sent = []

    def post(address, content, **_):
        sent.append(b"".join(content))
        return httpx.Response(status)

    monkeypatch.setattr(httpx, "post", post)
    assert scanner("https://scanner.example/scan")(io.BytesIO(b"x" * 100_000)) == verdict
    assert sent == [b"x" * 100_000]
