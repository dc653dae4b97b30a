"""Named places where a test may kill the process, by DUBAN_FAILPOINT. Nothing happens when it is not set.

DUBAN_FAILPOINT=relay.published kills at the first passage, relay.published:3 at the third.
"""

import os
import signal
from collections import Counter

_passed: Counter[str] = Counter()


def failpoint(name: str) -> None:
    """Kill this process (SIGKILL: nothing is cleaned up) when `name` is the one that the environment asks for."""
    wanted = os.environ.get("DUBAN_FAILPOINT")
    if not wanted:
        return
    target, _, count = wanted.partition(":")
    if target == name:
        _passed[name] += 1
        if _passed[name] == int(count or 1):
            os.kill(os.getpid(), signal.SIGKILL)
