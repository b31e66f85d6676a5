"""Whether a source brings far less than in the weeks before (contracts: crawling, section 7)."""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from statistics import median
from typing import Protocol

from domain.source import VisitState

__all__ = ["HourBook", "Low", "YieldWatch", "low_yield"]

logger = logging.getLogger(__name__)

WINDOW_H = 6
"""Hours that are looked at together."""
WEEKS = 4
_LEAST_WEEKS = 2
_CHANCE = 1e-3
_HOUR = timedelta(hours=1)
_WEEK = timedelta(days=7)

Low = tuple[int, float]
"""(new posts, those expected)."""


class HourBook(Protocol):
    """New posts of each source by the hour."""

    def add(self, source: str, *, at: datetime, new: int) -> None:
        """Add a visit to its hour."""
        ...

    def hours(self, source: str, *, since: datetime) -> Mapping[datetime, int]:
        """Return the new posts of each hour that had visits, by the hour's start, UTC."""
        ...


def low_yield(hours: Mapping[datetime, int], now: datetime) -> Low | None:
    """Say whether the last six whole hours brought so little that chance explains it in one case of a thousand.

    What is expected of an hour is the median of the same hour of the week in up to four weeks before. Hours
    without visits, or known from fewer than two weeks, are left out.

    Args:
        hours: New posts by hour, as `HourBook.hours` gives them.
        now: Present moment, UTC.

    Returns:
        What came and what was expected; None = it is as usual, or too little is known.
    """
    end = now.replace(minute=0, second=0, microsecond=0)
    came, expected = 0, 0.0
    for back in range(1, WINDOW_H + 1):
        hour = end - back * _HOUR
        before = [hours[hour - week * _WEEK] for week in range(1, WEEKS + 1) if hour - week * _WEEK in hours]
        if hour in hours and len(before) >= _LEAST_WEEKS:
            came += hours[hour]
            expected += median(before)
    return (came, expected) if expected > 0 and _at_most(came, expected) < _CHANCE else None


class YieldWatch:
    """Counts the new posts of each source by the hour, writes whole hours down and compares them with earlier weeks.

    Args:
        book: Where the hours are kept.
        began_at: When this process began, UTC; the hour that it began in is not whole and not written.
    """

    def __init__(self, book: HourBook, began_at: datetime) -> None:
        self._book = book
        self._began_at = began_at
        self._hours: dict[str, tuple[datetime, int]] = {}

    def note(self, source: str, new: int, now: datetime) -> tuple[bool, Low | None]:
        """Add a good visit; may block.

        Returns:
            Whether an hour has ended since the source's visit before, and if so what is low about it.
        """
        hour = now.replace(minute=0, second=0, microsecond=0)
        before, count = self._hours.get(source, (hour, 0))
        if before == hour:
            self._hours[source] = (hour, count + new)
            return False, None
        self._hours[source] = (hour, new)
        if before < self._began_at:
            return False, None
        self._book.add(source, at=before, new=count)
        known = self._book.hours(source, since=now - WEEKS * _WEEK - WINDOW_H * _HOUR - _HOUR)
        return True, low_yield(known, now)

    def after(self, state: VisitState, new: int, now: datetime) -> VisitState:
        """Add a good visit and return the source's state with what is low about it; may block."""
        try:
            ended, low = self.note(state.source, new, now)
        except Exception as err:  # noqa: BLE001  # border of one visit: the next hour counts again
            logger.warning("hour not noted source=%s error=%s", state.source, err)
            return state
        if not ended:
            return state
        words = f"{low[0]} instead of about {low[1]:.0f} in 6 h" if low else ""
        return replace(state, low_since=(state.low_since or now) if low else None, low_detail=words)


def _at_most(count: int, mean: float) -> float:
    """Return the probability of a Poisson count of at most `count`."""
    terms: Sequence[float] = [math.exp(n * math.log(mean) - mean - math.lgamma(n + 1)) for n in range(count + 1)]
    return math.fsum(terms)
