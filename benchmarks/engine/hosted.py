"""The minimal job on an engine with a static name in its consumer group: a restart need not wait for the dead one's
session. `python -m benchmarks.engine.hosted duban:NAME|quix|faust JOB`; peers are run by the Python of .venv-bench."""

import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.job import Job


def duban(job: Job, member: str) -> None:
    """A worker whose local state is its own and whose checkpoints are the group's. Logs are JSON with `at` in s."""
    import structlog

    from benchmarks.minimal.fold import MinimalFold
    from services.contracts.topics import DEAD_LETTERS
    from services.shared.settings import Settings
    from services.supervision.runtime.worker import Worker, run

    def stamp(_: Any, __: str, event: Any) -> Any:
        event["at"] = time.time()
        return event

    structlog.configure(processors=[stamp, structlog.processors.JSONRenderer()])
    state = Path(job.state)

    def build() -> Worker:
        return Worker(
            MinimalFold(job.group, job.output), tuple(job.inputs), brokers=job.brokers, member=f"{job.group}-{member}",
            state_dir=state / "local" / member, checkpoint_dir=state / "checkpoints", upstream=frozenset(), forward=(),
            partitions={job.output: 4, DEAD_LETTERS: 1}, batch=Settings().batch, checkpoint_seconds=job.interval,
        )  # fmt: skip

    run(build, lambda worker: None)


def quix(job: Job) -> None:
    from benchmarks.peers import minimal_quix

    static: dict[str, Any] = {"group.instance.id": job.group}
    minimal_quix.FETCH.update(static)
    minimal_quix.main(job)


def faust(job: Job) -> None:
    from faust import Worker

    from benchmarks.peers.minimal_faust import build

    app = build(job)
    app.conf.consumer_group_instance_id = job.group
    Worker(app, loglevel="WARNING", redirect_stdouts=False).execute_from_commandline()


if __name__ == "__main__":
    name, _, member = sys.argv[1].partition(":")
    given = msgspec.json.decode(sys.argv[2], type=Job)
    del sys.argv[1:]
    if name == "duban":
        duban(given, member)
    elif name == "quix":
        quix(given)
    else:
        faust(given)
