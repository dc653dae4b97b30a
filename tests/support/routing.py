"""Where the broker would lay an effect. Free of Kafka."""

from services.shared.partitioner import partition_of
from services.supervision.runtime.store import BY_KEY, StoredEffect


def laid_in(effect: StoredEffect, partitions: int = 4) -> int:
    """The partition of `effect` in a topic of `partitions`."""
    return partition_of(effect.key, partitions) if effect.partition == BY_KEY else effect.partition
