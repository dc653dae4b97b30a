"""Metrics of inspections alone; those of every source are in services.shared.source_telemetry."""

from prometheus_client import Counter

FINDINGS = Counter("duban_findings", "Findings of visits, by offence and severity", ["offence", "severity"])
