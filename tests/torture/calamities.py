"""Which faults a torture run meets when: drawn by lot from a seed, one every few seconds."""

import time
from collections.abc import Callable
from random import Random

from deploy.embedded.stack import Stack
from tests.torture import faults
from tests.torture.keeper import Keeper
from tests.torture.ledger import Ledger

_EVERY_SECONDS = (4.0, 12.0)
_PAUSE_SECONDS = 8.0  # a session ends after 6
_BROKERS_REST_SECONDS = 25.0
_GUEST = "cases-guest"


class Calamities:
    """`step` does what is due. `last` says what was done last."""

    def __init__(self, stack: Stack, keeper: Keeper, rng: Random, ledger: Ledger) -> None:
        self.last = ""
        self._stack, self._keeper, self._rng, self._ledger = stack, keeper, rng, ledger
        self._next = time.monotonic() + 10
        self._brokers_at = self._next
        self._later: list[tuple[float, Callable[[], None]]] = []
        self._weights: dict[Callable[[], str], int] = {
            self._kill: 4, self._pause: 3, self._guest: 4, self._broker: 4, self._all_brokers: 1, self._wipe: 2,
            self._damage_store: 1, self._damage_checkpoints: 2,
        }  # fmt: skip

    def step(self) -> None:
        now = time.monotonic()
        for item in [item for item in self._later if item[0] <= now]:
            self._later.remove(item)
            item[1]()
        if now >= self._next:
            self._next = now + self._rng.uniform(*_EVERY_SECONDS)
            done = self._rng.choices([*self._weights], [*self._weights.values()])[0]()
            if done:
                self.last = done
                self._ledger.faults[done] += 1

    @property
    def due(self) -> float:
        """When the next `step` has something to do, by time.monotonic."""
        return min([self._next, *(at for at, _ in self._later)])

    def end(self) -> None:
        """Nothing stays paused, held or away."""
        for _, action in self._later:
            action()
        self._later.clear()
        if _GUEST in self._keeper.names:
            self._keeper.dismiss(_GUEST, gently=True)
        faults.brokers_back(self._stack, *self._brokers)

    @property
    def _brokers(self) -> range:
        return range(1, self._stack.plan.brokers + 1)

    def _victim(self) -> str:
        return self._rng.choice([name for name in self._keeper.names if name != _GUEST])

    def _kill(self) -> str:
        self._keeper.kill(self._victim(), "worker at any moment")
        return "worker killed"

    def _pause(self) -> str:
        """The life that was paused goes on, whatever has become of its name meanwhile."""
        life = self._keeper.life(self._victim())
        if life.ended() is not None:
            return ""
        life.pause()
        self._later.append((time.monotonic() + _PAUSE_SECONDS, life.go_on))
        return "worker paused beyond its session"

    def _guest(self) -> str:
        if _GUEST in self._keeper.names:
            self._keeper.dismiss(_GUEST, gently=self._rng.random() < 0.5)
            return "worker left"
        self._keeper.hire(_GUEST)
        return "worker joined"

    def _wipe(self) -> str:
        name = self._victim()
        self._keeper.kill(name, "worker at any moment")
        faults.wipe_store(self._stack, name)
        return "disk wiped"

    def _damage_store(self) -> str:
        name = self._victim()
        self._keeper.kill(name, "worker at any moment")
        ending = self._rng.choice(["sst", "log", ""])
        touched = faults.damage_stores(self._stack, name, name.partition("-")[0], ending, most=2)
        return "store damaged" if touched else ""

    def _damage_checkpoints(self) -> str:
        name = self._victim()
        self._keeper.kill(name, "worker at any moment")
        touched = faults.damage_checkpoints(self._stack, name.partition("-")[0])
        faults.wipe_store(self._stack, name)
        return "newest checkpoints damaged, disk wiped" if touched else "disk wiped"

    def _broker(self) -> str:
        return self._brokers_die([self._rng.choice(self._brokers)], "one broker killed")

    def _all_brokers(self) -> str:
        return self._brokers_die([*self._brokers], "all brokers killed")

    def _brokers_die(self, numbers: list[int], what: str) -> str:
        """Not while one is still coming back: two of three away is an outage, not a test of replication."""
        rows = {row.name: row.ready for row in self._stack.status()}
        whole = all(rows.get(f"kafka-{number}") for number in self._brokers)
        if not whole or time.monotonic() - self._brokers_at < _BROKERS_REST_SECONDS:
            return ""
        faults.kill_brokers(self._stack, *numbers)
        self._brokers_at = time.monotonic()
        self._ledger.kills["broker"] += len(numbers)
        return what
