"""Counts acts on openings, over the API and on the pages alike. Free of HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager

from services.vault.domain.opening import Refused
from services.vault.service import Conflict, NotFound, Shredded
from services.vault.telemetry import OPENINGS


@contextmanager
def counted(act: str) -> Iterator[None]:
    """Count what is done inside as `act`, or as refused."""
    try:
        yield
    except (Refused, NotFound, Conflict, Shredded):
        OPENINGS.labels("refused").inc()
        raise
    OPENINGS.labels(act).inc()
