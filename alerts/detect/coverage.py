"""Which sources give nothing now, so that blind is never taken for quiet."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from alerts.detect.baseline import Baseline
from alerts.detect.series import BINS_PER_DAY, Series, bin_of
from domain.source import SourceHealth, SourceState

__all__ = ["LIVES", "dark_bins", "in_gap", "is_chronic", "is_dark"]

LIVES = 1 << 40
"""A bin that never comes: the source gives."""
_SILENT_AFTER = 9.0
"""Mentions expected since the last one before a silent source counts as dark (e^-9 by chance)."""
_GAP_SHARE = 0.5
_CHRONIC = timedelta(hours=24)
_STOPPED = (SourceState.BLIND, SourceState.PAUSED)


def dark_bins(
    series: Series, baseline: Baseline, health: Mapping[str, SourceHealth], *, last: int, fraction: float
) -> NDArray[np.int64]:
    """Return for each source of the series the bin from which it gives nothing, else `LIVES`.

    A source is dark when its visits fail, or when it has been silent for so long that its
    own live volume makes chance impossible. Sources that no setting names any more (an
    imported history) always count as living.
    """
    dark = np.full(len(series.sources), LIVES, np.int64)
    silent_since = series.last_live(last + 1) + 1
    for row, source in enumerate(series.sources):
        state = health.get(source)
        if state is None:
            continue
        if state.state in _STOPPED:
            dark[row] = bin_of(state.since) if state.since else last
        elif row < len(baseline.live) and baseline.live[row] > 0:
            first = max(int(silent_since[row]), baseline.anchor - BINS_PER_DAY)
            if first <= last and baseline.live[row] * baseline.weights(first, last + 1, fraction).sum() > _SILENT_AFTER:
                dark[row] = first
    return dark


def in_gap(
    series: Series,
    baseline: Baseline,
    dark: NDArray[np.int64],
    health: Sequence[SourceHealth],
    *,
    last: int,
    now: datetime,
) -> bool:
    """Say whether too much of a brand's usual volume is dark to conclude anything from quiet.

    True where every configured source has stopped, or sources with half of the brand's
    usual volume are dark. One that has been dark for a day is no news and is left out, and so is
    an imported history.
    """
    known = [source for source in health if source.state is not SourceState.NEW]
    if known and all(source.state in _STOPPED for source in known):
        return True
    chronic = {source.source for source in health if is_chronic(source, now)}
    usual = np.zeros(len(series.sources))
    usual[: len(baseline.all_mentions)] = baseline.all_mentions
    named = {source.source for source in health} - chronic
    counted = np.array([source in named for source in series.sources], bool)
    total = math.fsum(usual[counted])
    return total > 0 and math.fsum(usual[counted & (dark <= last)]) >= _GAP_SHARE * total


def is_dark(source: SourceHealth) -> bool:
    """Say whether the visits of a source fail or are paused: it gives nothing now."""
    return source.state in _STOPPED


def is_chronic(source: SourceHealth, now: datetime) -> bool:
    """Say whether a source has been dark for more than a day: that is no news, and nobody waits for it any more."""
    return is_dark(source) and (source.since is None or now - source.since > _CHRONIC)
