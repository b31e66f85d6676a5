"""How often each source is visited (contracts: crawling, section 9). Pure but for what it remembers of the sources.

With rates λ of new posts and f of visits, the mean wait of a post is Σ λᵢ/(2fᵢ); under a fixed Σ fᵢ it is least for
fᵢ ∝ √λᵢ. The rates are moving averages, for what matters is what a source brings now.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from config.settings import SourceSettings
from crawlers.base import Platform
from domain.source import Rates

__all__ = ["Bounds", "Cadence", "after_posts", "bounds_of"]

_SLOW = timedelta(hours=1)
_FAST = timedelta(minutes=10)
_USUAL = timedelta(hours=6)
_PRIOR_PER_S = 1.0 / 86_400.0
"""One post in a day: a source that was quiet for long is still looked at."""
_LEAST_BURST = 2.0
_SIGMAS = 3.5
_SOLVE_AGAIN = timedelta(seconds=60)
_STEPS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Between which intervals a source is visited."""

    usual: timedelta
    """What it takes from the budget of all visits."""
    least: timedelta
    """Shortest interval, however much is new."""
    most: timedelta
    """Longest interval, however quiet."""


def bounds_of(source: SourceSettings, platform: Platform, *, adaptive: bool) -> Bounds:
    """Return between which intervals a source is visited.

    Args:
        source: The source; what its settings say goes before the rest.
        platform: Its platform, which knows how often it may be asked at all.
        adaptive: False = exactly at its interval.
    """
    usual = source.interval
    if not adaptive:
        return Bounds(usual=usual, least=usual, most=usual)
    least = source.interval_min if source.interval_min is not None else platform.floor
    most = source.interval_max if source.interval_max is not None else 2 * usual
    return Bounds(usual=usual, least=min(least, usual), most=max(most, usual))


def after_posts(rates: Rates, new: int, since: timedelta) -> Rates:
    """Return what is known of a source's pace after a visit.

    Args:
        rates: What was known before it.
        new: New posts of the visit.
        since: Time since the visit before.
    """
    seconds = max(since.total_seconds(), 1.0)
    known = Rates(
        recent=rates.recent * math.exp(-seconds / _FAST.total_seconds()) + new,
        slow=_mixed(rates.slow, new, seconds, _SLOW),
        usual=_mixed(rates.usual, new, seconds, _USUAL),
    )
    return replace(known, burst=_is_burst(known, going=rates.burst))


def _mixed(rate: float, new: int, seconds: float, memory: timedelta) -> float:
    kept = math.exp(-seconds / memory.total_seconds())
    return kept * rate + (1.0 - kept) * new / seconds


def _is_burst(rates: Rates, *, going: bool) -> bool:
    """Say whether the last ten minutes brought more than the hours before let expect.

    It begins with two posts or more, and 3.5 standard deviations of a Poisson count above its mean; it goes on
    until a third of that is no longer reached, so that a gap of minutes does not end it.
    """
    expected = (rates.usual + _PRIOR_PER_S) * _FAST.total_seconds()
    least = max(_LEAST_BURST, expected + _SIGMAS * math.sqrt(expected))
    return rates.recent >= (least / 3.0 if going else least)


class Cadence:
    """The intervals of all sources of a process, within the budget that their usual intervals make.

    Args:
        bounds: Bounds of each source by name.
    """

    def __init__(self, bounds: Mapping[str, Bounds]) -> None:
        self._bounds = dict(bounds)
        self._roots: dict[str, float] = {}
        self._hot: set[str] = set()
        self._factor = 0.0
        self._solved_at: datetime | None = None

    def note(self, name: str, rates: Rates | None, *, hot: bool) -> None:
        """Take over what is known of a source.

        Args:
            name: The source.
            rates: Its rates; None = it was never visited.
            hot: It is to be visited at its shortest interval.
        """
        if rates is not None:
            self._roots[name] = math.sqrt(rates.slow + _PRIOR_PER_S)
        if hot != (name in self._hot):
            self._hot ^= {name}
            self._solved_at = None

    def wait(self, name: str, now: datetime) -> timedelta:
        """Return the time from one visit of a source to the next.

        A source that nothing is known of yet is visited at its usual interval.
        """
        bounds = self._bounds[name]
        if name in self._hot:
            return bounds.least
        if name not in self._roots:
            return bounds.usual
        if self._solved_at is None or not timedelta(0) <= now - self._solved_at < _SOLVE_AGAIN:
            self._factor = self._solve()
            self._solved_at = now
        return min(max(timedelta(seconds=1.0 / (self._factor * self._roots[name])), bounds.least), bounds.most)

    def _solve(self) -> float:
        """Return the factor on √λ at which all visits together take the budget; they grow with it."""
        budget = taken = 0.0
        free: list[tuple[float, float, float]] = []
        for name, bounds in self._bounds.items():
            usual, least, most = (1.0 / span.total_seconds() for span in (bounds.usual, bounds.most, bounds.least))
            budget += usual
            if name in self._hot:
                taken += most
            elif name not in self._roots:
                taken += usual
            else:
                free.append((self._roots[name], least, most))
        low, high = 1e-9, 1.0 / math.sqrt(_PRIOR_PER_S)
        for _ in range(_STEPS):
            middle = math.sqrt(low * high)
            if taken + sum(min(max(middle * root, least), most) for root, least, most in free) < budget:
                low = middle
            else:
                high = middle
        return low
