"""Measures windows of one brand against what is usual: counts, excess, share, story."""

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from alerts.detect.base import View
from alerts.detect.baseline import Baseline, excess_z
from alerts.detect.series import BINS_PER_HOUR, On, bin_of, bin_start
from config.marks import Range

__all__ = ["BurstSettings", "Look", "Measure"]


_LEAST_DAYS = 0.25
"""History below which nothing can be said of a burst."""
_FULL_DAYS = 7.0
"""History from which the fewest authors of the settings hold; with none it is three times as many."""
_DOUBT, _DOUBT_DAYS = 0.6, 3.0
"""Spread added for a short history, falling to nothing over these days."""


_FLOOD_RATIO, _FLOOD_LEAST, _FLOOD_K = 3.0, 20, 3.0
"""Mentions per author, relative to the usual, and mentions from which a flood is suspected; the
limit is then this many times higher, for the hands behind a flood are counted as authors too."""


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
    min_authors: Annotated[int, Range(1, 1_000_000)] = 10
    """Fewest distinct authors in a window that can fire, once a week of history is known."""
    share_ratio: Annotated[float, Range(0, 100)] = 1.4
    """Times by which the odds of this polarity must exceed the usual ones; 0 = no such gate."""
    story_window: Annotated[timedelta, Range(timedelta(0), timedelta(days=1))] = timedelta(hours=2)
    """Window of the single-story lever; 0 = off."""
    story_k: Annotated[float, Range(0, 100)] = 3.5
    """Deviations above the brand's own daily story maxima that fire."""
    hold: Annotated[float, Range(0, 1)] = 0.5
    """Share of the limit above which an open incident goes on, [0, 1]."""
    critical_at: Annotated[float, Range(0, 1_000)] = 2.0
    """Score from which the incident is critical, 1 = at the limit; 0 = never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One window, or the fastest story of it, measured."""

    width: int
    """Length asked for, bins."""
    first: int
    """First bin that was counted; later than asked where an earlier incident has told of the rest."""
    authors: float
    """New authors of the polarity, of the story where there is one."""
    mentions: float
    """Mentions of the polarity."""
    everything: float
    """Mentions of any polarity."""
    expected: float
    """Usual new authors, over the sources that give."""
    expected_mentions: float
    """Usual mentions, likewise."""
    z: float
    """Deviations of the authors above the usual."""
    score: float
    """1.0 = at the limit."""
    share: float
    """Share of the polarity among all mentions, [0, 1]."""
    share_ok: bool
    """The share is above the usual one as well."""
    flood: bool
    """Many mentions by few authors."""
    fires: bool
    """All conditions to open an incident hold."""
    story: str = ""
    """Story id; empty = the window as a whole."""

    @property
    def short(self) -> bool:
        """Say whether it tells what is happening now: a window of an hour at most."""
        return self.width <= BINS_PER_HOUR and not self.story


class Measure:
    """Measures windows of one view."""

    def __init__(self, settings: BurstSettings, view: View, baseline: Baseline, *, first: int) -> None:
        self._settings, self._view, self._baseline, self._first = settings, view, baseline, first
        self._last = bin_of(view.now)
        self._fraction = max(0.05, (view.now - bin_start(self._last)).total_seconds() / 300)
        self.days = baseline.days
        known = min(1.0, baseline.days / _FULL_DAYS)
        self._min_authors = settings.min_authors * (1 + 2 * (1 - known))
        self._ready = baseline.days >= _LEAST_DAYS
        self._doubt = _DOUBT * max(0.0, 1 - baseline.days / _DOUBT_DAYS)

    def window(self, width: int, k: float) -> Look:
        """Measure the `width` bins up to now, less what an earlier incident has told."""
        series, on = self._view.series, self._settings.on
        first = min(max(self._last + 1 - width, self._first), self._last)
        end = self._last + 1
        authors = float(series.authors(on, first, end).sum())
        mentions = float(series.mentions(on, first, end).sum())
        everything = float(series.mentions("all", first, end).sum())
        expected = self._usual(first, end, self._baseline.authors, self._baseline.overall_authors)
        expected_mentions = self._usual(first, end, self._baseline.mentions, self._baseline.overall_mentions)
        spread = self._baseline.spread.get(width, 0.05) + self._doubt
        z = excess_z(authors, expected, spread)
        flood = self._is_flood(mentions, authors, max(1.0, _ratio(expected_mentions, expected)))
        share_ok, share = self._share(mentions, everything)
        score = z / (_FLOOD_K * k if flood else k)
        fires = self._ready and score >= 1 and authors >= self._min_authors and share_ok
        return Look(
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

    @staticmethod
    def _is_flood(mentions: float, authors: float, usual: float) -> bool:
        """Say whether each author wrote several times as much as usual: few hands, many posts."""
        return mentions >= _FLOOD_LEAST and mentions >= _FLOOD_RATIO * usual * max(authors, 1.0)

    def story(self, width: int) -> Look:
        """Measure the fastest story against the brand's own daily story maxima."""
        first = min(max(self._last + 1 - width, self._first), self._last)
        sums = self._view.series.story_authors(first, self._last + 1)
        story = max(sums, key=lambda name: (sums[name], name), default="")
        authors = sums.get(story, 0.0)
        look = self.window(width, self._settings.k[0])
        limit = self._story_limit()
        score = authors / limit
        fires = self._ready and score >= 1 and look.share_ok and not look.flood and authors >= look.expected * 0.25
        return replace(look, authors=authors, score=score, fires=fires, story=story)

    def _story_limit(self) -> float:
        maxima = np.array(self._baseline.story_maxima or (0.0,))
        if len(maxima) > 3:
            maxima = np.minimum(maxima, 3 * np.median(maxima) + 8)
        spread = max(float(maxima.std()), 0.25 * float(maxima.mean()), 1.0)
        return max(self._min_authors, float(maxima.mean()) + self._settings.story_k * spread)

    def start_of(self, look: Look) -> datetime:
        """Return when it began: the bin from which on the excess up to now is greatest."""
        series = self._view.series
        counted = series.authors(self._settings.on, look.first, self._last + 1).sum(axis=0)
        weights = self._baseline.weights(look.first, self._last + 1, self._fraction)
        excess = counted - weights * (look.expected / max(float(weights.sum()), 1e-9))
        if not len(excess):
            return self._view.now
        suffix = np.cumsum(excess[::-1])[::-1]
        return bin_start(look.first + int(suffix.argmax()))

    def _usual(self, first: int, end: int, rates: NDArray[np.float64], overall: float) -> float:
        """Return what is usual in the bins, over the sources that give.

        Two views of it, the greater holds: the sum of the sources that the settings name and
        that have given live, each at its own rate, so that an added source counts in full; and
        the rate of the brand as a whole, so that a source which takes over from another, such
        as a feed after an imported history, is not counted twice.
        """
        weights = self._baseline.weights(first, end, self._fraction)
        whole = float(weights.sum())
        living = np.full(len(rates), whole)
        dark = self._view.dark_from[: len(rates)]
        for row in np.flatnonzero(dark < end):
            living[row] = weights[: max(0, int(dark[row]) - first)].sum()
        counted = self._baseline.live > 0
        if self._view.listed is not None:
            names = self._view.series.sources[: len(rates)]
            counted = counted & np.array([name in self._view.listed for name in names], bool)
        all_living = math.fsum(rates[counted]) * whole
        now_living = math.fsum((rates * living)[counted])
        covered = now_living / all_living if all_living > 0 else 1.0
        return max(now_living, overall * whole * covered)

    def _share(self, mentions: float, everything: float) -> tuple[bool, float]:
        share = mentions / everything if everything else 0.0
        usual = self._baseline.share
        if self._settings.share_ratio <= 0 or self._settings.on == "all" or usual >= 0.9:
            return True, share
        usual = max(usual, 0.02)
        odds = (mentions + usual) / (everything - mentions + 1 - usual)
        return odds >= self._settings.share_ratio * usual / (1 - usual), share


def _ratio(one: float, other: float) -> float:
    return one / other if other > 0 else 1.0
