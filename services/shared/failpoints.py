"""Named places where a test may kill the process, by DUBAN_FAILPOINT. Nothing happens when it is not set.

DUBAN_FAILPOINT=relay.publish.after kills at the first passage, relay.publish.after:3 at the third,
fold.after@complaint.filed.v1 at the first passage of that kind of event.
"""

import os
import signal
from collections import Counter
from collections.abc import Collection, Iterable

from services.contracts.codec import Undecodable, decode

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


def failpoint_of_kinds(name: str, kinds: Collection[str]) -> None:
    """The failpoint `name` of a batch that holds events of `kinds`: one passage, of each of them."""
    only = os.environ.get("DUBAN_FAILPOINT", "").partition(":")[0].partition("@")[2]
    failpoint(name, only if only in kinds else None)


def failpoint_of_batch(name: str, values: Iterable[bytes | None]) -> None:
    """The same of a batch of records, by their values."""
    if ARMED:
        failpoint_of_kinds(name, {kind_of(value) for value in values})


def kind_of(value: bytes | None) -> str:
    """The event type of a record's value; "undecodable" when it cannot be read."""
    try:
        return decode(value).type
    except Undecodable:
        return "undecodable"
