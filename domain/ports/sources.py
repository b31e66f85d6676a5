"""What sources need to remember: visits, turns, credentials, hot lists, accounts, plans."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from domain.account import AccountReading
from domain.backfill import Backfill
from domain.credential import CredentialState
from domain.mention import Trend
from domain.refresh import Refresh
from domain.source import VisitState
from domain.trend import TrendReading, TrendSpell

__all__ = [
    "AccountReadings",
    "BackfillStore",
    "CredentialStore",
    "RefreshStore",
    "SitePace",
    "TrendBook",
    "VisitStore",
]


class VisitStore(Protocol):
    """The state of visits, one row per source."""

    def load(self) -> Mapping[str, VisitState]:
        """Return all states by source name."""
        ...

    def one(self, source: str) -> VisitState | None:
        """Return the state of one source; None = it was never saved."""
        ...

    def save(self, state: VisitState, *, owner: str | None = None) -> None:
        """Write one state as a whole, save posts_matched, which only `add_matched` changes.

        With an `owner` the source's claim is given up in the same step.

        Raises:
            storage.errors.ConflictError: `owner` is given and does not hold the source any more.
        """
        ...

    def claim(self, source: str, *, owner: str, until: datetime, now: datetime) -> bool:
        """Take a source for a visit that ends before `until`; False = another visits it now."""
        ...

    def release(self, *, owner: str) -> None:
        """Give up every source that `owner` holds."""
        ...

    def add_matched(self, matched: Mapping[str, int]) -> None:
        """Add to posts_matched per source."""
        ...


class SitePace(Protocol):
    """When each site may be asked next, for all processes that visit sources."""

    def turn(self, site: str, *, pace: timedelta, now: datetime) -> datetime:
        """Take the next turn at a site and return when it comes, `now` or later; turns lie `pace` apart."""
        ...

    def hold(self, site: str, *, until: datetime, now: datetime) -> None:
        """Ask a site nothing before `until`; an earlier, longer hold stays."""
        ...

    def held_until(self, site: str, *, now: datetime) -> datetime | None:
        """Return until when a site is held; None = it is not."""
        ...


class CredentialStore(Protocol):
    """What is known of credentials, for all processes that visit sources; it never holds one."""

    def salt(self) -> str:
        """Return the salt of all fingerprints, the same for ever."""
        ...

    def load(self) -> Mapping[str, CredentialState]:
        """Return the states of all cookies by name."""
        ...

    def save(self, state: CredentialState) -> None:
        """Write a state; what is dead stays dead, whoever still thinks otherwise."""
        ...

    def spend(self, name: str, *, day: str, most: int) -> int | None:
        """Count one request of a day, in one step, and return how many there were with it.

        Args:
            name: Fingerprint of the key.
            day: The day, such as 2026-06-20.
            most: Most requests of a day.

        Returns:
            1 to `most`; None = `most` are used already, and nothing was counted.
        """
        ...

    def used(self, name: str, *, day: str) -> int:
        """Return how many requests of a day were counted."""
        ...


class AccountReadings(Protocol):
    """What our accounts and those of rivals had on each day."""

    def put(self, readings: Sequence[AccountReading]) -> int:
        """Write readings, each joined with what is known of its account and day; return how many days changed.

        How two readings of a day are joined: `domain.account.joined`.
        """
        ...

    def between(self, platform: str, account: str, first: str, last: str) -> Sequence[AccountReading]:
        """Return the readings of an account from one day to another, both included, oldest first."""
        ...

    def latest(self, platform: str, account: str) -> AccountReading | None:
        """Return the reading of an account's newest day; None = there is none."""
        ...


class TrendBook(Protocol):
    """Which line stood on which hot list, from when to when."""

    def add(self, source: str, platform: str, trends: Sequence[Trend], at: datetime) -> None:
        """Note what a look at a list showed; one without a line, or older than the last one, says nothing."""
        ...

    def spells(self, *, since: datetime, platform: str | None = None, title: str | None = None) -> Sequence[TrendSpell]:
        """Return the stays seen since a moment and all that the last look at a list showed, newest entry first."""
        ...

    def readings(self, spell: int) -> Sequence[TrendReading]:
        """Return the kept readings of a stay by its number, oldest first; empty if it is unknown."""
        ...


class RefreshStore(Protocol):
    """Which mentions are read again and when, for all processes that visit sources."""

    def load(self) -> Mapping[str, Refresh]:
        """Return all plans by mention id."""
        ...

    def plan(self, refreshes: Sequence[Refresh]) -> None:
        """Write plans; one that is there is left as it is."""
        ...

    def drop(self, mentions: Sequence[str]) -> None:
        """Forget the plans of mentions, by their ids."""
        ...

    def take(self, *, owner: str, busy: Collection[str], until: datetime, now: datetime) -> Refresh | None:
        """Take the plan that is due the longest and that nobody holds; it comes free again at `until`.

        Plans whose road is among `busy` wait. None = none is due.
        """
        ...

    def save(self, refresh: Refresh, *, owner: str) -> None:
        """Write a plan that `owner` took and give it up; no-op if it was dropped or another took it since."""
        ...

    def lift(self, mentions: Sequence[str]) -> None:
        """Let the next append of these deleted mentions count as a change, also if nothing else changed."""
        ...


class BackfillStore(Protocol):
    """Requests to read sources back."""

    def all(self, *, open_only: bool = False) -> Sequence[Backfill]:
        """Return the requests in the order they were asked for; `open_only` = those that are not over."""
        ...

    def save(self, backfill: Backfill) -> None:
        """Write a request, in the place of one with its id."""
        ...
