"""A small HTTP/1.1 client that leaves the processor to the server: kept-alive connections, requests ready as bytes."""

import asyncio
import time
from collections.abc import Callable
from typing import Self

Headers = dict[str, str]


def request(path: str, body: bytes, headers: Headers | None = None) -> bytes:
    """A POST of JSON as it goes over the line."""
    lines = {"Host": "127.0.0.1", "Content-Type": "application/json", "Content-Length": str(len(body))}
    head = "\r\n".join(f"{name}: {value}" for name, value in {**lines, **(headers or {})}.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n\r\n".encode() + body


class Connection:
    """One request at a time; a connection that the server has closed is opened again."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def send(self, raw: bytes) -> tuple[int, bytes]:
        """Status and body of the answer. Raises OSError or asyncio.IncompleteReadError."""
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        assert self._reader is not None
        self._writer.write(raw)
        head = await self._reader.readuntil(b"\r\n\r\n")
        status, length, lower = int(head[9:12]), 0, head.lower()
        if (at := lower.find(b"content-length:")) >= 0:
            length = int(lower[at + 15 : lower.index(b"\r", at)])
        body = await self._reader.readexactly(length) if length else b""
        if b"connection: close" in lower:
            self.close()
        return status, body

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()


class Load:
    """What a closed loop of `concurrency` connections has sent: how many a second, and seconds of each."""

    def __init__(self, seconds: float, took: list[float]) -> None:
        self.rate = len(took) / seconds
        self.took = sorted(took)

    def quantile(self, share: float) -> float:
        return self.took[min(len(self.took) - 1, int(share * len(self.took)))]


def closed_loop(port: int, make: Callable[[int], bytes], concurrency: int, seconds: float, expected: int) -> Load:
    """Send `make(0)`, `make(1)`… for so long. Raises RuntimeError for an answer that is not `expected`."""
    took: list[float] = []
    numbers = iter(range(10**9))

    async def one(end: float) -> None:
        async with Connection(port) as connection:
            while (begun := time.perf_counter()) < end:
                status, body = await connection.send(make(next(numbers)))
                if status != expected:
                    raise RuntimeError(f"answered {status}, not {expected}: {body[:300]!r}")
                took.append(time.perf_counter() - begun)

    async def whole() -> float:
        begun = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(concurrency):
                group.create_task(one(begun + seconds))
        return time.perf_counter() - begun

    return Load(asyncio.run(whole()), took)
