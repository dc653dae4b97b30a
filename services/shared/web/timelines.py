"""What kind of timeline one is, for the badge that says so. Pure."""

from services.contracts.envelope import LIVE


def timeline_kind(timeline: str) -> str:
    """live, exercise for a generated city, replay for an imported log."""
    if timeline == LIVE:
        return "live"
    return "exercise" if timeline.startswith("city-") else "replay"
