"""The minimal job on the production runtime, with production's batch size and checkpoints."""

from pathlib import Path

from benchmarks.job import Job
from benchmarks.minimal.fold import MinimalFold
from services.contracts.topics import DEAD_LETTERS
from services.shared.settings import Settings
from services.supervision.runtime.worker import Worker, run


def main(job: Job) -> None:
    state = Path(job.state)

    def build() -> Worker:
        fold = MinimalFold(job.group, job.output)
        return Worker(
            fold, tuple(job.inputs), brokers=job.brokers, member=job.group, state_dir=state / "local",
            checkpoint_dir=state / "checkpoints", upstream=frozenset(), forward=(),
            partitions={job.output: 4, DEAD_LETTERS: 1}, batch=Settings().batch, checkpoint_seconds=job.interval,
        )  # fmt: skip

    run(build, lambda worker: None)


if __name__ == "__main__":
    main(Job.given())
