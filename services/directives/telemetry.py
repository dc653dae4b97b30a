"""Metrics of directives alone; those of every source are in services.shared.source_telemetry."""

from prometheus_client import Counter

VERIFIED = Counter("duban_directives_verified", "Reports verified, by outcome (accepted, rejected)", ["outcome"])
