"""The clock of the live timeline; only composition roots pass it on."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """This instant."""
    return datetime.now(UTC)
