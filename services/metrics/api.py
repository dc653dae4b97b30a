"""HTTP of the metrics service: key figures as JSON, gauges for Prometheus, health."""

import time
from collections.abc import Callable
from threading import Lock
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Response

from services.metrics.domain.kpis import Kpi, kpis
from services.metrics.repository import Counts
from services.shared import access
from services.shared.auth import Principal, require
from services.shared.describing import described

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


class KpisOf(msgspec.Struct):
    """Key figures of the agencies within one's scope."""

    timeline: str
    items: list[Kpi]


def routes(computed: Computed, groups: dict[str, str]) -> APIRouter:
    """The key figures. `groups` maps agency to supervision group."""
    router = APIRouter()

    @router.get("/v1/kpis", summary="Key figures by agency", openapi_extra=described(answer=KpisOf))
    def figures(principal: Annotated[Principal, Depends(require("kpis.read"))], timeline: str = "live") -> Response:
        reach = access.reach("kpis.read", principal)
        found = [k for k in computed.kpis() if k.timeline == timeline and reach.covers(k.agency, groups)]
        return Response(msgspec.json.encode(KpisOf(timeline, found)), media_type="application/json")

    return router
