"""One of the two supervision workers as production starts it, with state and consumer group of the run's own."""

import sys
from pathlib import Path
from typing import Any

from benchmarks.full.city import PARTITIONS, SOURCES, folds
from benchmarks.job import Job
from services.contracts.topics import ALERTS, DEAD_LETTERS, FACTS, SOURCE_TOPICS
from services.shared.settings import Settings
from services.supervision.runtime.worker import Worker, run


def main(job: Job, kind: str) -> None:
    state = Path(job.state)

    def build() -> Worker:
        cases, subjects = folds()
        fold: Any = cases if kind == "cases" else subjects
        fold.name = f"{job.group}-{kind}"
        return Worker(
            fold, SOURCE_TOPICS if kind == "cases" else (FACTS,), brokers=job.brokers, member=f"{job.group}-{kind}",
            state_dir=state / "local", checkpoint_dir=state / "checkpoints",
            upstream=frozenset() if kind == "cases" else SOURCES,
            forward=(FACTS, ALERTS) if kind == "cases" else (ALERTS,),
            partitions={FACTS: PARTITIONS, ALERTS: PARTITIONS, DEAD_LETTERS: 1}, batch=Settings().batch,
            checkpoint_seconds=job.interval,
        )  # fmt: skip

    run(build, lambda worker: None)


if __name__ == "__main__":
    main(Job.given(), sys.argv[2])
