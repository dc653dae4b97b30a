"""Which partition holds a key: one answer for the relay, for direct imports and for tests. Free of connections."""

from functools import lru_cache

from kafka.partitioner.default import murmur2


@lru_cache(maxsize=1 << 16)
def partition_of(key: bytes, partitions: int) -> int:
    """The partition, 0 to `partitions` - 1, that Kafka's default partitioner gives `key`."""
    return int((murmur2(key) & 0x7FFFFFFF) % partitions)
