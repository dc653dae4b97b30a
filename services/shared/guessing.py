"""Limits on guessing receipt codes and passwords, per network address or account and in all. Free of HTTP and storage.

Token buckets in the memory of one process, on purpose: no address of anybody who asks after a complaint is ever written
down. With n processes of this service an attacker has n times the attempts; docs/decisions/0010-receipt-codes.md counts
them. A right code gives its token back, so that whoever has one is limited by nobody's mistakes but their address's.
"""

import ipaddress
import math
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

ADDRESSES_KEPT = 20_000


class Limit(NamedTuple):
    """`burst` attempts at once, then one every `every` seconds."""

    burst: int
    every: float


PER_ADDRESS = Limit(burst=20, every=10.0)
IN_ALL = Limit(burst=500, every=0.2)


class Bucket:
    """How many attempts are left, as of the last look."""

    def __init__(self, limit: Limit, now: float) -> None:
        self._limit, self._left, self._at = limit, float(limit.burst), now

    def wait(self, now: float) -> float:
        """Seconds until the next attempt; 0 when there is one now."""
        self._left = min(self._limit.burst, self._left + max(0.0, now - self._at) / self._limit.every)
        self._at = max(now, self._at)
        return max(0.0, (1 - self._left) * self._limit.every) if self._left < 1 else 0.0

    def take(self, count: float) -> None:
        """Take `count` attempts away; a negative count gives them back."""
        self._left -= count


class Guessing:
    """The attempts of everybody. `clock` gives seconds that never go back."""

    def __init__(
        self, clock: Callable[[], float], per_address: Limit = PER_ADDRESS, in_all: Limit = IN_ALL
    ) -> None:  # fmt: skip
        self._clock, self._per_address = clock, per_address
        self._all = Bucket(in_all, clock())
        self._addresses: OrderedDict[str, Bucket] = OrderedDict()
        self._lock = threading.Lock()

    def attempt(self, address: str) -> int:
        """Take an attempt; the answer is 0, or after how many whole seconds to come again and nothing was taken."""
        with self._lock:
            now, own = self._clock(), self._bucket(address)
            wait = max(self._all.wait(now), own.wait(now))
            if wait > 0:
                return math.ceil(wait)
            self._all.take(1)
            own.take(1)
            return 0

    def was_right(self, address: str) -> None:
        """Give the attempt back: it was no guess."""
        with self._lock:
            self._all.take(-1)
            self._bucket(address).take(-1)

    def _bucket(self, address: str) -> Bucket:
        name = network(address)
        bucket = self._addresses.get(name)
        if bucket is None:
            bucket = self._addresses[name] = Bucket(self._per_address, self._clock())
            # Somebody with more addresses than are kept meets the limit in all.
            if len(self._addresses) > ADDRESSES_KEPT:
                self._addresses.popitem(last=False)
        self._addresses.move_to_end(name)
        return bucket


def network(address: str) -> str:
    """The address itself, or the /64 of an IPv6 address: one customer has as many addresses as they like in it."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)
