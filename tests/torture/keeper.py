"""Keeps a crew of workers alive: whoever dies is followed by a life that is armed with the next failpoint."""

from collections import Counter
from collections.abc import Iterator
from itertools import cycle
from random import Random

from deploy.embedded.stack import Stack
from tests.torture.failpoints import FAILPOINTS, OF_AN_EVENT
from tests.torture.ledger import Ledger
from tests.torture.lives import Life
from tests.torture.scenes import EVENTS, TICK

_KILLED = -9
_PASSAGES = {"receive": 60, "publish": 60, "checkpoint": 24, "commit": 6}  # at most so many are let by
_EVENTS_LET_BY = 40
_KINDS = {"cases": (*EVENTS, TICK), "subjects": ("fact.recorded.v1", TICK)}


class Keeper:
    """`armed`: whether new lives are given a failpoint. Names are "cases-…" and "subjects-…"."""

    def __init__(self, stack: Stack, rng: Random, ledger: Ledger) -> None:
        self.armed = True
        self._stack, self._rng, self._ledger = stack, rng, ledger
        self._lives: dict[str, Life] = {}
        self._targets: dict[str, str] = {}
        self._order = {kind: self._cells(kind) for kind in _KINDS}

    @property
    def names(self) -> list[str]:
        return list(self._lives)

    def life(self, name: str) -> Life:
        return self._lives[name]

    def hire(self, name: str) -> None:
        kind = name.partition("-")[0]
        target = next(self._order[kind]) if self.armed else ""
        self._targets[name] = target
        self._lives[name] = Life(self._stack, name, kind, DUBAN_FAILPOINT=target, DUBAN_CHECKPOINT_SECONDS="2")

    def dismiss(self, name: str, gently: bool) -> None:
        life = self._lives.pop(name)
        if gently:
            life.process.terminate()
            life.process.wait(15)
        life.kill()

    def kill(self, name: str, why: str) -> None:
        """kill -9 now; `tend` starts the next life."""
        self.note(name)
        self._lives[name].kill()
        self._ledger.kills[why] += 1
        self._targets[name] = "ours"

    def tend(self) -> None:
        """Note how each life ended that has, and start the next under its name."""
        for name in self.names:
            if self._lives[name].ended() is not None:
                self.note(name)
                self._lives[name].kill()
                self.hire(name)

    def note(self, name: str) -> None:
        code, target = self._lives[name].ended(), self._targets.get(name, "")
        if code is None or target == "ours":
            return
        if code == _KILLED and target:
            self._ledger.kills["worker at a failpoint"] += 1
            self._ledger.failpoints[target.partition("@")[0].partition(":")[0]] += 1
            self._ledger.cells.add(f"{name.partition('-')[0]} {target.partition(':')[0]}")
        else:
            self._ledger.exits[f"code {code}"] += 1
        self._targets[name] = "ours"

    def close(self) -> None:
        for life in self._lives.values():
            life.kill()

    def _cells(self, kind: str) -> Iterator[str]:
        """Every failpoint in turn, those of an event with one kind after the other, at a passage drawn by lot."""
        kinds = {point: cycle(self._rng.sample(_KINDS[kind], len(_KINDS[kind]))) for point in OF_AN_EVENT}
        seen: Counter[str] = Counter()
        for point in cycle(self._rng.sample(FAILPOINTS, len(FAILPOINTS))):
            seen[point] += 1
            if point in kinds:
                yield f"{point}@{next(kinds[point])}:{self._rng.randint(1, _EVENTS_LET_BY)}"
            else:
                yield f"{point}:{self._rng.randint(1, _PASSAGES[point.partition('.')[0]])}"
