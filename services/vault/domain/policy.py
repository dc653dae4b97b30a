"""What policies/vault.yaml says, read and checked. Free of I/O."""

from datetime import timedelta
from typing import Any

import msgspec


class VaultPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`reasons` and `denials` are code -> {zh, en}; the rest are days."""

    version: str
    reasons: dict[str, dict[str, str]]
    denials: dict[str, dict[str, str]]
    approve_within_days: int
    open_within_days: int
    retention_days: int
    old_keys_days: int

    @property
    def approve_within(self) -> timedelta:
        return timedelta(days=self.approve_within_days)

    @property
    def open_within(self) -> timedelta:
        return timedelta(days=self.open_within_days)

    @property
    def retention(self) -> timedelta:
        return timedelta(days=self.retention_days)

    @property
    def old_keys(self) -> timedelta:
        return timedelta(days=self.old_keys_days)


def read_policy(document: Any) -> VaultPolicy:
    """The policy in a parsed YAML document. Raises ValueError with the field at fault."""
    try:
        policy = msgspec.convert(document, VaultPolicy)
    except msgspec.ValidationError as error:
        raise ValueError(f"vault.yaml: {error}") from None
    days = (policy.approve_within_days, policy.open_within_days, policy.retention_days, policy.old_keys_days)
    if min(days) < 1:
        raise ValueError("vault.yaml: every number of days is 1 or more")
    for code, words in (policy.reasons | policy.denials).items():
        if not {"zh", "en"} <= words.keys():
            raise ValueError(f"vault.yaml: {code} needs words in zh and en")
    return policy
