"""Accounts of ours, of rivals and of the watch list: what is read of them, and when."""

import logging
import threading
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol
from zlib import crc32

from config.settings import AccountSettings, Settings, SourceSettings
from crawlers.account_roads import OTHERS_EVERY, OWN_EVERY, roads_over
from crawlers.account_table import AccountTable
from crawlers.base import Fetch
from crawlers.errand import Errand
from crawlers.job import VisitResult
from crawlers.plan import expand_sources
from crawlers.platforms import build_platform
from domain.account import (
    ACCOUNT,
    BRAND,
    UNDER_OWN,
    UNDER_POST,
    AccountReading,
    day_of,
    is_ours,
    told,
)
from domain.mention import Flag, Kind, Mention, Post
from domain.moment import Window
from domain.outcome import FetchOutcome
from domain.ports import AccountReadings, MentionSearch
from domain.query import parse

__all__ = ["AccountBook"]

logger = logging.getLogger(__name__)

COMMENTS_EVERY = timedelta(minutes=5)
"""Time between two looks at the comments under a post of ours while new ones come; it doubles while none do."""
COMMENTS_FOR = timedelta(days=7)
"""Comments under posts of ours are read for so long after publication."""
CLOSED_EVERY = timedelta(hours=6)
"""Time between two looks where comments are closed."""

_LOOK_EVERY = timedelta(minutes=1)
_AGAIN = timedelta(seconds=10)
_SLOWEST = ((timedelta(days=1), timedelta(minutes=30)), (timedelta(days=3), timedelta(hours=2)))
_MOST_POSTS = 300
_MOST_SEEN = 5_000
_OWN_POSTS = parse("flags: owned and not flags: deleted and not kind: comment")


class Marks(Protocol):
    """Remembers moments over a restart."""

    def at(self, name: str) -> datetime | None:
        """Return when something last happened, UTC; None = never."""
        ...

    def put(self, name: str, at: datetime) -> None:
        """Remember when something happened last."""
        ...


@dataclass(slots=True, kw_only=True)
class _Timeline:
    """The posts of one account, and when they are read again."""

    account: AccountSettings
    source: SourceSettings
    fetch: Fetch
    due_at: datetime | None = None
    known: bool | None = None
    """It was read before; None = not looked up yet."""

    @property
    def key(self) -> str:
        return f"account:{self.account.platform}:{self.account.id}"

    @property
    def every(self) -> timedelta:
        return OWN_EVERY if self.account.role == "owned" else OTHERS_EVERY


@dataclass(slots=True, kw_only=True)
class _Comments:
    """The comments under one post of ours, and when they are read again."""

    mention: Mention
    source: SourceSettings
    fetch: Fetch
    extra: tuple[tuple[str, str], ...]
    due_at: datetime
    interval: timedelta = COMMENTS_EVERY
    seen: set[str] = field(default_factory=set)
    read: bool = False

    @property
    def key(self) -> str:
        return f"comments:{self.mention.id}"


class AccountBook:
    """Errands for accounts: comments under posts of ours before anything else, then the posts of each account.

    Implements `crawlers.errand.ErrandBook`.
    """

    def __init__(
        self,
        settings: Settings,
        search: MentionSearch,
        readings: AccountReadings,
        marks: Marks,
        *,
        sources: Sequence[SourceSettings] | None = None,
    ) -> None:
        """Find the roads.

        Args:
            settings: Everything the installation is told.
            search: Where posts of ours are found.
            readings: Where followers and counters of accounts go.
            marks: Remembers over a restart which accounts were read before.
            sources: Expanded sources that this process visits; None = all.

        Raises:
            CrawlError: a platform is unknown.
            SourceError: a source lacks what its platform needs.
        """
        self._search = search
        self._readings = readings
        self._marks = marks
        self._table = AccountTable(settings.accounts, [brand.id for brand in settings.brands])
        self._own = {(each.platform, each.id): each for each in settings.accounts if each.role == "owned"}
        mine = expand_sources(settings) if sources is None else sources
        self._sources = [(each, build_platform(each.platform, each.options)) for each in mine]
        self._timelines: dict[str, _Timeline] = {}
        for account in settings.accounts:
            for source, fetch in roads_over(account, self._sources)[:1]:
                line = _Timeline(account=account, source=source, fetch=fetch)
                self._timelines.setdefault(line.key, line)
        self._comments: dict[str, _Comments] = {}
        self._out: dict[str, str] = {}
        self._looked_at: datetime | None = None
        self._written: dict[tuple[str, str, str], AccountReading] = {}
        self._lock = threading.Lock()

    def due(self, now: datetime, limit: int) -> Sequence[Errand]:
        """Return at most `limit` errands that are due, one over each source, see `crawlers.errand.ErrandBook.due`.

        Comments go first, except before a timeline that waits as long again as it should.
        """
        with self._lock:
            self._look(now)
            busy = set(self._out.values())
            errands: list[Errand] = []
            for each in sorted(self._waiting(now), key=lambda each: self._rank(each, now)):
                if each.source.name not in busy and len(errands) < limit:
                    busy.add(each.source.name)
                    errands.append(self._errand(each))
            self._out.update((errand.key, errand.source.name) for errand in errands)
            return errands

    def _waiting(self, now: datetime) -> list[_Comments | _Timeline]:
        for line in self._timelines.values():
            line.due_at = line.due_at or now
        entries: list[_Comments | _Timeline] = [*self._comments.values(), *self._timelines.values()]
        return [each for each in entries if (each.due_at or now) <= now and each.key not in self._out]

    @staticmethod
    def _rank(each: _Comments | _Timeline, now: datetime) -> tuple[int, datetime]:
        due_at = each.due_at or now
        if not isinstance(each, _Timeline):
            return 1, due_at
        return (0 if due_at + each.every <= now else 2), due_at

    def _errand(self, each: _Comments | _Timeline) -> Errand:
        return self._timeline_errand(each) if isinstance(each, _Timeline) else self._comment_errand(each)

    def done(self, errand: Errand, result: VisitResult | None, now: datetime) -> None:
        """Take note of what an errand came to, see `crawlers.errand.ErrandBook.done`."""
        with self._lock:
            self._out.pop(errand.key, None)
            if errand.key in self._comments:
                self._comments_done(self._comments[errand.key], result, now)
            elif errand.key in self._timelines:
                self._timeline_done(self._timelines[errand.key], result, now)

    def _look(self, now: datetime) -> None:
        """Find the posts of ours whose comments are to be read; at most once a minute."""
        if not self._own or (self._looked_at is not None and now < self._looked_at + _LOOK_EVERY):
            return
        first, self._looked_at = self._looked_at is None, now
        window = Window(start=now - COMMENTS_FOR, end=now + timedelta(seconds=1))
        page = self._search.search(_OWN_POSTS, now=now, window=window, limit=_MOST_POSTS)
        found = {f"comments:{each.id}": each for each in page.mentions if is_ours(each)}
        for key in [key for key in self._comments if key not in found and key not in self._out]:
            del self._comments[key]
        for key, mention in found.items():
            if key not in self._comments and (new := self._begin(mention, now, spread=first)) is not None:
                self._comments[key] = new

    def _begin(self, mention: Mention, now: datetime, *, spread: bool) -> _Comments | None:
        """Return the comments under a post; None = no road shows them. Old ones found at the start come by and by."""
        post = mention.post
        nearest = sorted(self._sources, key=lambda each: each[0].name != mention.source)
        asked = ((source, page.comments(source, post)) for source, page in nearest)
        road = next(((source, fetch) for source, fetch in asked if fetch is not None), None)
        if road is None:
            return None
        own = self._own.get((post.platform, told(post, ACCOUNT) or ""))
        brands = self._table.brands_of(own) if own is not None else ()
        extra = [(UNDER_OWN, own.id if own is not None else ""), (UNDER_POST, post.native_id)]
        slowest = _slowest(now - mention.event_at)
        wait = timedelta(0)
        if spread and slowest > _SLOWEST[0][1]:
            wait = slowest * (crc32(mention.id.encode("utf-8", "replace")) % 1_000) / 1_000
        return _Comments(
            mention=mention,
            source=road[0],
            fetch=road[1],
            extra=(*extra, *((BRAND, brand) for brand in brands)),
            due_at=now + wait,
        )

    def _comment_errand(self, each: _Comments) -> Errand:
        # Under a post that is history itself the first comments are history too.
        history = Flag.BACKFILL in each.mention.flags and not each.read
        return Errand(key=each.key, source=each.source, fetches=(each.fetch,), backfill=history, extra=each.extra)

    def _comments_done(self, each: _Comments, result: VisitResult | None, now: datetime) -> None:
        if result is None:
            each.due_at = now + _AGAIN
            return
        if result.outcome is FetchOutcome.COMMENTS_CLOSED or result.outcome is FetchOutcome.GONE:
            each.interval = CLOSED_EVERY
        elif result.outcome is not None and result.outcome.proves_life:
            shown = {post.native_id for post in result.posts if post.kind is Kind.COMMENT}
            fresh = shown - each.seen
            each.seen = (each.seen | shown) if len(each.seen) < _MOST_SEEN else shown
            each.interval = COMMENTS_EVERY if fresh else self._slower(each, now)
            each.read = True
        else:
            each.interval = self._slower(each, now)
        each.due_at = now + each.interval

    @staticmethod
    def _slower(each: _Comments, now: datetime) -> timedelta:
        return min(each.interval * 2, _slowest(now - each.mention.event_at))

    def _timeline_errand(self, each: _Timeline) -> Errand:
        if each.known is None:
            each.known = self._marks.at(_mark(each.account)) is not None
        return Errand(key=each.key, source=each.source, fetches=(each.fetch,), backfill=not each.known)

    def _timeline_done(self, each: _Timeline, result: VisitResult | None, now: datetime) -> None:
        if result is None:
            each.due_at = now + _AGAIN
            return
        each.due_at = now + each.every
        if result.outcome is None or not result.outcome.proves_life:
            return
        self._note_figures(each.account, result.posts, now)
        if not each.known:
            self._marks.put(_mark(each.account), now)
            each.known = True

    def _note_figures(self, account: AccountSettings, posts: Iterable[Post], now: datetime) -> None:
        """Write the readings that a timeline gives, where they differ from what was written last."""
        own = [post for post in posts if self._table.of(post) == account]
        fresh = []
        for reading in _readings(account, own, now):
            key = (reading.platform, reading.account, reading.day)
            before = self._written.get(key)
            if before is None or replace(before, at=reading.at) != reading:
                fresh.append(reading)
                self._written[key] = reading
        if fresh:
            self._readings.put(fresh)


def _mark(account: AccountSettings) -> str:
    return f"account.{account.platform}.{account.id}"


def _slowest(age: timedelta) -> timedelta:
    return next((longest for young, longest in _SLOWEST if age < young), CLOSED_EVERY)


def _readings(account: AccountSettings, posts: Sequence[Post], now: datetime) -> list[AccountReading]:
    """Return what a page of an account's own posts tells of its days, oldest first.

    Followers are those of today. The day of the last post is left out, since the page may show a part of it
    only, and so are the days before, of which only what is pinned is shown.
    """
    today = day_of(now)
    dated = [(day_of(post.published_at), post) for post in posts if post.published_at and post.published_at <= now]
    by_day: dict[str, list[Post]] = defaultdict(list)
    for day, post in dated:
        if day > dated[-1][0]:
            by_day[day].append(post)
    readings = [_sums(account, day, shown, now) for day, shown in sorted(by_day.items()) if day != today]
    followers = next((post.author.followers for post in posts if post.author.followers is not None), None)
    if followers is not None or today in by_day:
        readings.append(replace(_sums(account, today, by_day.get(today), now), followers=followers))
    return readings


def _sums(account: AccountSettings, day: str, posts: Sequence[Post] | None, now: datetime) -> AccountReading:
    """Return the sums of a day's posts; None = its posts are not known."""

    def total(name: str) -> int | None:
        known = [value for post in posts or () if (value := getattr(post.engagement, name)) is not None]
        return sum(known) if known else None

    return AccountReading(
        platform=account.platform,
        account=account.id,
        day=day,
        at=now,
        posts=len(posts) if posts is not None else None,
        views=total("views"),
        likes=total("likes"),
        comments=total("comments"),
        shares=total("shares"),
    )
