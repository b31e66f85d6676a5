"""A mention store in memory: the plain meaning of the protocol, for tests and trials."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from domain.codec import to_plain
from domain.counting import CountBy, CountRow, HistogramBar, TermCount
from domain.document import public_fields
from domain.mention import Engagement, Flag, Mention
from domain.moment import Window, bucket_of
from domain.ports import Page, PutResult
from domain.query import Node
from domain.tagging import BrandTag, Polarity
from storage.author import author_key, is_author
from storage.mentions.ask import bar_starts, count_window, matcher_of, require_keyword, sort_rows, terms_of, values_of
from storage.mentions.cursor import place_of, read_cursor, write_cursor
from storage.mentions.merge import PutTally, brand_tags, is_counted, last_of_each, merge
from storage.text import encodable, holds

__all__ = ["MemoryMentions"]

_NEW_AFTER = timedelta(hours=24)


@dataclass(slots=True)
class _Entry:
    mention: Mention
    arrival: int
    at: datetime
    """When it happened."""
    history: dict[datetime, Engagement] = field(default_factory=dict)


class MemoryMentions:
    """Implements `MentionWriter`, `MentionSearch` and `CountSource` with plain Python."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._arrivals = 0
        self._lock = threading.RLock()

    def put(self, mentions: Sequence[Mention], *, now: datetime) -> PutResult:
        """Store tagged mentions; idempotent by id."""
        done = PutTally()
        with self._lock:
            for mention in last_of_each(mentions):
                entry = self._entries.get(encodable(mention.id))
                outcome = merge(entry.mention if entry else None, mention, now=now)
                kept = outcome.stored.mention
                if entry is None:
                    self._arrivals += 1
                    entry = self._entries[kept.id] = _Entry(kept, self._arrivals, kept.event_at)
                entry.mention, entry.at = kept, kept.event_at
                if outcome.counted:
                    entry.history[kept.last_collected_at] = kept.post.engagement
                done.add(outcome)
        return done.result()

    def delete_before(self, moment: datetime, *, candidates: bool) -> int:
        """Delete mentions (or candidates) first collected before `moment`; return how many."""
        return self._delete(lambda m: m.first_collected_at < moment and candidates is not bool(m.brands))

    def erase_author(self, *, platform: str, author_id: str | None = None, name: str | None = None) -> int:
        """Delete all mentions of one author with their history; return how many."""
        return self._delete(
            lambda m: m.post.platform == platform and is_author(m.post.author, author_id=author_id, name=name)
        )

    def holding(self, platform: str, words: Sequence[str]) -> Iterator[Mention]:
        """Yield a platform's mentions that hold one of the words anywhere, in no order; none for no words."""
        with self._lock:
            mentions = [entry.mention for entry in self._entries.values()]
        return (
            mention for mention in mentions if mention.post.platform == platform and holds(to_plain(mention), words)
        )

    def compact(self) -> None:
        """Do nothing: what was deleted is gone."""

    def _delete(self, gone: Callable[[Mention], bool]) -> int:
        with self._lock:
            ids = [id for id, entry in self._entries.items() if gone(entry.mention)]
            for id in ids:
                del self._entries[id]
        return len(ids)

    def get(self, ids: Sequence[str]) -> Mapping[str, Mention]:
        """Return the mentions that exist, by id; missing ids are absent."""
        with self._lock:
            return {id: self._entries[id].mention for id in dict.fromkeys(ids) if id in self._entries}

    def search(
        self, query: Node, *, now: datetime, window: Window | None = None, limit: int = 50, after: str | None = None
    ) -> Page:
        """Return mentions that match, newest event first; `window` bounds event_at."""
        found = sorted(self._matching(query, now, window), key=place_of, reverse=True)
        if after is not None:
            place = read_cursor(after)
            found = [mention for mention in found if place_of(mention) < place]
        more = len(found) > limit > 0
        page = tuple(found[:limit])
        return Page(mentions=page, next=write_cursor(place_of(page[-1])) if more else None)

    def count(self, query: Node, *, now: datetime, window: Window | None = None) -> int:
        """Return how many mentions match."""
        return sum(1 for _ in self._matching(query, now, window))

    def histogram(self, query: Node, *, now: datetime, window: Window, interval: timedelta) -> Sequence[HistogramBar]:
        """Return bars over the window, oldest first, empty ones included."""
        starts = bar_starts(window, interval)
        found = Counter((mention.event_at - window.start) // interval for mention in self._matching(query, now, window))
        return [HistogramBar(start=start, mentions=found[index]) for index, start in enumerate(starts)]

    def terms(
        self, query: Node, *, now: datetime, field: str, window: Window | None = None, limit: int = 20
    ) -> Sequence[TermCount]:
        """Return the commonest values of a public keyword field, most first, ties by value.

        Raises:
            QueryError: the field is no keyword field.
        """
        require_keyword(field)
        found: Counter[str] = Counter()
        for mention in self._matching(query, now, window):
            found.update(values_of(mention, field))
        return terms_of(found, limit)

    def engagement_history(self, mention: str) -> Sequence[tuple[datetime, Engagement]]:
        """Return the readings of a mention's counters, oldest first; empty if unknown."""
        with self._lock:
            entry = self._entries.get(mention)
            return sorted(entry.history.items(), key=lambda each: each[0]) if entry else []

    def _matching(self, query: Node, now: datetime, window: Window | None) -> Iterator[Mention]:
        matches = matcher_of(query, now)
        with self._lock:
            mentions = [entry.mention for entry in self._entries.values()]
        for mention in mentions:
            if (window is None or window.holds(mention.event_at)) and matches(public_fields(mention)):
                yield mention

    def counts(self, window: Window, *, brand: str | None = None, by: CountBy | None = None) -> Sequence[CountRow]:
        """Return rows per 5-minute bucket of event time, oldest first; empty buckets absent."""
        whole = count_window(window)
        sums: dict[tuple[datetime, str, Polarity, str, str, bool, str | None], list[float]] = {}
        for mention, tag, is_new in self._counted(whole):
            if brand not in (None, tag.brand):
                continue
            for key in _keys(mention, by):
                place = (
                    bucket_of(mention.event_at),
                    tag.brand,
                    tag.sentiment.polarity,
                    mention.source,
                    mention.post.platform,
                    Flag.BACKFILL in mention.flags,
                    key,
                )
                row = sums.setdefault(place, [0, 0, 0.0])
                row[0] += 1
                row[1] += is_new
                row[2] += tag.sentiment.p_negative
        return sort_rows(
            CountRow(
                bucket=bucket,
                brand=name,
                polarity=polarity,
                source=source,
                platform=platform,
                backfill=backfill,
                key=key,
                mentions=int(row[0]),
                new_authors=int(row[1]),
                p_negative=row[2],
            )
            for (bucket, name, polarity, source, platform, backfill, key), row in sums.items()
        )

    def distinct_authors(
        self,
        window: Window,
        *,
        brand: str,
        polarity: Polarity | None = None,
        story: str | None = None,
        include_backfill: bool = False,
    ) -> int:
        """Return the exact number of distinct authors, see `storage.author.author_key`."""
        return len(
            {
                author_key(mention)
                for mention, tag, _ in self._counted(window)
                if tag.brand == brand
                and polarity in (None, tag.sentiment.polarity)
                and story in (None, mention.story_id)
                and (include_backfill or Flag.BACKFILL not in mention.flags)
            }
        )

    def _counted(self, window: Window) -> list[tuple[Mention, BrandTag, bool]]:
        """Return counted mentions of a window with one of their tags, and whether its author is new."""
        since = window.start - _NEW_AFTER
        with self._lock:
            entries = [
                entry
                for entry in self._entries.values()
                if since <= entry.at < window.end and is_counted(entry.mention)
            ]
        entries.sort(key=lambda entry: (entry.at, entry.arrival))
        last: dict[tuple[str, Polarity, str], datetime] = {}
        found = []
        for entry in entries:
            for tag in brand_tags(entry.mention):
                who = (tag.brand, tag.sentiment.polarity, author_key(entry.mention))
                before = last.get(who)
                last[who] = entry.at
                if entry.at >= window.start:
                    found.append((entry.mention, tag, before is None or entry.at - before >= _NEW_AFTER))
        return found

    def close(self) -> None:
        """Forget nothing: the store lives as long as the object."""


def _keys(mention: Mention, by: CountBy | None) -> tuple[str | None, ...]:
    if by is None:
        return (None,)
    if by is CountBy.STORY:
        return (mention.story_id,) if mention.story_id is not None else ()
    tags = mention.tags
    if tags is None:
        return ()
    return tuple(dict.fromkeys(tags.topics if by is CountBy.TOPIC else (risk.category for risk in tags.risks)))
