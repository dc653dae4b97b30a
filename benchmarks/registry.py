"""The table of benchmarks: name -> module with `run(settings) -> list[Figure]`. Imports none before it is asked for."""

from importlib import import_module
from importlib.util import find_spec

from benchmarks.figures import Benchmark

MODULES = {
    "minimal": "benchmarks.minimal.job",
    "full": "benchmarks.full.job",
    "timers": "benchmarks.engine.timers",
    "latency": "benchmarks.engine.latency",
    "recovery": "benchmarks.engine.recovery",
    "replay": "benchmarks.engine.replay",
    "intake": "benchmarks.engine.intake",
}


def available() -> list[str]:
    """Names of the benchmarks whose module is there, in the order in which they run."""
    return [name for name, module in MODULES.items() if _exists(module)]


def load(name: str) -> Benchmark:
    """The benchmark called `name`. Raises KeyError when there is none."""
    run: Benchmark = import_module(MODULES[name]).run
    return run


def _exists(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
