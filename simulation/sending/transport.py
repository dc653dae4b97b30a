"""POST to the services with patience: what may pass (no connection, 429, 5xx) is tried again for a minute."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import httpx

_PATIENCE_SECONDS = 60.0
_LONGEST_PAUSE = 5.0
_AT_FAULT = frozenset({"400", "409", "413", "422"})
Headers = Mapping[str, str]


class Rejected(RuntimeError):
    """The services would not take a request, or could not be reached for a minute. The message says why.

    `refused`: the request itself is at fault, and would be again.
    """

    def __init__(self, message: str, *, refused: bool = False) -> None:
        super().__init__(message)
        self.refused = refused


class Transport:
    """A gateway at `base` and the token that everything is sent under."""

    def __init__(self, client: httpx.AsyncClient, base: str, token: str) -> None:
        self._client, self._base = client, base.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    async def post(
        self, path: str, body: bytes, headers: Mapping[str, str] | None = None, method: str = "POST"
    ) -> bytes:
        """The answer's body. Raises Rejected."""
        return (await self.request(path, body, headers, method)).content

    async def request(
        self, path: str, body: bytes, headers: Mapping[str, str] | None = None, method: str = "POST"
    ) -> httpx.Response:
        """The answer. Raises Rejected."""
        give_up = time.monotonic() + _PATIENCE_SECONDS
        pause = 0.2
        while True:
            try:
                answer = await self._client.request(
                    method, self._base + path, content=body, headers={**self._headers, **(headers or {})}
                )
                if answer.is_success:
                    return answer
                why = f"{answer.status_code} {_detail(answer)}"
                passing = answer.status_code == 429 or answer.status_code >= 500
            except httpx.TransportError as error:
                why, passing = f"{type(error).__name__} {error}".strip(), True
            if not passing or time.monotonic() > give_up:
                raise Rejected(f"{path}: {why}", refused=why[:3] in _AT_FAULT)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)


def _detail(answer: httpx.Response) -> str:
    try:
        problem: Any = answer.json()
    except ValueError:
        return answer.text[:200]
    if not isinstance(problem, dict):
        return str(problem)[:200]
    return str(problem.get("detail") or problem.get("title") or problem)[:300]
