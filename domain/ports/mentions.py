"""The mention store: writing, searching, counting."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from domain.counting import CountBy, CountRow, HistogramBar, TermCount
from domain.mention import Engagement, Mention
from domain.moment import Window
from domain.query import Node
from domain.tagging import Polarity

__all__ = [
    "CountSource",
    "MentionSearch",
    "MentionWriter",
    "Page",
    "PutResult",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PutResult:
    """What a put did."""

    created: frozenset[str]
    """Ids that were not there before."""
    updated: frozenset[str]
    """Ids whose text, tags, flags or engagement changed."""
    unchanged: frozenset[str]
    """Ids that were there in the same form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a search, newest event first."""

    mentions: tuple[Mention, ...]
    """At most the asked number, by event_at then id, descending."""
    next: str | None
    """Opaque cursor of the next page; None = this was the last."""


class MentionWriter(Protocol):
    """The writing side of a mention store."""

    def put(self, mentions: Sequence[Mention], *, now: datetime) -> PutResult:
        """Store tagged mentions and return when they are searchable; idempotent by id.

        For an id already there: first_collected_at, source and story_id never change; the
        earlier flag `backfill` stays; text, tags, engagement, last_collected_at, deleted_at
        and other flags are replaced; but a counter that is not shown keeps its last reading,
        and a part of a text does not replace the whole. Changed engagement is also kept in
        the history. Of two mentions with one id in a batch the later wins. Sets indexed_at to
        `now` on creation.
        """
        ...

    def delete_before(self, moment: datetime, *, candidates: bool) -> int:
        """Delete mentions (or candidates) first collected before `moment`; return how many."""
        ...

    def erase_author(self, *, platform: str, author_id: str | None = None, name: str | None = None) -> int:
        """Delete all mentions of one author with their history; return how many."""
        ...


class MentionSearch(Protocol):
    """The reading side of a mention store."""

    def get(self, ids: Sequence[str]) -> Mapping[str, Mention]:
        """Return the mentions that exist, by id; missing ids are absent."""
        ...

    def search(
        self, query: Node, *, now: datetime, window: Window | None = None, limit: int = 50, after: str | None = None
    ) -> Page:
        """Return mentions that match, newest event first; `window` bounds event_at."""
        ...

    def count(self, query: Node, *, now: datetime, window: Window | None = None) -> int:
        """Return how many mentions match."""
        ...

    def histogram(self, query: Node, *, now: datetime, window: Window, interval: timedelta) -> Sequence[HistogramBar]:
        """Return bars over the window, oldest first, empty ones included, aligned to its start."""
        ...

    def terms(
        self, query: Node, *, now: datetime, field: str, window: Window | None = None, limit: int = 20
    ) -> Sequence[TermCount]:
        """Return the commonest values of a public keyword field, most first, ties by value."""
        ...

    def engagement_history(self, mention: str) -> Sequence[tuple[datetime, Engagement]]:
        """Return the readings of a mention's counters, oldest first; empty if unknown."""
        ...


class CountSource(Protocol):
    """Counts for detection; candidates and owned posts are never counted."""

    def counts(self, window: Window, *, brand: str | None = None, by: CountBy | None = None) -> Sequence[CountRow]:
        """Return rows per 5-minute bucket of event time, oldest first; empty buckets absent.

        The window's start is rounded down and its end up to whole buckets.
        """
        ...

    def distinct_authors(
        self,
        window: Window,
        *,
        brand: str,
        polarity: Polarity | None = None,
        story: str | None = None,
        include_backfill: bool = False,
    ) -> int:
        """Return the exact number of distinct authors (platform and id, else name)."""
        ...
