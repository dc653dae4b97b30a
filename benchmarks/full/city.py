"""The generated city of the full job and its policies: the same for the same number of events. Free of engines."""

from collections.abc import Iterator
from pathlib import Path

from benchmarks.engines import ROOT
from services.contracts.topics import SOURCE_TOPICS
from services.supervision.domain.cases import CasesFold
from services.supervision.domain.subjects import SubjectsFold
from services.supervision.policy_files import load_policies
from simulation.city.generate import Town, generate
from simulation.replay import Record, records

POLICIES = Path(ROOT) / "policies"
PARTITIONS = 4
SOURCES = frozenset(f"{topic}-{number}" for topic in SOURCE_TOPICS for number in range(PARTITIONS))
_DAYS, _SEED = 45, 7
_A_SCALE = 1670  # events of 45 days at scale 1


def town(events: int) -> Town:
    """A city of about `events` events in 45 virtual days."""
    return generate(POLICIES, seed=_SEED, days=_DAYS, scale=events / _A_SCALE)


def log(city: Town) -> Iterator[Record]:
    """Its records with a tick in every partition each half-day, all keyed."""
    for record in records(city.timeline, city.segments(), PARTITIONS):
        yield (
            record
            if record.key is not None
            else Record(topic=record.topic, partition=record.partition, key=b"clock", value=record.value)
        )


def folds() -> tuple[CasesFold, SubjectsFold]:
    """The real rules under the real policies."""
    policies = load_policies(POLICIES)
    return CasesFold(policies.cases, policies.calendar), SubjectsFold(policies.subjects, policies.calendar)
