"""Rule kind `burst`: clearly more than usual, in one of several windows or in one story."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from alerts.detect.base import Signal, View, labels_of, reason_json, reason_of
from alerts.detect.baseline import Baseline, excess_z
from alerts.detect.series import BINS_PER_HOUR, On, bin_of, bin_start, bins_in
from config.settings import RuleSettings
from domain.incident import Incident, IncidentFlag, Severity
from domain.spec import Spec

__all__ = ["SPEC", "BurstRule", "BurstSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BurstSettings:
    """Settings of rules of kind `burst`."""

    on: On = "negative"
    """What is counted: mentions that are negative, neutral or positive for the brand, or all."""
    windows: tuple[timedelta, ...] = (
        timedelta(minutes=30),
        timedelta(hours=1),
        timedelta(hours=6),
        timedelta(hours=24),
    )
    """Windows that are watched side by side, shortest first."""
    k: tuple[float, ...] = (4.5, 4.5, 4.5, 4.0)
    """Deviations above the usual that fire, one for each window; the last holds for any more."""
    min_authors: int = 10
    """Fewest distinct authors in a window that can fire, once a week of history is known."""
    share_ratio: float = 1.4
    """Times by which the odds of this polarity must exceed the usual ones; 0 = no such gate."""
    story_window: timedelta = timedelta(hours=2)
    """Window of the single-story lever; 0 = off."""
    story_k: float = 3.5
    """Deviations above the brand's own daily story maxima that fire."""
    hold: float = 0.5
    """Share of the limit above which an open incident goes on, [0, 1]."""
    critical_at: float = 2.5
    """Score from which the incident is critical, 1 = at the limit; 0 = never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """One window measured."""

    width: int
    first: int
    authors: float
    mentions: float
    everything: float
    expected: float
    expected_mentions: float
    z: float
    score: float
    share: float
    share_ok: bool
    flood: bool
    fires: bool
    story: str = ""


class BurstRule:
    """Compare what was said with what is usual at that hour, over the sources that live."""

    def __init__(self, settings: BurstSettings) -> None:
        self._settings = settings
        self._widths = tuple(bins_in(window) for window in settings.windows)
        self._story_width = bins_in(settings.story_window) if settings.story_window else 0

    def evaluate(self, rule: RuleSettings, view: View) -> list[Signal]:
        """Return one signal for the brand: firing while it rises or is still going on."""
        baseline = view.baseline(self._settings.on, self._widths, self._story_width or 1)
        labels = labels_of(rule, view.brand)
        draft = Signal(
            rule=rule,
            brand=view.brand,
            labels=labels,
            firing=False,
            severity=rule.severity,
            value=0.0,
            started_at=view.now,
        )
        last = bin_of(view.now)
        cleared = view.cleared.get(draft.fingerprint)
        measure = _Measure(self._settings, view, baseline, first=bin_of(cleared) + 1 if cleared else 0)
        looks = [measure.window(width, self._k(place)) for place, width in enumerate(self._widths)]
        if self._story_width:
            looks.append(measure.story(self._story_width))
        best = max(looks, key=lambda look: (look.fires, look.score))
        incident = view.active.get(draft.fingerprint)
        opened = reason_of(incident).get("opened", best.width) if incident else best.width
        firing = best.fires or (incident is not None and self._goes_on(measure, looks, int(opened)))
        return [
            self._signal(
                draft,
                view,
                best,
                firing=firing,
                opened=int(opened),
                last=last,
                incident=incident,
                usual_share=baseline.share,
                usual=measure,
            )
        ]

    def _k(self, place: int) -> float:
        return self._settings.k[min(place, len(self._settings.k) - 1)]

    def _goes_on(self, measure: "_Measure", looks: list[_Look], opened: int) -> bool:
        hold = self._settings.hold
        short = [look for look in looks if look.width <= BINS_PER_HOUR and not look.story]
        if any(look.score >= hold and look.authors >= 3 for look in short):
            return True
        if opened <= BINS_PER_HOUR:
            return False
        recent = measure.window(max(BINS_PER_HOUR, opened // 4), self._k(0))
        return recent.score >= hold / 1.5 and recent.authors >= 3

    def _signal(
        self,
        draft: Signal,
        view: View,
        best: _Look,
        *,
        firing: bool,
        opened: int,
        last: int,
        incident: Incident | None,
        usual_share: float,
        usual: "_Measure",
    ) -> Signal:
        critical = 0 < self._settings.critical_at <= best.score and best.fires
        severity = Severity.CRITICAL if critical else draft.rule.severity
        started = (
            usual.start_of(best) if firing and incident is None else (incident.started_at if incident else view.now)
        )
        return Signal(
            rule=draft.rule,
            brand=draft.brand,
            labels=draft.labels,
            firing=firing,
            severity=severity,
            value=best.mentions,
            expected=best.expected_mentions,
            score=best.score,
            started_at=started,
            reason=reason_json(
                kind="burst",
                on=self._settings.on,
                window_s=best.width * 300,
                opened=opened,
                value=best.mentions,
                expected=best.expected_mentions,
                authors=best.authors,
                expected_authors=best.expected,
                z=best.z,
                share=best.share,
                usual_share=usual_share,
                share_ok=best.share_ok,
                flood=best.flood,
                story=best.story,
                history_days=usual.days,
            ),
            flags=frozenset({IncidentFlag.SUSPECTED_FLOOD}) if best.flood else frozenset(),
            story_ids=(best.story,) if best.story else (),
        )


class _Measure:
    """Measures windows of one view."""

    def __init__(self, settings: BurstSettings, view: View, baseline: Baseline, *, first: int) -> None:
        self._settings, self._view, self._baseline, self._first = settings, view, baseline, first
        self._last = bin_of(view.now)
        self._fraction = max(0.05, (view.now - bin_start(self._last)).total_seconds() / 300)
        self.days = baseline.days
        known = min(1.0, baseline.days / 7)
        self._min_authors = settings.min_authors * (1 + 2 * (1 - known))
        self._doubt = 0.6 * max(0.0, 1 - baseline.days / 3)

    def window(self, width: int, k: float) -> _Look:
        """Measure the `width` bins up to now, less what an earlier incident has told."""
        series, on = self._view.series, self._settings.on
        first = min(max(self._last + 1 - width, self._first), self._last)
        end = self._last + 1
        authors = float(series.authors(on, first, end).sum())
        mentions = float(series.mentions(on, first, end).sum())
        everything = float(series.mentions("all", first, end).sum())
        usual = self._usual(first, end)
        expected = _dot(usual, self._baseline.authors)
        expected_mentions = _dot(usual, self._baseline.mentions)
        spread = self._baseline.spread.get(width, 0.05) + self._doubt
        z = excess_z(authors, expected, spread)
        flood = mentions >= 3 * max(authors, 1.0) * max(1.0, _ratio(expected_mentions, expected)) and mentions >= 20
        share_ok, share = self._share(mentions, everything)
        score = z / (2 * k if flood else k)
        fires = score >= 1 and authors >= self._min_authors and share_ok
        return _Look(
            width=width,
            first=first,
            authors=authors,
            mentions=mentions,
            everything=everything,
            expected=expected,
            expected_mentions=expected_mentions,
            z=z,
            score=score,
            share=share,
            share_ok=share_ok,
            flood=flood,
            fires=fires,
        )

    def story(self, width: int) -> _Look:
        """Measure the fastest story against the brand's own daily story maxima."""
        first = min(max(self._last + 1 - width, self._first), self._last)
        sums = self._view.series.story_authors(first, self._last + 1)
        story = max(sums, key=lambda name: (sums[name], name), default="")
        authors = sums.get(story, 0.0)
        look = self.window(width, self._settings.k[0])
        limit = self._story_limit()
        score = authors / limit
        fires = score >= 1 and look.share_ok and not look.flood and authors >= look.expected * 0.25
        return _Look(
            width=width,
            first=first,
            authors=authors,
            mentions=look.mentions,
            everything=look.everything,
            expected=look.expected,
            expected_mentions=look.expected_mentions,
            z=look.z,
            score=score,
            share=look.share,
            share_ok=look.share_ok,
            flood=look.flood,
            fires=fires,
            story=story,
        )

    def _story_limit(self) -> float:
        maxima = np.array(self._baseline.story_maxima or (0.0,))
        if len(maxima) > 3:
            maxima = np.minimum(maxima, 3 * np.median(maxima) + 8)
        spread = max(float(maxima.std()), 0.25 * float(maxima.mean()), 1.0)
        return max(self._min_authors, float(maxima.mean()) + self._settings.story_k * spread)

    def start_of(self, look: _Look) -> datetime:
        """Return when it began: the bin from which on the excess up to now is greatest."""
        series = self._view.series
        counted = series.authors(self._settings.on, look.first, self._last + 1).sum(axis=0)
        weights = self._baseline.weights(look.first, self._last + 1, self._fraction)
        excess = counted - weights * float(self._baseline.authors.sum())
        if not len(excess):
            return self._view.now
        suffix = np.cumsum(excess[::-1])[::-1]
        return bin_start(look.first + int(suffix.argmax()))

    def _usual(self, first: int, end: int) -> "np.ndarray[Any, np.dtype[np.float64]]":
        """Return the weight of the bins per source, nothing where a source is dark."""
        weights = self._baseline.weights(first, end, self._fraction)
        rates = len(self._baseline.authors)
        dark = self._view.dark_from[:rates]
        total = np.full(rates, weights.sum())
        for row in np.flatnonzero(dark < end):
            total[row] = weights[: max(0, int(dark[row]) - first)].sum()
        return total

    def _share(self, mentions: float, everything: float) -> tuple[bool, float]:
        share = mentions / everything if everything else 0.0
        usual = self._baseline.share
        if self._settings.share_ratio <= 0 or self._settings.on == "all" or usual >= 0.9:
            return True, share
        usual = max(usual, 0.02)
        odds = (mentions + usual) / (everything - mentions + 1 - usual)
        return odds >= self._settings.share_ratio * usual / (1 - usual), share


def _dot(weights: Any, rates: Any) -> float:
    return float((weights * rates).sum())


def _ratio(one: float, other: float) -> float:
    return one / other if other > 0 else 1.0


SPEC = Spec(name="burst", settings=BurstSettings, factory=BurstRule, title="激增")
