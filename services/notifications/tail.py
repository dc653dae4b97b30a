"""Follows the feed for every open event stream: one query a moment for all of them, none when nobody looks.

What came last stays in memory, so a stream that keeps up asks the database nothing. A slow one holds no queue of its
own: it goes on from here while what it has not had is still kept, and reads the database when it is not.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import islice
from typing import Protocol

from anyio import to_thread

from services.notifications import telemetry
from services.notifications.repository import FeedEntry
from services.shared.pace import Pace

BUSY_SECONDS = 0.02  # between two queries while the feed grows
KEPT = 2000


class Feed(Protocol):
    """What is asked of the database."""

    def last_position(self) -> int: ...

    def since(self, position: int) -> list[FeedEntry]:
        """Some of the entries after `position`, the next one first; none only when there are none."""


class FeedTail:
    """The end of `feed`, as it grows."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._position = 0
        self._kept: deque[FeedEntry] = deque(maxlen=KEPT)
        self._grown = asyncio.Condition()
        self._watcher: asyncio.Task[None] | None = None
        self._readers = 0

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        """Keep watching while somebody is inside."""
        self._readers += 1
        telemetry.FEED_READERS.inc()
        if self._watcher is None or self._watcher.done():
            self._watcher = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            self._readers -= 1
            telemetry.FEED_READERS.dec()

    async def beyond(self, position: int, seconds: float) -> int:
        """The last position as soon as it is higher than `position`, else whatever it is after `seconds`."""
        async with self._grown:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._grown.wait_for(lambda: self._position > position), seconds)
            return self._position

    def after(self, position: int) -> list[FeedEntry] | None:
        """The entries after `position`, oldest first; None when not all of them are kept."""
        missing = max(0, self._position - position)
        return list(islice(self._kept, len(self._kept) - missing, None)) if missing <= len(self._kept) else None

    async def _watch(self) -> None:
        pace, started = Pace(BUSY_SECONDS), False
        while self._readers:
            try:
                if not started:
                    await self._begin()
                    started = True
                found = await to_thread.run_sync(self._feed.since, self._position)
            except Exception:  # the database is away: streams stay open and go on when it is back
                found = []
            if found:
                await self._add(found)
            await asyncio.sleep(pace.after(bool(found)))

    async def _begin(self) -> None:
        """Nobody has looked for a while, or never: what came meanwhile is not read one by one."""
        last = await to_thread.run_sync(self._feed.last_position)
        if last != self._position:
            async with self._grown:
                self._kept.clear()
                self._position = last
                self._grown.notify_all()

    async def _add(self, found: list[FeedEntry]) -> None:
        async with self._grown:
            if found[0].position != self._position + 1:
                self._kept.clear()
            self._kept.extend(found)
            self._position = found[-1].position
            self._grown.notify_all()
