"""Metrics of complaints alone; those of every source are in services.shared.source_telemetry."""

from prometheus_client import Counter

RECEIPTS = Counter(
    "duban_receipt_lookups", "Receipt codes asked for, by outcome (found, unknown, limited)", ["outcome"]
)
EVIDENCE = Counter(
    "duban_evidence",
    "Files sent, by what became of them (clean, unscanned: kept; infected, nottaken, full: refused)",
    ["outcome"],
)
