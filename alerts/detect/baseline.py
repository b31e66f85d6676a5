"""What is usual for one brand at one hour: expectation, its spread, and the usual share.

Sums over sources are exact (`fsum`), so that the order in which sources were met, and with it
a restart, changes no digit.

The form is that of contracts/detection.md, section 6: one rate per source times one shape
over the week, the variance of a negative binomial whose spread is measured on the brand's
own past, and a past whose bursts are clipped before they can lift the expectation.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from alerts.detect.series import BINS_PER_DAY, BINS_PER_HOUR, On, Series, bins_in

__all__ = ["Baseline", "excess_z", "measure_baseline"]

Floats = NDArray[np.float64]

_LOCAL_SHIFT = 8 * BINS_PER_HOUR
"""Asia/Shanghai is UTC+8 without summer time."""
_WEEK = 7 * BINS_PER_DAY
_CLIP_Z = 2.0
"""The past is clipped where it lies more than this far above the expectation."""
_PRIOR_SPREAD = 0.05
_PRIOR_DAYS = 4.0
_WINSOR_Z = 4.0
_HALF_LIFE_D = 7.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """Expectation of one brand and polarity, measured on the bins before `anchor`."""

    anchor: int
    """First bin after the past it was measured on."""
    on: On
    """Polarity it speaks of."""
    days: float
    """Length of the past, days; 0.0 = nothing is known."""
    shape: Floats
    """(2016,) relative volume per bin of the local week, mean 1."""
    authors: Floats
    """(n_sources,) new authors per bin at shape 1."""
    mentions: Floats
    """(n_sources,) mentions per bin at shape 1."""
    overall_authors: float
    """New authors per bin at shape 1 over the whole past, whichever source brought them."""
    overall_mentions: float
    """Mentions, likewise."""
    all_mentions: Floats
    """(n_sources,) mentions of any polarity per bin at shape 1."""
    live: Floats
    """(n_sources,) mentions of any polarity per bin that came live, for judging silence."""
    spread: dict[int, float] = field(default_factory=dict)
    """Squared relative spread beyond chance by length of window, bins."""
    share: float
    """Usual share of this polarity among all mentions, [0, 1]."""
    story_maxima: tuple[float, ...] = ()
    """Most negative authors of one story in the story window, per past day, oldest first."""

    def weights(self, first: int, end: int, fraction: float) -> Floats:
        """Return the shape over bins `first` to `end` − 1, the last one times `fraction`."""
        index = (np.arange(first, end) + _LOCAL_SHIFT) % _WEEK
        weights = self.shape[index].copy()
        if len(weights):
            weights[-1] *= fraction
        return weights


def measure_baseline(
    series: Series,
    *,
    anchor: int,
    on: On,
    history: timedelta,
    windows: tuple[int, ...],
    story_width: int,
    watched: Mapping[str, int] | None = None,
) -> Baseline:
    """Measure what was usual before bin `anchor`.

    Args:
        series: Counts of the brand.
        anchor: First bin that is not yet past.
        on: Polarity to speak of.
        history: How far back to look.
        windows: Lengths of windows whose spread is wanted, bins.
        story_width: Length of the story window, bins; 0 = stories are not wanted.
        watched: Bin since which each source is listened to, where known: before its first
            mention of the brand it was quiet, not absent.

    Returns:
        The expectation; with `days` 0.0 and rates of 0.0 where there is no past.
    """
    heard = watched or {}
    first_seen = series.first_seen(anchor)
    first_seen = np.minimum(first_seen, [heard.get(source, anchor) for source in series.sources]).astype(np.int64)
    earliest = min([int(first_seen.min(initial=anchor)), *heard.values()])
    begin = max(series.first, anchor - bins_in(history), min(anchor, earliest))
    begin = anchor - (anchor - begin) // BINS_PER_HOUR * BINS_PER_HOUR
    past = _Past(series, begin, anchor, on)
    shape = past.shape()
    weights = shape[(np.arange(begin, anchor) + _LOCAL_SHIFT) % _WEEK]
    age = (anchor - np.arange(begin, anchor)) / BINS_PER_DAY
    rates = _Rates(weights, 0.5 ** (age / _HALF_LIFE_D), np.maximum(first_seen, begin) - begin)
    clip = rates.clip_of(past.authors.sum(axis=0))
    authors = rates.per_source(past.authors * clip)
    overall = rates.overall(past.authors * clip)
    clip_mentions = rates.clip_of(past.mentions.sum(axis=0))
    mentions = rates.per_source(past.mentions * clip_mentions)
    everything = rates.per_source(past.all * rates.clip_of(past.all.sum(axis=0)))
    total = math.fsum(everything)
    return Baseline(
        anchor=anchor,
        on=on,
        days=(anchor - begin) / BINS_PER_DAY,
        shape=shape,
        authors=authors,
        mentions=mentions,
        overall_authors=overall,
        overall_mentions=rates.overall(past.mentions * clip_mentions),
        all_mentions=everything,
        live=rates.per_source(past.live),
        spread={width: _spread(past.authors.sum(axis=0), overall * weights, width) for width in windows},
        share=min(1.0, math.fsum(mentions) / total) if total > 0 else 0.0,
        story_maxima=tuple(series.story_maxima(begin, anchor, story_width)) if story_width else (),
    )


class _Past:
    """The counts before the anchor, (n_sources, n_bins) each, whole hours."""

    def __init__(self, series: Series, begin: int, anchor: int, on: On) -> None:
        self.begin = begin
        self.authors = series.authors(on, begin, anchor, backfill=True).astype(np.float64)
        self.mentions = series.mentions(on, begin, anchor, backfill=True).astype(np.float64)
        self.all = series.mentions("all", begin, anchor, backfill=True).astype(np.float64)
        self.live = series.mentions("all", begin, anchor).astype(np.float64)

    def shape(self) -> Floats:
        """Return the relative volume per bin of the local week, smoothed, drawn to flat where little is known."""
        hourly = self.all.sum(axis=0).reshape(-1, BINS_PER_HOUR).sum(axis=1)
        if not len(hourly):
            return np.ones(_WEEK)
        local = (self.begin + _LOCAL_SHIFT) // BINS_PER_HOUR + np.arange(len(hourly))
        of_day = _day_curve(hourly, local % 24)
        per_hour = hourly / np.maximum(of_day[local % 24], 0.05)
        of_week = _weekday_curve(per_hour, local // 24 % 7)
        bins = np.interp(
            (np.arange(BINS_PER_DAY) + 0.5) / BINS_PER_HOUR, np.arange(-1, 25) + 0.5, of_day[np.arange(-1, 25) % 24]
        )
        week = np.concatenate([bins * of_week[day] for day in range(7)])
        return np.asarray(week / week.mean(), np.float64)


def _day_curve(hourly: Floats, hour: NDArray[np.int64]) -> Floats:
    days = len(hourly) / 24
    curve = np.ones(24)
    mean = max(float(hourly.mean()), 1e-9)
    for index in range(24):
        values = hourly[hour == index]
        if len(values):
            limit = 3.0 * float(np.median(values)) + 5.0
            curve[index] = float(np.minimum(values, limit).mean()) / mean
    seen = curve * mean * days
    curve = (seen + 10.0) / (seen.mean() + 10.0)
    curve = 0.25 * np.roll(curve, 1) + 0.5 * curve + 0.25 * np.roll(curve, -1)
    return np.asarray(curve / curve.mean(), np.float64)


def _weekday_curve(per_hour: Floats, day: NDArray[np.int64]) -> Floats:
    limit = 3.0 * float(np.median(per_hour)) + 5.0
    clipped = np.minimum(per_hour, limit)
    mean = max(float(clipped.mean()), 1e-9)
    trust = 0.6 * min(1.0, len(per_hour) / (13 * 24)) * min(1.0, mean / 4.0)
    curve = np.ones(7)
    for index in range(7):
        values = clipped[day == index]
        if len(values):
            curve[index] = 1.0 + trust * (float(values.mean()) / mean - 1.0)
    return curve


class _Rates:
    """Rates per source over a past whose bins weigh less the older they are."""

    def __init__(self, weights: Floats, fade: Floats, starts: NDArray[np.int64]) -> None:
        self._fade = fade
        self._shape = weights
        inside = np.arange(len(weights))[None, :] >= starts[:, None]
        self._mass = (inside * (weights * fade)[None, :]).sum(axis=1)

    def per_source(self, counts: Floats) -> Floats:
        """Return counts per bin at shape 1, (n_sources,); 0.0 for a source without a past."""
        return np.asarray((counts * self._fade).sum(axis=1) / np.maximum(self._mass, 12.0), np.float64)

    def overall(self, counts: Floats) -> float:
        """Return counts of all sources per bin at shape 1, over the whole past."""
        mass = float((self._shape * self._fade).sum())
        per_source = (counts * self._fade).sum(axis=1)
        return math.fsum(per_source) / max(mass, float(BINS_PER_HOUR))

    def clip_of(self, total: Floats) -> Floats:
        """Return per bin the factor in (0, 1] that brings an hour's excess down to the clip."""
        if not len(total):
            return np.ones(0)
        hourly = total.reshape(-1, BINS_PER_HOUR).sum(axis=1)
        shape = self._shape.reshape(-1, BINS_PER_HOUR).sum(axis=1)
        fade = self._fade.reshape(-1, BINS_PER_HOUR).mean(axis=1)
        clipped = hourly
        for _ in range(4):
            level = float((clipped * fade).sum() / max(float((shape * fade).sum()), 1e-9))
            usual = level * shape
            limit = usual + _CLIP_Z * np.sqrt(usual + _PRIOR_SPREAD * usual**2) + 0.5
            clipped = np.minimum(hourly, limit)
        return np.asarray(np.repeat(clipped / np.maximum(hourly, 1e-9), BINS_PER_HOUR).clip(0, 1), np.float64)


def _spread(total: Floats, usual: Floats, width: int) -> float:
    """Return the squared relative spread of window sums beyond chance, drawn to a prior."""
    if len(total) < 2 * width:
        return _PRIOR_SPREAD
    stride = max(1, width // 2)
    sums = np.convolve(total, np.ones(width), "valid")[::stride]
    means = np.convolve(usual, np.ones(width), "valid")[::stride]
    limit = _WINSOR_Z * np.sqrt(means + _PRIOR_SPREAD * means**2 + 1.0)
    excess = np.minimum(np.abs(sums - means), limit)
    measured = float((excess**2 - means).sum()) / max(float((means**2).sum()), 1e-9)
    days = len(total) / BINS_PER_DAY
    trust = days / (days + _PRIOR_DAYS)
    return min(1.0, max(_PRIOR_SPREAD / 4, trust * measured + (1 - trust) * _PRIOR_SPREAD))


def excess_z(value: float, expected: float, spread: float) -> float:
    """Return how many deviations `value` lies above `expected`, with one mention of slack in the variance."""
    return (value - expected) / math.sqrt(expected + spread * expected**2 + 1.0)
