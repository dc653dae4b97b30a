"""Every metric that the four sources of facts share, each with its meaning. Labels never hold a case or a person."""

from prometheus_client import Counter, Gauge, Histogram

COMMANDS = Counter(
    "duban_commands", "Commands by service, command and outcome (done, repeated, refused, conflict, error)",
    ["service", "command", "outcome"],
)  # fmt: skip
COMMAND_SECONDS = Histogram(
    "duban_command_seconds", "From a command's body being read to its answer", ["service"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)  # fmt: skip
IMPORTED = Counter(
    "duban_imported_lines", "Lines of imported logs by outcome (applied, repeated, refused)", ["service", "outcome"]
)
OUTBOX_CASES = Gauge("duban_outbox_cases", "Cases with events that the broker has not acknowledged", ["service"])
OUTBOX_AGE = Gauge(
    "duban_outbox_age_seconds", "Age of the oldest live event that the broker has not acknowledged", ["service"]
)
PUBLISHED = Counter("duban_relay_published", "Events acknowledged by the broker", ["service"])
TICKS = Counter("duban_relay_ticks", "Clock ticks acknowledged by every partition", ["service"])
RELAY_RETRIES = Counter(
    "duban_relay_retries", "Times the relay had to wait for the broker or the store", ["service", "reason"]
)
