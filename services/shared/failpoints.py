"""Named places where a test may kill the process, by DUBAN_FAILPOINT. Nothing happens when it is not set.

DUBAN_FAILPOINT=relay.published kills at the first passage, relay.published:3 at the third,
fold.after@complaint.filed.v1 at the first passage of that kind of event.
"""

import os
import signal
from collections import Counter

ARMED = "DUBAN_FAILPOINT" in os.environ  # lets a hot path ask once whether to ask at all
_passed: Counter[str] = Counter()


def failpoint(name: str, kind: str | None = None) -> None:
    """Kill this process (SIGKILL: nothing is cleaned up) when `name` is the one that the environment asks for."""
    wanted = os.environ.get("DUBAN_FAILPOINT")
    if not wanted:
        return
    target, _, count = wanted.partition(":")
    target, _, only = target.partition("@")
    if target == name and only in ("", kind):
        _passed[name] += 1
        if _passed[name] == int(count or 1):
            os.kill(os.getpid(), signal.SIGKILL)
