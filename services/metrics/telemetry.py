"""Every metric of the metrics service, each with its meaning. Labels are codes of policy, never a case or a person."""

from collections.abc import Callable, Iterable

from prometheus_client import Counter
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from services.metrics.domain.kpis import Kpi
from services.metrics.repository import Counts

EVENTS_TALLIED = Counter("duban_events_tallied_total", "Events taken into the key figures, repeats included")
DEAD_LETTERS = Counter("duban_metrics_dead_letters_total", "Records that could not be read", ["topic", "reason"])
BATCHES_RETRIED = Counter("duban_metrics_batches_retried_total", "Batches tried again because the store failed")


class Figures(Collector):
    """Key figures as gauges, computed when Prometheus asks."""

    def __init__(self, counts: Callable[[], Counts], kpis: Callable[[], list[Kpi]]) -> None:
        self._counts = counts
        self._kpis = kpis

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Nothing: the names are known without asking the database at start."""
        return ()

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """One family a figure."""
        counts = self._counts()
        cases = GaugeMetricFamily(
            "duban_cases", "Cases by how far they have come", labels=["timeline", "kind", "agency", "step"]
        )
        for c in counts.cases:
            for step, n in c.steps.items():
                cases.add_metric([c.timeline, c.kind, c.agency, step], n)
        alerts = GaugeMetricFamily(
            "duban_alerts", "Alerts as they stand", labels=["timeline", "agency", "rule", "severity", "state"]
        )
        for a in counts.alarms:
            alerts.add_metric([a.timeline, a.agency, a.rule, a.severity, a.state], a.alarms)
        yield cases
        yield alerts
        rates = {
            "overdue": "Cases with an overdue or unanswered alert that stands, of all cases",
            "response": "Complaints responded to, of those dispatched",
            "conclusion": "Complaints concluded, of those dispatched",
            "reply": "Complaints replied to, of those filed",
            "head": "Grave complaints that the agency's head signed or sent back in person, of those concluded",
        }
        found = self._kpis()
        for name, about in rates.items():
            family = GaugeMetricFamily(f"duban_{name}_rate", about, labels=["timeline", "agency"])
            for kpi in found:
                value = getattr(kpi, f"{name}_rate")
                if value is not None:
                    family.add_metric([kpi.timeline, kpi.agency], value)
            yield family
