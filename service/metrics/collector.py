"""From what the service knows to families of samples that Prometheus can scrape."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric as Family
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from service.metrics.catalogue import CATALOGUE
from service.plain import plain

if TYPE_CHECKING:
    from service.metrics.figures import WireSample

__all__ = ["MAX_SERIES", "OTHER", "Sample", "exposition", "wire_samples"]

MAX_SERIES = 500
"""Most values of one label, such as sources; the rest is added up under `OTHER`."""
OTHER = "(other)"
_LABEL_CHARS = 100
_SUFFIXES = ("_bucket", "_sum", "_count")

Sample = tuple[str, Mapping[str, str], float]
"""Name in the catalogue, labels, value."""


@dataclass(slots=True)
class _Cleaner:
    """Makes label values harmless and keeps their number bounded."""

    _known: dict[str, dict[str, str]] = field(default_factory=dict)

    def value(self, label: str, text: str) -> str:
        known = self._known.setdefault(label, {})
        if text not in known:
            known[text] = plain(text)[:_LABEL_CHARS] if len(known) < MAX_SERIES else OTHER
        return known[text]


class _Given(Collector):
    def __init__(self, families: Sequence[Family]) -> None:
        self._families = families

    def collect(self) -> Iterable[Family]:
        return self._families


def exposition(
    samples: Iterable[Sample], roles: Mapping[str, Sequence[WireSample]], accept: str = ""
) -> tuple[bytes, str]:
    """Return the page and its content type.

    Args:
        samples: what the service and the stores know; samples that become one series by cleaning are added up.
        roles: what each role's process counted, by its name; unknown names are left out.
        accept: header of the scrape; asks for OpenMetrics, else it is text 0.0.4.
    """
    cleaner = _Cleaner()
    families: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], float]] = {}
    for name, sample, labels, value in _all(samples, roles):
        cleaned = tuple((label, cleaner.value(label, labels[label])) for label in sorted(labels))
        series = families.setdefault(name, {})
        series[sample, cleaned] = series.get((sample, cleaned), 0.0) + value
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Given([_family(name, families[name]) for name in CATALOGUE if name in families]))
    encoder, content_type = choose_encoder(accept)
    return encoder(registry), content_type


def _all(
    samples: Iterable[Sample], roles: Mapping[str, Sequence[WireSample]]
) -> Iterator[tuple[str, str, Mapping[str, str], float]]:
    """Yield metric, sample, labels, value of everything."""
    for name, labels, value in samples:
        yield name, name, labels, value
    for role, said in roles.items():
        for sample, labels, value in said:
            metric = _metric_of(sample)
            if metric is not None:
                yield metric, sample, {**labels, "role": role}, value


def _metric_of(sample: str) -> str | None:
    if sample in CATALOGUE:
        return sample
    for suffix in _SUFFIXES:
        name = sample.removesuffix(suffix)
        if name != sample and name in CATALOGUE:
            return name
    return None


def _family(name: str, series: Mapping[tuple[str, tuple[tuple[str, str], ...]], float]) -> Family:
    metric = CATALOGUE[name]
    family = Family(name.removesuffix("_total") if metric.kind == "counter" else name, metric.doc, metric.kind)
    for (sample, labels), value in series.items():
        family.add_sample(sample, dict(labels), value)
    return family


def wire_samples(said: object) -> list[WireSample]:
    """Return the samples of a heartbeat's figures; what is none is left out."""
    if not isinstance(said, list):
        return []
    return [
        (each[0], {str(name): str(value) for name, value in each[1].items()}, float(each[2]))
        for each in said
        if _is_sample(each)
    ]


def _is_sample(each: Any) -> bool:
    return (
        isinstance(each, list)
        and len(each) == 3
        and isinstance(each[0], str)
        and isinstance(each[1], dict)
        and isinstance(each[2], int | float)
    )
