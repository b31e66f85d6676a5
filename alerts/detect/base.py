"""What every kind of rule gets and gives."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from alerts.detect.baseline import Baseline
from alerts.detect.series import On, Series
from config.settings import RuleSettings
from domain.ids import fingerprint
from domain.incident import Incident, IncidentFlag, Severity
from domain.mention import Mention
from domain.source import SourceHealth
from domain.trend import BrandTrend

__all__ = ["BaselineOf", "Labels", "Rule", "Signal", "View", "labels_of", "reason_json", "reason_of"]


Labels = tuple[tuple[str, str], ...]
"""Label names and values, sorted by name."""


class BaselineOf(Protocol):
    """Gives what is usual for the brand of a view."""

    def __call__(self, on: On, windows: tuple[int, ...], story_width: int) -> Baseline:
        """Return the expectation for a polarity, with the spread of these windows (bins)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """All that a rule may look at: one brand at one moment."""

    brand: str
    """Brand id."""
    now: datetime
    """Moment of the look, UTC."""
    series: Series
    """Counts of the brand."""
    baseline: BaselineOf
    """What is usual."""
    dark_from: NDArray[np.int64]
    """(n_sources,) bin from which each source of the series gives nothing; a far bin = it lives."""
    listed: frozenset[str] | None = None
    """Sources that the settings name; None = all of the series. An imported history is none of them."""
    active: Mapping[str, Incident] = field(default_factory=dict)
    """Unresolved incidents by fingerprint."""
    cleared: Mapping[str, datetime] = field(default_factory=dict)
    """When the last incident of a fingerprint was resolved, UTC."""
    mentions: Sequence[Mention] = ()
    """Mentions of the brand that were stored or changed since the last look."""
    trends: Sequence[BrandTrend] = ()
    """Stays on hot lists that name the brand: those that go on, and those that ended lately."""
    health: Mapping[str, SourceHealth] = field(default_factory=dict)
    """How the sources that the settings name are now, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """What a rule says of one group at one moment."""

    rule: RuleSettings
    """The rule."""
    brand: str
    """Brand id."""
    labels: Labels
    """Labels that identify the group, sorted by name."""
    firing: bool
    """Whether the condition holds: to open, or for an open incident to go on."""
    severity: Severity
    """Level that the numbers ask for."""
    value: float
    """Measured value, in the rule's unit."""
    expected: float | None = None
    """Expected value; None = the rule has no expectation."""
    score: float = 0.0
    """How far beyond the limit; 1.0 = at the limit."""
    started_at: datetime
    """Event time at which it began, UTC."""
    reason: str = "{}"
    """JSON of what was measured."""
    flags: frozenset[IncidentFlag] = frozenset()
    """What qualifies it."""
    story_ids: tuple[str, ...] = ()
    """Stories in it, biggest first."""

    @property
    def fingerprint(self) -> str:
        """Identity of the group."""
        return fingerprint(self.labels)


class Rule(Protocol):
    """One kind of rule with its settings, built by its SPEC's factory."""

    def evaluate(self, rule: RuleSettings, view: View) -> list[Signal]:
        """Look at one brand; no signal for a group means that its condition does not hold."""
        ...


def labels_of(rule: RuleSettings, brand: str, **more: str) -> Labels:
    """Return the identifying labels of a rule's group, sorted by name."""
    return tuple(sorted({"rule": rule.name, "kind": rule.kind, "brand": brand, **more}.items()))


def reason_json(**facts: Any) -> str:
    """Write the facts of an evaluation as compact JSON; floats are rounded to four digits."""
    plain = {name: round(value, 4) if isinstance(value, float) else value for name, value in facts.items()}
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))


def reason_of(incident: Incident) -> dict[str, Any]:
    """Read an incident's reason back; empty where there is none."""
    try:
        plain = json.loads(incident.reason)
    except ValueError:
        return {}
    return plain if isinstance(plain, dict) else {}
