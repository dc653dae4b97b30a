"""Which process of a stack, its client and everybody else took how much of a core between two instants."""

import time

import psutil

from benchmarks.measure import Machine
from deploy.embedded.stack import Stack


class Shares:
    """The processes of `stack`, this one (the client and the reader), and the rest of the machine."""

    def __init__(self, stack: Stack) -> None:
        self._processes = {"client": psutil.Process()}
        self._processes |= {name: psutil.Process(pid) for name, pid in stack.pids.items() if name != "supervisor"}

    def begin(self) -> None:
        self._machine, self._at, self._cpu = Machine(), time.monotonic(), self._now()

    def end(self) -> dict[str, float]:
        """Name -> cores since `begin`: 1 is one core all the time."""
        seconds, now = time.monotonic() - self._at, self._now()
        cores = {name: (now[name] - self._cpu[name]) / seconds for name in now}
        return cores | {"all others": self._machine.others() * (psutil.cpu_count() or 1)}

    def _now(self) -> dict[str, float]:
        times = {name: process.cpu_times() for name, process in self._processes.items()}
        return {name: found.user + found.system for name, found in times.items()}
