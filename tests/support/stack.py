"""The embedded stack for tests: started once a run, on free ports, in a folder of its own."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx

from deploy.embedded import processes
from deploy.embedded.plan import PARTS
from deploy.embedded.stack import Stack, free_base, free_ports

T = TypeVar("T")
INFRASTRUCTURE = ("kafka", "mongo")


def eventually(predicate: Callable[[], T], timeout: float = 20.0, every: float = 0.05) -> T:
    """The first true answer of `predicate`. Raises AssertionError with the last answer when `timeout` s have passed."""
    deadline = time.monotonic() + timeout
    while True:
        answer = predicate()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:g} s; last answer: {answer!r}")
        time.sleep(every)


def answered(send: Callable[[], httpx.Response], timeout: float = 150.0) -> httpx.Response:
    """The answer to a request that is sent again while it is answered 503: on a busy machine the store may take longer
    than services wait for it, and they say to repeat. `send` sends the same request, under the same Idempotency-Key."""
    return eventually(lambda: None if (answer := send()).status_code == 503 else answer, timeout, every=0.5)


def new_stack(data: Path, only: tuple[str, ...] = PARTS, **options: Any) -> Stack:
    """A stack on ports that are free now, tied to the life of this process; not started yet."""
    http, mongo = free_ports(2)
    base = free_base()
    metrics = free_base(30, first=10_100 + os.getpid() % 300 * 30)
    options = {"kafka_port": base, "metrics_port": metrics, **options}
    return Stack(data, http_port=http, mongo_port=mongo, only=only, attached=True, **options)


@contextmanager
def running_stack(data: Path, only: tuple[str, ...] = PARTS, **options: Any) -> Iterator[Stack]:
    """A started stack that is stopped at the end, whatever happens."""
    stack = new_stack(data, only, **options)
    stack.start()
    try:
        yield stack
    finally:
        stack.stop()


def logs(stack: Stack, lines: int = 25) -> list[tuple[str, str]]:
    """(name, last lines) of every log of the stack."""
    found = sorted(path.stem for path in (stack.data / "logs").glob("*.log"))
    return [(name, tail) for name in found if (tail := processes.tail(stack.data, name, lines))]
