"""Every HTTP service in one uvicorn process: the embedded stack's front door. Compose runs each service by itself."""

import argparse
import importlib
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import uvicorn
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from services.shared.settings import Settings

# Path -> package. The board is mounted last: "/" would swallow the others.
MOUNTS: Mapping[str, str] = {
    "/complaints": "complaints",
    "/approvals": "approvals",
    "/inspections": "inspections",
    "/directives": "directives",
    "/metrics-service": "metrics",
    "": "notifications",
}


def load(settings: Settings) -> dict[str, FastAPI]:
    """Path -> application of every service. A service that cannot be imported or built ends the gateway."""
    return {
        path: importlib.import_module(f"services.{name}.main").create_app(settings) for path, name in MOUNTS.items()
    }


def build(services: Mapping[str, ASGIApp]) -> Starlette:
    """The gateway: each service under its path, and the readiness of all of them under /health."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:  # a mounted application's own lifespan is not run by Starlette
            for service in services.values():
                if isinstance(service, Starlette):
                    await stack.enter_async_context(service.router.lifespan_context(service))
            yield

    async def live(_: Request) -> JSONResponse:
        return JSONResponse({"status": "live"})

    async def ready(_: Request) -> JSONResponse:
        answers = {path or "/": await _readiness(service) for path, service in services.items()}
        sick = {path: detail for path, (code, detail) in answers.items() if code != 200}
        body = {"status": "not ready", "services": sick} if sick else {"status": "ready"}
        return JSONResponse(body, status_code=503 if sick else 200)

    routes = [Route("/health/live", live), Route("/health/ready", ready)]
    return Starlette(routes=[*routes, *(Mount(path, app) for path, app in services.items())], lifespan=lifespan)


async def _readiness(service: ASGIApp) -> tuple[int, str]:
    transport = httpx.ASGITransport(app=service, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        answer = await client.get("/health/ready")
    return answer.status_code, answer.text[:300]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deploy.embedded.gateway")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    arguments = parser.parse_args()
    application = build(load(Settings()))
    # No access log: it would tie network addresses to complaints. SSE clients stay connected: do not wait for them.
    uvicorn.run(
        application, host=arguments.host, port=arguments.port, access_log=False, log_level="warning",
        timeout_graceful_shutdown=2,
    )  # fmt: skip


if __name__ == "__main__":
    main()
