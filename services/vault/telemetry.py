"""Every metric of the vault, each with its meaning. No label holds a case, an account or a person."""

from prometheus_client import Counter, Gauge

KEPT = Counter("duban_vault_kept", "Sealed identities handed over, by outcome (kept, repeated, refused)", ["outcome"])
OPENINGS = Counter("duban_vault_openings", "Acts on openings (requested, approved, denied, opened, refused)", ["act"])
SIGN_INS = Counter("duban_vault_sign_ins", "Sign-ins of custodians by outcome (done, wrong, too_many)", ["outcome"])
SHREDDED = Counter(
    "duban_vault_shredded", "Identities whose data key was destroyed, by the vault or by command", ["by"]
)
REWRAPPED = Counter("duban_vault_rewrapped", "Data keys sealed anew to the current custodians' key")
OVERDUE = Gauge("duban_vault_retention_overdue", "Identities past their retention that are not shredded yet")
HOUSEKEEPING_RETRIES = Counter("duban_vault_housekeeping_retries", "Times that housekeeping had to wait")
