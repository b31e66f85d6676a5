"""The one notion of now: an argument everywhere, made in the service's wiring."""

from datetime import datetime, timedelta
from typing import Protocol

from domain.moment import require_utc

__all__ = ["Clock", "ManualClock"]


class Clock(Protocol):
    """Tells the time of the domain; it may run faster than the wall clock."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        ...

    def real_s(self, span: timedelta) -> float:
        """Return how many real seconds to wait for `span` of domain time, never negative."""
        ...

    def span(self, real_s: float) -> timedelta:
        """Return the domain time that passes in `real_s` real seconds (for channels' own limits)."""
        ...


class ManualClock:
    """A clock that stands until it is moved; for tests and replays."""

    def __init__(self, start: datetime) -> None:
        self._now = require_utc(start)

    def now(self) -> datetime:
        """Return the moment it was last set to."""
        return self._now

    def real_s(self, span: timedelta) -> float:
        """Return 0.0: a stopped clock waits for nobody."""
        return 0.0

    def span(self, real_s: float) -> timedelta:
        """Return the same span: one domain second for one real second."""
        return timedelta(seconds=real_s)

    def advance(self, span: timedelta) -> datetime:
        """Move the clock by `span` (may be negative) and return the new moment."""
        self._now += span
        return self._now

    def set(self, moment: datetime) -> None:
        """Set the clock to an aware `moment`."""
        self._now = require_utc(moment)
