"""The counts of one brand, kept equal to the count source by re-reading what changed."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from alerts.detect.baseline import Baseline, measure_baseline
from alerts.detect.series import BINS_PER_DAY, BINS_PER_HOUR, On, Series, bin_of, bins_in, merge_ranges
from domain.counting import CountBy
from domain.ports import CountSource
from domain.source import SourceHealth, SourceState

__all__ = ["BrandCounts"]

_GUARD = BINS_PER_DAY
"""The last day is no part of the past once there is enough of it, so that a slow rise cannot hide itself."""
_YOUNG = 4 * BINS_PER_DAY


class BrandCounts:
    """Counts and expectations of one brand; a cache that a restart rebuilds exactly."""

    def __init__(self, source: CountSource, brand: str, *, history: timedelta, now: datetime) -> None:
        self._source, self._brand, self._history = source, brand, history
        days = -(-bins_in(history) // BINS_PER_DAY) + 1
        self.series = Series(last=bin_of(now), days=days)
        self._watched: dict[str, int] = {}
        self._baselines: dict[tuple[On, tuple[int, ...], int], Baseline] = {}
        self._read(self.series.first, self.series.end - 1)

    def update(self, changed: Iterable[int], now: datetime) -> None:
        """Read the changed bins again and bring the span up to `now`."""
        last = bin_of(now)
        self.series.advance(last)
        for first, end in merge_ranges(changed, self.series.end - 1):
            self._read(first, end)
            if first < self._anchor(last):
                self._baselines.clear()

    def listen(self, health: Iterable[SourceHealth]) -> None:
        """Take note since when each living source is listened to."""
        watched = {
            source.source: bin_of(source.since)
            for source in health
            if source.state is SourceState.LIVE and source.since is not None
        }
        if watched != self._watched:
            self._watched = watched
            self._baselines.clear()

    def baseline(self, on: On, windows: tuple[int, ...], story_width: int, *, now: datetime) -> Baseline:
        """Return what is usual, measured anew once an hour or when the past changed."""
        anchor = self._anchor(bin_of(now))
        key = (on, windows, story_width)
        known = self._baselines.get(key)
        if known is None or known.anchor != anchor:
            known = measure_baseline(
                self.series,
                anchor=anchor,
                on=on,
                history=self._history,
                windows=windows,
                story_width=story_width,
                watched=self._watched,
            )
            self._baselines[key] = known
        return known

    def _anchor(self, last: int) -> int:
        hour = last // BINS_PER_HOUR * BINS_PER_HOUR
        first = min([int(self.series.first_seen(hour).min(initial=hour)), *self._watched.values()])
        return hour - (_GUARD if hour - first >= _YOUNG else BINS_PER_HOUR)

    def _read(self, first: int, last: int) -> None:
        window = self.series.window(first, last)
        if window is None:
            return
        self.series.replace(first, last, self._source.counts(window, brand=self._brand))
        self.series.replace_stories(first, last, self._source.counts(window, brand=self._brand, by=CountBy.STORY))
