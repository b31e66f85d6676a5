"""Protocols that several packages call; storage satisfies them by structure.

Every method is synchronous and may block on I/O: an event loop calls it in a thread.
Implementations raise only errors below `storage.errors.StoreError`, whose `retryable`
says whether the same call may succeed later.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from domain.account import AccountReading
from domain.backfill import Backfill
from domain.counting import CountBy, CountRow, HistogramBar, TermCount
from domain.credential import CredentialState
from domain.incident import Delivery, Evaluation, Incident, Silence
from domain.mention import Engagement, Mention, Trend
from domain.moment import Window
from domain.query import Node
from domain.refresh import Refresh
from domain.source import VisitState
from domain.tagging import Polarity
from domain.trend import TrendReading, TrendSpell

__all__ = [
    "AccountReadings",
    "AppendResult",
    "BackfillStore",
    "Change",
    "CountSource",
    "CredentialStore",
    "Desk",
    "DeskChange",
    "Fence",
    "Inbox",
    "InboxKind",
    "InboxRow",
    "MentionSearch",
    "MentionWriter",
    "Page",
    "PutResult",
    "RefreshStore",
    "RoleLease",
    "SitePace",
    "StoryIndex",
    "StoryItem",
    "StoryLink",
    "TrendBook",
    "VisitStore",
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


class InboxKind(StrEnum):
    """Why a row lies in the inbox."""

    NEW = "new"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxRow:
    """A leased row of the inbox."""

    row: int
    """Row number; order of arrival."""
    kind: InboxKind
    """New, or seen before with other text or counters."""
    mention: Mention
    """The untagged mention; first_collected_at is that of the first sight."""
    attempts: int
    """Leases taken so far, this one included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendResult:
    """What an append did."""

    new: frozenset[str]
    """Ids seen for the first time."""
    changed: frozenset[str]
    """Ids seen before whose text or counters changed."""
    known: int
    """Mentions that were known and the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """News for detection: a mention of a brand in a bucket was stored or changed."""

    mention: str
    """Mention id."""
    brand: str
    """Brand id."""
    bucket: datetime
    """5-minute bucket of its event time, UTC."""
    at: datetime
    """When it was written, UTC."""
    row: int = 0
    """Row number once stored."""


class Inbox(Protocol):
    """The durable queue between crawling and tagging, and the changed rows behind it."""

    def append(self, mentions: Sequence[Mention], *, now: datetime) -> AppendResult:
        """Remember ids as seen and queue what is new or changed, in one transaction."""
        ...

    def known(self, ids: Sequence[str]) -> frozenset[str]:
        """Return those of `ids` that were seen before."""
        ...

    def lease(self, *, owner: str, limit: int, lease: timedelta, now: datetime) -> Sequence[InboxRow]:
        """Take up to `limit` rows, oldest first, for `lease`; expired leases are taken again."""
        ...

    def ack(self, rows: Sequence[int], changes: Sequence[Change], *, owner: str, now: datetime) -> None:
        """Remove rows that `owner` holds and write their changes, in one transaction."""
        ...

    def release(self, rows: Sequence[int], *, owner: str, now: datetime, delay: timedelta, tried: bool) -> None:
        """Give rows back; they may be leased again after `delay`.

        `tried` says whether the mentions themselves failed; if something else did, such as a store
        that is away, this lease is no attempt.
        """
        ...

    def dead_letter(self, row: int, *, reason: str, owner: str, now: datetime) -> None:
        """Set a row aside with the reason, at most 300 characters."""
        ...

    def depth(self) -> int:
        """Return the number of rows that wait or are leased; dead letters not counted."""
        ...

    def dead_letters(self, limit: int = 100) -> Sequence[tuple[int, str, str]]:
        """Return (row, mention id, reason), newest first."""
        ...

    def claim_changes(self, *, owner: str, limit: int, lease: timedelta, now: datetime) -> Sequence[Change]:
        """Take up to `limit` changed rows; `Desk.commit` deletes them."""
        ...

    def take_back(self, *, owner: str, now: datetime) -> int:
        """Free the rows and changes that an `owner` of the same name, dead by now, had taken; return how many."""
        ...


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


class BackfillStore(Protocol):
    """Requests to read sources back."""

    def all(self, *, open_only: bool = False) -> Sequence[Backfill]:
        """Return the requests in the order they were asked for; `open_only` = those that are not over."""
        ...

    def save(self, backfill: Backfill) -> None:
        """Write a request, in the place of one with its id."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """Proof that a process holds a role."""

    role: str
    """Name of the role."""
    owner: str
    """Who holds it."""
    token: int
    """Number of this tenure, from 1, higher than that of every earlier holder."""


class RoleLease(Protocol):
    """Roles of which one process at a time may do the work, over several machines."""

    def acquire(self, role: str, *, owner: str, lease: timedelta, now: datetime) -> Fence | None:
        """Take a role that nobody holds, with a new token; None = another holds it."""
        ...

    def renew(self, fence: Fence, *, lease: timedelta, now: datetime) -> bool:
        """Hold a role for `lease` from now on; False = another took it meanwhile."""
        ...

    def release(self, fence: Fence) -> None:
        """Give a role up, so that the next one need not wait; no-op when it is not held."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryItem:
    """What the link step knows of a mention."""

    id: str
    """Mention id."""
    bands: tuple[str, ...]
    """LSH band keys."""
    signature: tuple[int, ...]
    """MinHash values; empty = it can only be its own story, or share an exact band."""
    event_at: datetime
    """Event time, UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryLink:
    """The story of a mention."""

    id: str
    """Mention id."""
    story_id: str
    """Id of the story's first mention, aliases resolved."""
    is_duplicate: bool
    """True unless it is the first of its story."""


class StoryIndex(Protocol):
    """The shared index of stories."""

    def link(self, items: Sequence[StoryItem], *, now: datetime) -> Sequence[StoryLink]:
        """Find or found each item's story, in order, in one transaction; idempotent by id."""
        ...

    def resolve(self, story_ids: Sequence[str]) -> Mapping[str, str]:
        """Return the present id for each story id, following merges; unknown ids map to themselves."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskChange:
    """What one step of `watch` writes, in one transaction."""

    evaluations: tuple[Evaluation, ...] = ()
    """Looks to keep."""
    incidents: tuple[Incident, ...] = ()
    """Incidents to write; each names the version it was read at (0 = new)."""
    deliveries: tuple[Delivery, ...] = ()
    """Messages to queue; an id already there is left as it is."""
    claimed: tuple[int, ...] = field(default=())
    """Changed rows that are done with."""


class Desk(Protocol):
    """Incidents, evaluations, deliveries and silences."""

    def commit(self, change: DeskChange, *, now: datetime) -> None:
        """Write everything or nothing; each stored incident's version goes up by one.

        Queuing a delivery drops pending or held ones of the same incident, receiver and
        channel with a lower seq (state dropped, answer `superseded by seq N`), except that
        a `firing` that nobody received is never replaced by a `resolved` alone: both are
        dropped then.

        Raises:
            storage.errors.ConflictError: an incident was changed by another since it was read.
        """
        ...

    def incidents(self, *, active_only: bool = False, brand: str | None = None, limit: int = 200) -> Sequence[Incident]:
        """Return incidents, newest first; `active_only` = pending, open, acked, cooling."""
        ...

    def incident(self, id: str) -> Incident | None:
        """Return one incident; None = unknown."""
        ...

    def evaluations(
        self, *, incident: str | None = None, rule: str | None = None, limit: int = 200
    ) -> Sequence[Evaluation]:
        """Return kept evaluations, newest first."""
        ...

    def deliveries(self, *, incident: str | None = None, limit: int = 500) -> Sequence[Delivery]:
        """Return deliveries by creation then seq, oldest first."""
        ...

    def claim_deliveries(self, *, owner: str, limit: int, lease: timedelta, now: datetime) -> Sequence[Delivery]:
        """Take due deliveries (pending, held, uncertain), highest priority first, then oldest.

        Per incident, receiver and channel only the lowest unfinished seq is given out. A
        delivery left `sending` by an owner whose lease ran out comes back as `uncertain`.
        """
        ...

    def save_delivery(self, delivery: Delivery, *, owner: str, now: datetime) -> None:
        """Write a claimed delivery's new state; a final or held state gives up the claim."""
        ...

    def save_deliveries(self, deliveries: Sequence[Delivery], *, owner: str, now: datetime) -> Sequence[Delivery]:
        """Write several claimed deliveries in one transaction; return those that `owner` still held."""
        ...

    def remote_ref(self, *, incident: str, receiver: str, channel: str) -> str:
        """Return the handle of the incident's first accepted message there; empty = none."""
        ...

    def silences(self, *, at: datetime | None = None) -> Sequence[Silence]:
        """Return silences, those in force at `at` if given, by end."""
        ...

    def add_silence(self, silence: Silence) -> None:
        """Write a silence."""
        ...

    def end_silence(self, id: str, *, at: datetime) -> bool:
        """End a silence early; False = unknown or over."""
        ...
