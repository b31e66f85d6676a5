"""Which source is due when, and what an open incident pulls nearer."""

import heapq
from collections.abc import Mapping
from datetime import datetime, timedelta

from config.settings import SourceSettings
from crawlers.cadence import Bounds, Cadence, bounds_of
from crawlers.canary import is_canary
from crawlers.platforms import build_platform
from domain.source import VisitState

__all__ = ["Agenda"]


class Agenda:
    """The visits to come. A source that is being visited is on nobody's list until it is put back.

    Args:
        sources: All sources of the process, by name.
        adaptive: Visit busy ones more often and quiet ones less often; False = each exactly at its interval.
    """

    def __init__(self, sources: Mapping[str, SourceSettings], *, adaptive: bool) -> None:
        self._sources = sources
        self._bounds = {name: _bounds(each, adaptive) for name, each in sources.items()}
        self._cadence = Cadence(self._bounds)
        self._heap: list[tuple[datetime, str]] = []
        self._due: dict[str, datetime] = {}
        self._pinned: frozenset[str] = frozenset()
        self._burst: dict[str, bool] = {}

    def put(self, name: str, at: datetime) -> None:
        """Put a source on the list, or move it there."""
        self._due[name] = at
        heapq.heappush(self._heap, (at, name))

    def take(self, now: datetime) -> tuple[str, datetime] | None:
        """Take the source that is due longest off the list, with the moment it was due at; None = none is due."""
        while self._heap and self._heap[0][0] <= now:
            at, name = heapq.heappop(self._heap)
            if self._due.get(name) == at:
                del self._due[name]
                return name, at
        return None

    @property
    def next_at(self) -> datetime | None:
        """When the next source is due, UTC; None = none is on the list."""
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def learn(self, state: VisitState) -> None:
        """Take over what is known of a source's pace."""
        self._burst[state.source] = state.rates.burst
        seen = state.first_visit_at is not None
        self._cadence.note(state.source, state.rates if seen else None, hot=self._is_hot(state.source))

    def pin(self, brands: frozenset[str], now: datetime) -> None:
        """Visit the sources of these brands as often as they bear: incidents of theirs are open."""
        if brands == self._pinned:
            return
        before, self._pinned = self._pinned, brands
        for name, source in self._sources.items():
            if _is_for(source, before) == _is_for(source, brands):
                continue
            self._cadence.note(name, None, hot=self._is_hot(name))
            soonest = now + self._bounds[name].least
            if _is_for(source, brands) and self._due.get(name, soonest) > soonest:
                self.put(name, soonest)

    def interval(self, name: str, now: datetime) -> timedelta:
        """Return the time from this visit of a source to the next."""
        return self._cadence.wait(name, now)

    def _is_hot(self, name: str) -> bool:
        return self._burst.get(name, False) or _is_for(self._sources[name], self._pinned)


def _bounds(source: SourceSettings, adaptive: bool) -> Bounds:
    fixed = is_canary(source) or source.platform == "import"
    return bounds_of(source, build_platform(source.platform, source.options), adaptive=adaptive and not fixed)


def _is_for(source: SourceSettings, brands: frozenset[str]) -> bool:
    return bool(brands) and (not source.brands or not brands.isdisjoint(source.brands))
