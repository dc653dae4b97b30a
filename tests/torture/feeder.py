"""Appends cities to the log at an even pace while everything else is being killed."""

import multiprocessing
import signal
import threading
import time
from collections.abc import Iterator

from confluent_kafka import KafkaException

from tests.torture.log import Log
from tests.torture.towns import Sending

_SCALE, _DAYS, _PARTS = 20.0, 45, 45
EVENTS_A_TOWN = 33_000  # about


class Feeder(threading.Thread):
    """Sends `towns` cities, evenly over `seconds`, each with a timeline of its own. `sent` are those begun."""

    def __init__(self, log: Log, partitions: int, seed: int, towns: int, seconds: float, scale: float = _SCALE) -> None:
        super().__init__(name="feeder", daemon=True)
        self.sent: list[Sending] = []
        self.events = 0
        self.failure: Exception | None = None
        self._log, self._partitions, self._scale = log, partitions, scale
        self._seeds, self._seconds = range(seed * 1000, seed * 1000 + towns), seconds
        self._ending = threading.Event()

    def run(self) -> None:
        begun, parts = time.monotonic(), len(self._seeds) * _PARTS
        done = 0
        try:
            for town in self._towns():
                self.sent.append(town)
                for part in town.parts(_PARTS):
                    due = begun + self._seconds * done / parts
                    if self._ending.wait(max(0.0, due - time.monotonic())):
                        return
                    self._log.append(part, self._ending.is_set)
                    self.events += sum(record.key is not None for record in part)
                    done += 1
        except (KafkaException, OSError) as error:
            self.failure = error

    def close(self) -> None:
        self._ending.set()
        self.join(60)

    def _towns(self) -> Iterator[Sending]:
        """Generated one ahead, in a process of its own: the oracle takes time."""
        context = multiprocessing.get_context("forkserver")
        with context.Pool(1, initializer=_ignore_interrupts) as pool:
            ahead = [pool.apply_async(_make, (seed, self._partitions, self._scale)) for seed in self._seeds[:1]]
            for seed in [*self._seeds[1:], None]:
                town = ahead.pop(0).get()
                if seed is not None:
                    ahead.append(pool.apply_async(_make, (seed, self._partitions, self._scale)))
                yield town


def _make(seed: int, partitions: int, scale: float) -> Sending:
    return Sending.made(seed, partitions, _DAYS, scale)


def _ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
