"""HTTP of the metrics service: key figures as JSON, gauges for Prometheus, health."""

import time
from collections.abc import Callable
from threading import Lock
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest

from services.metrics.domain.kpis import Kpi, kpis
from services.metrics.repository import Counts
from services.metrics.telemetry import Figures
from services.shared import access
from services.shared.auth import Principal, require

FRESH_SECONDS = 10.0
PATIENCE = 10.0  # counting may take at most a tenth of the time


class Computed:
    """Counts and key figures, computed at most every ten seconds, less often when that takes long."""

    def __init__(self, counts: Callable[[], Counts], clock: Callable[[], float] = time.monotonic) -> None:
        self._ask, self._clock, self._lock = counts, clock, Lock()
        self._due = float("-inf")
        self._counts = Counts(cases=[], alarms=[], overdue=[])

    def counts(self) -> Counts:
        with self._lock:
            started = self._clock()
            if started >= self._due:
                self._counts = self._ask()
                self._due = self._clock() + max(FRESH_SECONDS, PATIENCE * (self._clock() - started))
            return self._counts

    def kpis(self) -> list[Kpi]:
        counts = self.counts()
        return kpis(counts.cases, counts.alarms, counts.overdue)


def routes(computed: Computed, ready: Callable[[], object], groups: dict[str, str]) -> APIRouter:
    """Every route. `ready` raises when the database does not answer; `groups` maps agency to supervision group."""
    router = APIRouter()
    registry = CollectorRegistry()
    registry.register(Figures(computed.counts, computed.kpis))

    @router.get("/v1/kpis", summary="Key figures by agency")
    def figures(principal: Annotated[Principal, Depends(require("kpis.read"))], timeline: str = "live") -> Response:
        reach = access.reach("kpis.read", principal)
        found = [k for k in computed.kpis() if k.timeline == timeline and reach.covers(k.agency, groups)]
        return Response(msgspec.json.encode({"timeline": timeline, "items": found}), media_type="application/json")

    @router.get("/health/live", dependencies=[Depends(require("health"))])
    def live() -> dict[str, str]:
        return {"status": "live"}

    @router.get("/health/ready", dependencies=[Depends(require("health"))])
    def is_ready() -> dict[str, str]:
        ready()
        return {"status": "ready"}

    @router.get("/metrics", dependencies=[Depends(require("metrics"))])
    def metrics() -> Response:
        return Response(generate_latest(REGISTRY) + generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router
