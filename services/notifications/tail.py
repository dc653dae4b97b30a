"""Wakes every open event stream when the feed has grown. One query a moment for all of them, none when nobody looks."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from anyio import to_thread

from services.notifications import telemetry

POLL_SECONDS = 0.25


class FeedTail:
    """Watches the feed's last position, which `last_position` asks the database for."""

    def __init__(self, last_position: Callable[[], int]) -> None:
        self._last_position = last_position
        self._position = 0
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

    async def _watch(self) -> None:
        while self._readers:
            try:
                found = await to_thread.run_sync(self._last_position)
            except Exception:  # the database is away: streams stay open and go on when it is back
                found = self._position
            if found != self._position:
                async with self._grown:
                    self._position = found
                    self._grown.notify_all()
            await asyncio.sleep(POLL_SECONDS)
