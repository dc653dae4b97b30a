"""What came out: up to when the board is complete, and the alerts on it. Asks notifications over HTTP."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any

import httpx

_POLL_SECONDS = 0.25
_PAGE = 500


class Incomplete(TimeoutError):
    """The board was not complete in time. The message says how far it had come."""


class Board:
    """The board at `base`, asked under `token`, about one timeline."""

    def __init__(self, client: httpx.AsyncClient, base: str, token: str, timeline: str) -> None:
        self._client, self._base, self._timeline = client, base.rstrip("/"), timeline
        self._headers = {"Authorization": f"Bearer {token}"}

    async def watermark(self) -> datetime | None:
        """The instant up to which everything of the timeline has reached the board; None before the first tick has."""
        as_of = (await self._get("/v1/watermarks"))["as_of"]
        return datetime.fromisoformat(as_of) if as_of else None

    async def wait_complete(self, end: datetime, seconds: float, tell: Callable[[datetime], None]) -> None:
        """Return once the board is complete up to `end`; `tell` hears how far it is. Raises Incomplete."""
        give_up = time.monotonic() + seconds
        while True:
            as_of = await self.watermark()
            if as_of is not None:
                tell(as_of)
                if as_of >= end:
                    return
            if time.monotonic() > give_up:
                known = as_of.isoformat() if as_of else "no tick yet"
                raise Incomplete(f"the board is complete up to {known}, not yet up to {end.isoformat()}")
            await asyncio.sleep(_POLL_SECONDS)

    async def alerts(self) -> AsyncIterator[dict[str, Any]]:
        """Every alert of the timeline, page by page."""
        after: str | None = None
        while True:
            page = await self._get("/v1/alerts", limit=_PAGE, **({"after": after} if after else {}))
            for item in page["items"]:
                yield item
            after = page.get("next")
            if not after:
                return

    async def latency(self) -> dict[str, Any]:
        """Count and exact quantiles of the time from an event's publication to its alert's arrival, in ms."""
        return await self._get("/v1/latency")

    async def _get(self, path: str, **query: Any) -> dict[str, Any]:
        answer = await self._client.get(
            self._base + path, params={"timeline": self._timeline, **query}, headers=self._headers
        )
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found
