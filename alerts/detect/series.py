"""Counts of one brand as arrays over 5-minute bins, re-read from the store where they changed."""

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from domain.counting import CountRow
from domain.moment import BUCKET, Window, bucket_of
from domain.tagging import Polarity

__all__ = ["BINS_PER_DAY", "BINS_PER_HOUR", "Counts", "On", "Series", "bin_of", "bin_start", "bins_in", "merge_ranges"]

Counts = NDArray[np.float32]
On = Literal["negative", "neutral", "positive", "all"]

BINS_PER_HOUR = 12
BINS_PER_DAY = 288
_SECONDS = int(BUCKET.total_seconds())
_POLARITY = {Polarity.NEGATIVE: 0, Polarity.NEUTRAL: 1, Polarity.POSITIVE: 2}
_ROW_OF_ON = {"negative": 0, "neutral": 1, "positive": 2}
_LIVE, _BACKFILL = 0, 1
_MENTIONS, _AUTHORS = 0, 1
_AUTHOR_MEMORY = BINS_PER_DAY + 1
"""Bins after a change in which "first seen within 24 h" may change as well."""


def bin_of(moment: datetime) -> int:
    """Return the number of the 5-minute bin that holds `moment`, counted from 1970-01-01 UTC."""
    return int(bucket_of(moment).timestamp()) // _SECONDS


def bin_start(index: int) -> datetime:
    """Return the first moment of a bin, UTC."""
    return datetime.fromtimestamp(index * _SECONDS, UTC)


def bins_in(span: timedelta) -> int:
    """Return how many bins a span covers, rounded up, at least 1."""
    return max(1, -(-int(span.total_seconds()) // _SECONDS))


def merge_ranges(changed: Iterable[int], last: int) -> list[tuple[int, int]]:
    """Return the ranges of bins to read again after changes in `changed`.

    A change may also alter who is new in the day after it, so each range reaches a day
    beyond its change, but never beyond `last`.

    Returns:
        Disjoint (first, last) pairs, both inclusive, oldest first.
    """
    ranges: list[tuple[int, int]] = []
    for first in sorted(set(changed)):
        end = min(max(first, last), first + _AUTHOR_MEMORY)
        if ranges and first <= ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], max(end, ranges[-1][1]))
        else:
            ranges.append((first, end))
    return ranges


class Series:
    """What was said about one brand, per source, polarity and 5-minute bin.

    Holds a sliding span of bins; the content always equals what the count source says of
    those bins, as long as every changed bin is given to `replace`.
    """

    def __init__(self, *, last: int, days: int) -> None:
        self._size = (days + 2) * BINS_PER_DAY
        self.first = last + BINS_PER_DAY - self._size
        self.sources: list[str] = []
        self._row: dict[str, int] = {}
        self._counts: list[Counts] = []
        """Of each source: 3 polarities, live and history, mentions and authors, bins. A span that is still zero takes
        no memory: the system gives pages only to what is written."""
        self._p_negative: list[Counts] = []
        self._stories: dict[int, dict[str, tuple[float, float]]] = {}
        self._first_known = np.zeros(0, np.int64)
        self._trusted = self.end
        """First bins before this one are known; nothing changed before it since they were found."""

    @property
    def end(self) -> int:
        """First bin after the span."""
        return self.first + self._size

    def window(self, first: int, last: int) -> Window | None:
        """Return the window of time that bins `first` to `last` cover within the span; None = outside."""
        first, last = max(first, self.first), min(last, self.end - 1)
        return Window(start=bin_start(first), end=bin_start(last + 1)) if first <= last else None

    def advance(self, last: int) -> None:
        """Move the span so that it holds bin `last`; what falls out at the old end is forgotten."""
        if last < self.end:
            return
        days = (last - self.end) // BINS_PER_DAY + 1
        shift = days * BINS_PER_DAY
        for arrays in (self._counts, self._p_negative):
            arrays[:] = (_moved(array, shift) for array in arrays)
        self.first += shift
        self._trusted = self.first
        self._first_known = np.maximum(self._first_known, self.first)
        for index in [index for index in self._stories if index < self.first]:
            del self._stories[index]

    def replace(self, first: int, last: int, rows: Sequence[CountRow]) -> None:
        """Take `rows` as all there is in bins `first` to `last`; rows outside are ignored."""
        low, high = max(first, self.first), min(last, self.end - 1)
        if low > high:
            return
        self._trusted = min(self._trusted, low)
        for array in (*self._counts, *self._p_negative):
            part = array[..., low - self.first : high + 1 - self.first]
            if part.any():
                part[...] = 0
        for row in rows:
            index = bin_of(row.bucket)
            if not low <= index <= high:
                continue
            at, source = index - self.first, self._source(row.source)
            age = _BACKFILL if row.backfill else _LIVE
            self._counts[source][_POLARITY[row.polarity], age, _MENTIONS, at] += row.mentions
            self._counts[source][_POLARITY[row.polarity], age, _AUTHORS, at] += row.new_authors
            if not row.backfill:
                self._p_negative[source][at] += row.p_negative

    def replace_stories(self, first: int, last: int, rows: Sequence[CountRow]) -> None:
        """Take `rows`, split by story, as all negative ones there are in bins `first` to `last`."""
        for index in range(max(first, self.first), min(last, self.end - 1) + 1):
            self._stories.pop(index, None)
        for row in rows:
            index = bin_of(row.bucket)
            if row.key is None or row.polarity is not Polarity.NEGATIVE or not first <= index <= last:
                continue
            if not self.first <= index < self.end:
                continue
            stories = self._stories.setdefault(index, {})
            authors, live = stories.get(row.key, (0.0, 0.0))
            stories[row.key] = (authors + row.new_authors, live + (0 if row.backfill else row.new_authors))

    def mentions(self, on: On, first: int, end: int, *, backfill: bool = False) -> Counts:
        """Return mentions, (n_sources, end − first); `backfill` adds what came by history."""
        return self._slice(on, first, end, _MENTIONS, backfill)

    def authors(self, on: On, first: int, end: int, *, backfill: bool = False) -> Counts:
        """Return authors new within 24 h, (n_sources, end − first), likewise."""
        return self._slice(on, first, end, _AUTHORS, backfill)

    def p_negative(self, first: int, end: int) -> float:
        """Return the sum of the probabilities of negative over live mentions of the bins."""
        span = slice(max(0, first - self.first), max(0, end - self.first))
        return math.fsum(chain.from_iterable(array[span] for array in self._p_negative))

    def story_authors(self, first: int, end: int) -> dict[str, float]:
        """Return live new negative authors per story over bins `first` to `end` − 1."""
        sums: dict[str, float] = {}
        for index in range(first, end):
            for story, (_, live) in self._stories.get(index, {}).items():
                sums[story] = sums.get(story, 0.0) + live
        return sums

    def story_maxima(self, first: int, end: int, width: int) -> list[float]:
        """Return for each whole day of `first` to `end` − 1 the most authors of one story in `width` bins.

        Oldest day first; 0.0 for a day without stories. History counts as well as live.
        """
        maxima: list[float] = []
        for start in range(end - (end - first) // BINS_PER_DAY * BINS_PER_DAY, end, BINS_PER_DAY):
            timeline: dict[str, list[tuple[int, float]]] = {}
            for index in range(start, start + BINS_PER_DAY):
                for story, (authors, _) in self._stories.get(index, {}).items():
                    timeline.setdefault(story, []).append((index, authors))
            maxima.append(max((_rolling_max(points, width) for points in timeline.values()), default=0.0))
        return maxima

    def first_seen(self, before: int) -> NDArray[np.int64]:
        """Return each source's first bin with any mention before bin `before`; `before` where none is."""
        unsure = np.flatnonzero(self._first_known >= self._trusted)
        for source in unsure:
            some = self._counts[source][:, :, _MENTIONS].any(axis=(0, 1))
            self._first_known[source] = some.argmax() + self.first if some.any() else self.end
        self._trusted = self.end
        return np.minimum(self._first_known, before).astype(np.int64)

    def last_live(self, end: int) -> NDArray[np.int64]:
        """Return each source's last bin before `end` with a live mention; one before the span if none."""
        last = np.full(len(self.sources), self.first - 1, np.int64)
        for source, counts in enumerate(self._counts):
            live = np.flatnonzero(counts[:, _LIVE, _MENTIONS, : max(0, end - self.first)].any(axis=0))
            if len(live):
                last[source] = self.first + live[-1]
        return last

    def _slice(self, on: On, first: int, end: int, measure: int, backfill: bool) -> Counts:
        low, high = max(0, first - self.first), max(0, end - self.first)
        polarities = slice(None) if on == "all" else slice(_ROW_OF_ON[on], _ROW_OF_ON[on] + 1)
        ages = slice(None) if backfill else slice(0, 1)
        picked = np.zeros((len(self._counts), max(0, min(high, self._size) - low)), np.float32)
        for sums, counts in zip(picked, self._counts, strict=True):
            counts[polarities, ages, measure, low:high].sum(axis=(0, 1), out=sums)
        return picked

    def _source(self, name: str) -> int:
        if name not in self._row:
            self._row[name] = len(self.sources)
            self.sources.append(name)
            self._first_known = np.append(self._first_known, self.end)
            self._counts.append(np.zeros((3, 2, 2, self._size), np.float32))
            self._p_negative.append(np.zeros(self._size, np.float32))
        return self._row[name]


def _moved(array: Counts, bins: int) -> Counts:
    """Return an array without its first `bins`, and as many zeros at its end."""
    moved = np.zeros(array.shape, np.float32)
    for plane in np.ndindex(array.shape[:-1]):
        known = np.flatnonzero(array[plane][bins:])
        if len(known):
            first, end = known[0], known[-1] + 1
            moved[plane][first:end] = array[plane][bins + first : bins + end]
    return moved


def _rolling_max(points: list[tuple[int, float]], width: int) -> float:
    best = total = 0.0
    oldest = 0
    for index, authors in points:
        total += authors
        while points[oldest][0] <= index - width:
            total -= points[oldest][1]
            oldest += 1
        best = max(best, total)
    return best
