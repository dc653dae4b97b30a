"""What a process and its children use while they run: CPU seconds and memory, sampled. Free of Kafka."""

import os
import threading
import time
from bisect import bisect_left

import psutil

EVERY = 0.05


class Sampler:
    """Samples the process `pid` and its children from `start` to `stop`."""

    def __init__(self, pid: int) -> None:
        self.peak_bytes = 0
        self._process = psutil.Process(pid)
        self._times: list[float] = []
        self._cpu: list[float] = []
        self._gone = 0.0  # CPU seconds of children that have ended
        self._known: dict[int, float] = {}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._done.set()
        self._thread.join()

    def cpu_between(self, start: float, end: float) -> float:
        """CPU seconds used between two instants (seconds since the epoch), interpolated between samples."""
        return self._cpu_at(end) - self._cpu_at(start)

    def _cpu_at(self, at: float) -> float:
        after = bisect_left(self._times, at)
        if after == 0 or after == len(self._times):
            return self._cpu[0] if after == 0 else self._cpu[-1]
        t0, t1, c0, c1 = self._times[after - 1], self._times[after], self._cpu[after - 1], self._cpu[after]
        return c0 + (c1 - c0) * (at - t0) / (t1 - t0)

    def _run(self) -> None:
        while not self._done.wait(EVERY):
            try:
                self._sample()
            except psutil.NoSuchProcess:
                return

    def _sample(self) -> None:
        now, memory, seen = time.time(), 0, dict[int, float]()
        for process in (self._process, *self._process.children(recursive=True)):
            try:
                times = process.cpu_times()
                memory += process.memory_info().rss
                seen[process.pid] = times.user + times.system
            except psutil.NoSuchProcess:
                continue
        self._gone += sum(cpu for pid, cpu in self._known.items() if pid not in seen)
        self._known = seen
        self._times.append(now)
        self._cpu.append(sum(seen.values()) + self._gone)
        self.peak_bytes = max(self.peak_bytes, memory)


class Machine:
    """How much of the machine other programs took since this was made: figures are worth less where that is much."""

    def __init__(self) -> None:
        self._busy, self._all = _machine()
        self._own = _own()

    def others(self) -> float:
        """Share of all CPU time, 0 to 1, used by neither this process nor its descendants that still run."""
        busy, total = _machine()
        return max(0.0, (busy - self._busy - (_own() - self._own)) / (total - self._all))


def _machine() -> tuple[float, float]:
    """(CPU seconds in use, CPU seconds) of all processors since the start of the machine."""
    times = psutil.cpu_times()
    idle = times.idle + times.iowait
    total = sum(times) - times.guest - times.guest_nice  # guests are counted in user
    return total - idle, total


def _own() -> float:
    this, found = psutil.Process(os.getpid()), 0.0
    for process in (this, *this.children(recursive=True)):
        try:
            times = process.cpu_times()
            found += times.user + times.system
        except psutil.NoSuchProcess:
            continue
    return found
