"""Every metric of the supervision workers, each with its meaning."""

from prometheus_client import Counter, Gauge

RECORDS = Counter("duban_supervision_records_total", "Records folded", ["fold", "topic"])
EFFECTS = Counter("duban_supervision_effects_total", "Effects published", ["fold", "topic"])
CHECKPOINTS = Counter("duban_supervision_checkpoints_total", "Checkpoints written", ["fold"])
PARTITIONS = Gauge("duban_supervision_partitions", "Partitions whose store is open here", ["fold"])
REWINDS = Counter("duban_supervision_rewinds_total", "Times the log was read again from the store's position", ["fold"])
GAPS = Counter("duban_supervision_gaps_total", "Times the log began later than the store had come", ["fold"])
UNREADABLE = Counter(
    "duban_supervision_dead_letters_total", "Records that became dead letters", ["fold", "topic", "reason"]
)
DAMAGED = Counter("duban_supervision_damaged_total", "Checkpoints and local stores that could not be used", ["fold"])
LAG = Gauge("duban_supervision_lag_records", "Records of a partition that are not folded yet", ["topic", "partition"])
STOPPED = Gauge("duban_supervision_stopped_partitions", "Partitions stopped at too many unreadable records", ["fold"])
