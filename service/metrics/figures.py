"""What one role counts of its own work; it travels with the heartbeat."""

from collections.abc import Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from service.metrics.catalogue import ROLE_METRICS, Metric

__all__ = ["Figures", "WireSample"]

WireSample = tuple[str, dict[str, str], float]
"""Name of the sample, its labels, its value."""


class Figures:
    """Counters and histograms of one process, from zero at its start. Thread-safe."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._metrics = {metric.name: self._make(metric) for metric in ROLE_METRICS}
        self._told: set[str] = set()

    def _make(self, metric: Metric) -> Counter | Gauge | Histogram:
        if metric.kind == "counter":
            return Counter(metric.name, metric.doc, metric.labels, registry=self._registry)
        if metric.kind == "gauge":
            return Gauge(metric.name, metric.doc, metric.labels, registry=self._registry)
        return Histogram(metric.name, metric.doc, metric.labels, registry=self._registry, buckets=metric.buckets)

    def count(self, name: str, number: float = 1, **labels: str) -> None:
        """Add to a counter; `number` is not negative."""
        metric = self._metrics[name]
        assert isinstance(metric, Counter)
        (metric.labels(**labels) if labels else metric).inc(number)

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Add one value to a histogram, in its unit; a negative one counts as 0."""
        metric = self._metrics[name]
        assert isinstance(metric, Histogram)
        (metric.labels(**labels) if labels else metric).observe(max(value, 0.0))

    def set(self, name: str, value: float) -> None:
        """Set a gauge; one that was never set is not told."""
        metric = self._metrics[name]
        assert isinstance(metric, Gauge)
        metric.set(value)
        self._told.add(name)

    def snapshot(self) -> Sequence[WireSample]:
        """Return every sample that says something: what nothing fed is left out."""
        said: list[WireSample] = []
        for family in self._registry.collect():
            samples = [each for each in family.samples if not each.name.endswith("_created")]
            fed = {_series(each.labels) for each in samples if each.value}
            told = family.name in self._told
            said += [(one.name, dict(one.labels), one.value) for one in samples if told or _series(one.labels) in fed]
        return said


def _series(labels: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return what the samples of one histogram have in common."""
    return tuple(sorted((name, value) for name, value in labels.items() if name != "le"))
