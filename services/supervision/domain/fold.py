"""What the fold runtime asks of a fold. Pure: no clock, randomness, I/O or framework (architecture rule 1)."""

from collections.abc import Sequence
from typing import Protocol, Self, TypeVar

import msgspec

from services.contracts.envelope import Event, EventModel


class Effect(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A record to append to `topic`. `subject` is its key; `id` is the same in every replay."""

    topic: str
    id: str
    subject: str
    time: int
    sequence: int
    timeline: str
    data: EventModel


class State(msgspec.Struct, kw_only=True, gc=False):
    """What every fold's state carries for the runtime: when to wake it, on which timeline, and whether a decree
    concerns it. Times are microseconds since the epoch. States hold no cycles: the collector need not know of them."""

    timeline: str
    wake_at: int | None = None
    provisional: bool = False


S = TypeVar("S", bound=State)
NEVER = -(2**62)


class Fold(Protocol[S]):
    """A pure fold over the events of one key.

    The runtime hands over ownership of `state`: a fold may change and return it. `watermark` is the highest `as_of` of
    the event's timeline in this partition, NEVER before the first tick. After every call the runtime stores the state
    and its timer; once `watermark > state.wake_at` it calls `wake`, in the order of (wake_at, key).
    """

    name: str
    state_type: type[S]
    decree_types: frozenset[str]

    def fold(self, state: S | None, event: Event, watermark: int) -> tuple[S | None, Sequence[Effect]]:
        """The state after `event` and its effects. `None` means: nothing to remember about this key."""
        ...

    def wake(self, state: S, watermark: int) -> tuple[S, Sequence[Effect]]:
        """The state after everything due before `watermark` has been done; its wake_at is then None or >= watermark."""
        ...

    def decreed(self, event: Event) -> Self:
        """This fold under a decree (an event of `decree_types`), which stands in every partition."""
        ...

    def recompute(self, state: S, event: Event, watermark: int) -> tuple[S, Sequence[Effect]]:
        """A provisional state under the decree that `decreed` has just taken in."""
        ...
