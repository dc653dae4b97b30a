"""Keeps a crew of workers alive: whoever dies is followed by a life that is armed with the next failpoint."""

from itertools import cycle
from multiprocessing.connection import wait
from random import Random

from deploy.embedded.stack import Stack
from services.supervision.runtime.worker import EXIT_BROKEN, EXIT_GROUP
from tests.torture.failpoints import FAILPOINTS, OF_AN_EVENT
from tests.torture.ledger import Ledger
from tests.torture.lives import Life
from tests.torture.scenes import EVENTS, TICK

_KILLED = -9
_ENDINGS = {0: "asked to", EXIT_BROKEN: "broken off", EXIT_GROUP: "Faust gave up"}
_PASSAGES = {"receive": 60, "publish": 60, "checkpoint": 24, "commit": 6}  # at most so many are let by
_EVENTS_LET_BY = 40
_LEAVING_SECONDS = 15.0
_SOON = 8  # of what a failpoint lets by, a share of one in so many until it has killed once
_KINDS = {"cases": (*EVENTS, TICK), "subjects": ("fact.recorded.v1", TICK)}


class Keeper:
    """`armed`: whether new lives are given a failpoint. Names are "cases-…" and "subjects-…"."""

    def __init__(self, stack: Stack, rng: Random, ledger: Ledger) -> None:
        self.armed = True
        self._stack, self._rng, self._ledger = stack, rng, ledger
        self._lives: dict[str, Life] = {}
        self._targets: dict[str, str] = {}
        self._points = {kind: rng.sample(FAILPOINTS, len(FAILPOINTS)) for kind in _KINDS}
        self._kinds = {
            kind: {point: cycle(rng.sample(_KINDS[kind], len(_KINDS[kind]))) for point in OF_AN_EVENT}
            for kind in _KINDS
        }

    @property
    def names(self) -> list[str]:
        return list(self._lives)

    def life(self, name: str) -> Life:
        return self._lives[name]

    def hire(self, name: str) -> None:
        kind = name.partition("-")[0]
        target = self._target(kind) if self.armed else ""
        self._targets[name] = target
        self._lives[name] = Life(self._stack, name, kind, DUBAN_FAILPOINT=target, DUBAN_CHECKPOINT_SECONDS="2")

    def dismiss(self, name: str, gently: bool) -> None:
        life = self._lives.pop(name)
        self._targets.pop(name)
        if gently:
            life.process.terminate()
            if life.process.wait(_LEAVING_SECONDS) is None:
                self._ledger.exits[f"not within {_LEAVING_SECONDS:.0f} s of being asked to"] += 1
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
            self._ledger.failpoints[_point(target)] += 1
            self._ledger.cells.add(f"{name.partition('-')[0]} {target.partition(':')[0]}")
        else:
            self._ledger.exits[f"code {code} ({_ENDINGS.get(code, 'not foreseen')})"] += 1
        self._targets[name] = "ours"

    def await_an_end(self, seconds: float) -> None:
        """Until a life ends, for at most `seconds`."""
        wait([life.sentinel for life in self._lives.values()], max(0.0, seconds))

    def close(self) -> None:
        for life in self._lives.values():
            life.kill()

    def _target(self, kind: str) -> str:
        """The next failpoint, one that nobody has died at and nobody is to die at before all others; those of an event
        with one kind after the other; at a passage drawn by lot, an early one until it has killed."""
        points, taken = self._points[kind], {_point(target) for target in self._targets.values()}
        spared = [point for point in points if point in self._ledger.spared]
        point = next((p for p in spared if p not in taken), (spared or points)[0])
        points.remove(point)
        points.append(point)
        most = _EVENTS_LET_BY if point in OF_AN_EVENT else _PASSAGES[point.partition(".")[0]]
        passage = self._rng.randint(1, most // _SOON + 1 if point in spared else most)
        return f"{point}@{next(self._kinds[kind][point])}:{passage}" if point in OF_AN_EVENT else f"{point}:{passage}"


def _point(target: str) -> str:
    return target.partition("@")[0].partition(":")[0]
