"""Processes that start quickly and can be armed while they live: workers of supervision, or any other service's.

A server process imports their code once and forks for every life, so a life costs what it does, not what it imports.
What runs is the service's own main module; the only addition is a thread that takes the name of a failpoint over a
pipe, so that a test chooses the moment from which a passage kills.
"""

import ctypes
import multiprocessing
import os
import resource
import signal
import sys
import threading
from contextlib import suppress
from importlib import import_module
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, Self

import psutil

from deploy.embedded.plan import ROOT
from deploy.embedded.stack import Stack, free_ports
from tests.support.crew import disk_of
from tests.support.processes_of_sources import Process
from tests.support.stack import eventually
from tests.torture import PATIENCE

_PR_SET_PDEATHSIG = 1
_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["tests.torture.armed"])


class Ended:
    """What Process asks of subprocess.Popen, over a forked process."""

    def __init__(self, forked: ForkServerProcess) -> None:
        self._forked = forked

    @property
    def pid(self) -> int:
        assert self._forked.pid is not None
        return self._forked.pid

    @property
    def returncode(self) -> int | None:
        return self._forked.exitcode

    def poll(self) -> int | None:
        return self._forked.exitcode

    def wait(self, timeout: float | None = None) -> int | None:
        """The exit code, None when it still runs after `timeout` seconds."""
        self._forked.join(timeout)
        return self._forked.exitcode

    def kill(self) -> None:
        self._forked.kill()

    def terminate(self) -> None:
        self._forked.terminate()


class Life(Process):
    """One life of `services.<service>.main <kind>`. `limit_bytes` is the largest file it may write."""

    def __init__(
        self, stack: Stack, name: str, kind: str = "cases", limit_bytes: int | None = None,
        service: str = "supervision", **environment: str,
    ) -> None:  # fmt: skip
        disk = {"DUBAN_MEMBER": name, "DUBAN_STATE_DIR": str(disk_of(stack, name)), "DUBAN_FAILPOINT": ""}
        self.name, self.kind, self.log = name, kind, stack.data / "logs" / f"{kind}-{name}.log"
        (self.port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}"
        self._order, order = _forks.Pipe()
        env = stack.environment | disk | environment
        self._forked: Any = _forks.Process(
            target=_live, args=(service, kind, self.port, env, self.log, order, limit_bytes)
        )
        self._forked.daemon = True
        self._forked.start()
        order.close()
        self.process: Any = Ended(self._forked)
        self._system = psutil.Process(self.process.pid)

    def ready(self) -> Self:
        eventually(lambda: self._answers("/health/ready"), PATIENCE)
        return self

    def arm(self, failpoint: str) -> None:
        """From when this returns the next passage kills. "name[@event.type][:n]"; "" disarms."""
        self._order.send(failpoint)
        self._order.recv()

    @property
    def sentinel(self) -> int:
        """What multiprocessing.connection.wait takes to wait for the end of this life."""
        return int(self._forked.sentinel)

    def pause(self) -> None:
        """SIGSTOP; nothing happens when it is over."""
        with suppress(psutil.NoSuchProcess):
            self._system.suspend()

    def go_on(self) -> None:
        """SIGCONT; nothing happens when it is over, even if its process id is another's by now."""
        with suppress(psutil.NoSuchProcess):
            self._system.resume()

    def has_said(self, text: str) -> bool:
        """Whether `text` is in the log of this life or of one before it under its name."""
        return self.log.exists() and text.encode() in self.log.read_bytes()

    def kill(self) -> None:
        """kill -9, also of a life that is paused; nothing happens when it is over already."""
        self.process.kill()
        self.process.wait(30)
        self._order.close()


def _live(
    service: str, kind: str, port: int, env: dict[str, str], log: Path, orders: Connection, limit_bytes: int | None
) -> None:  # fmt: skip
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.setsid()
    os.environ.update(env)
    os.chdir(ROOT)
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    if limit_bytes is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))
    threading.Thread(target=_take_orders, args=(orders,), daemon=True).start()
    main = import_module(f"services.{service}.main")
    sys.argv = [service, kind, "--port", str(port)]
    (main.app if hasattr(main, "app") else main.cli)()


def _take_orders(orders: Connection) -> None:
    from services.shared import failpoints

    while True:
        try:
            wanted = orders.recv()
        except EOFError:
            return
        failpoints._passed.clear()
        os.environ["DUBAN_FAILPOINT"] = wanted
        orders.send("done")


class Crew:
    """Lives that are all over at the end of a `with`."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.lives: list[Life] = []

    def start(self, name: str, kind: str = "cases", **options: Any) -> Life:
        """A new life, not waited for. Names are static members: a second life under a name follows the first."""
        life = Life(self._stack, name, kind, **options)
        self.lives.append(life)
        return life

    def tend(self, life: Life, **options: Any) -> Life:
        """`life`, or when it has ended by itself the one that follows it: what a supervisor of processes does."""
        return life if life.ended() is None else self.start(life.name, life.kind, **options)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for life in self.lives:
            life.kill()
