"""Alerts on the board against the alerts that must come, exactly and both ways. Free of I/O."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from simulation.oracle import Expected


def as_expected(alert: dict[str, Any]) -> Expected:
    """What the oracle says about an alert, read from an alert's JSON (instants as text or datetimes)."""
    clock = alert.get("clock")
    at = alert["due_at"] if clock else alert["raised_at"]
    return Expected(
        rule=alert["rule"], subject=alert.get("source_ref") or alert["subject"] if clock else alert["subject"],
        clock=clock or "", at=at if isinstance(at, datetime) else datetime.fromisoformat(at), state=alert["state"],
        severity=alert["severity"], agency=alert.get("agency") or "",
    )  # fmt: skip


def difference(found: Iterable[Expected], expected: Iterable[Expected]) -> tuple[list[Expected], list[Expected]]:
    """(missing, unexpected), each in order; an alert that is on the board twice is unexpected the second time."""
    left = set(expected)
    unexpected = []
    for alert in found:
        if alert in left:
            left.remove(alert)
        else:
            unexpected.append(alert)
    return sorted(left), sorted(unexpected)
