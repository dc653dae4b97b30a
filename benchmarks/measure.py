"""What a process and its children use while they run: CPU seconds and memory, sampled. Free of Kafka."""

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
