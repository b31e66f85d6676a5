"""Rule kind `threshold`: a value over one window reaches a fixed number."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal

from alerts.detect.base import Signal, View, labels_of, reason_json
from alerts.detect.series import On, bin_of, bin_start, bins_in
from config.marks import Range
from config.settings import RuleSettings
from domain.ids import fingerprint
from domain.spec import Spec

__all__ = ["SPEC", "ThresholdRule", "ThresholdSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdSettings:
    """Settings of rules of kind `threshold`."""

    at_least: Annotated[float, Range(0.001, 1e9)]
    """Value that fires: a number of mentions or authors, or a share in [0, 1]."""
    on: On = "negative"
    """What is counted: mentions that are negative, neutral or positive for the brand, or all."""
    measure: Literal["mentions", "authors", "share", "p_negative"] = "mentions"
    """Mentions, new authors, share of `on` among all, or the sum of probabilities of negative."""
    window: Annotated[timedelta, Range(timedelta(minutes=5), timedelta(days=14))] = timedelta(hours=1)
    """Length of the window."""
    min_mentions: Annotated[int, Range(0, 1_000_000_000)] = 1
    """Fewest mentions of any polarity in the window for the rule to say anything."""
    hold: Annotated[float, Range(0, 1)] = 0.8
    """Share of `at_least` above which an open incident goes on, [0, 1]."""


class ThresholdRule:
    """Compare one value with one number."""

    def __init__(self, settings: ThresholdSettings) -> None:
        self._settings = settings

    def evaluate(self, rule: RuleSettings, view: View) -> list[Signal]:
        """Return one signal for the brand."""
        wanted, labels = self._settings, labels_of(rule, view.brand)
        last = bin_of(view.now)
        cleared = view.cleared.get(fingerprint(labels))
        first = max(last + 1 - bins_in(wanted.window), bin_of(cleared) + 1 if cleared else 0)
        value, mentions, everything = self._measure(view, min(first, last), last + 1)
        incident = view.active.get(fingerprint(labels))
        limit = wanted.at_least * (wanted.hold if incident is not None else 1.0)
        firing = value >= limit and value > 0 and everything >= wanted.min_mentions
        return [
            Signal(
                rule=rule,
                brand=view.brand,
                labels=labels,
                firing=firing,
                severity=rule.severity,
                value=value if wanted.measure == "share" else mentions,
                score=value / wanted.at_least if wanted.at_least > 0 else value,
                started_at=incident.started_at if incident else bin_start(min(first, last)),
                reason=reason_json(
                    kind="threshold",
                    on=wanted.on,
                    measure=wanted.measure,
                    window_s=int(wanted.window.total_seconds()),
                    value=value,
                    at_least=wanted.at_least,
                    mentions=mentions,
                    all_mentions=everything,
                ),
            )
        ]

    def _measure(self, view: View, first: int, end: int) -> tuple[float, float, float]:
        series, wanted = view.series, self._settings
        mentions = float(series.mentions(wanted.on, first, end).sum())
        everything = float(series.mentions("all", first, end).sum())
        if wanted.measure == "authors":
            return float(series.authors(wanted.on, first, end).sum()), mentions, everything
        if wanted.measure == "share":
            return (mentions / everything if everything else 0.0), mentions, everything
        if wanted.measure == "p_negative":
            return series.p_negative(first, end), mentions, everything
        return mentions, mentions, everything


SPEC = Spec(name="threshold", settings=ThresholdSettings, factory=ThresholdRule, title="阈值")
