"""Metrics of approvals alone; those of every source are in services.shared.source_telemetry."""

from prometheus_client import Counter

DECIDED = Counter("duban_approvals_decided", "Applications decided, by outcome", ["outcome"])
