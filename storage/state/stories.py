"""The shared index of stories: mentions with nearly the same text, found through LSH bands.

The signature's estimate of Jaccard similarity is the share of equal MinHash values
(Broder 1997); two texts are one story from `SAME_STORY` on. A band key belongs to the
first mention that brought it, whose signature is kept for the comparison. A text joins the
story of the text most like it. Only a text that is plainly like two stories merges them:
64 values err by .06, and a chain of doubtful links would make everything one story.
"""

import logging
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from operator import eq

from sqlalchemy import Connection, insert, select, update

from domain.moment import to_rfc3339
from domain.ports import StoryItem, StoryLink
from storage.state.database import AMONG, Database, chunked
from storage.state.prune import prune_rows
from storage.state.tables import BANDS, SIGNATURES, STORIES, STORY_ALIASES, STORY_MEMBERS

__all__ = ["BAND_LIFE", "MERGED_STORIES", "SAME_STORY", "SqlStories"]

logger = logging.getLogger(__name__)

SAME_STORY = 0.6
"""Least share of equal MinHash values for one story, [0, 1]."""
MERGED_STORIES = 0.75
"""Least share of a text's values equal to those of each of two stories that it merges."""
BAND_LIFE = timedelta(days=30)
"""A band that found nothing for so long is forgotten."""
_TOUCH = timedelta(hours=1)


class SqlStories:
    """Implements `domain.ports.StoryIndex`; one writer at a time links."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def link(self, items: Sequence[StoryItem], *, now: datetime) -> Sequence[StoryLink]:
        """Find or found each item's story, in order, in one transaction; idempotent by id.

        Of equally similar stories the earlier one (by event time, then id) is chosen; of
        merged stories the earliest stays.
        """
        if not items:
            return []
        with self._database.write() as connection:
            self._database.lock(connection, "stories")
            linking = self._load(connection, items, now)
            stories = [linking.story_of(item) for item in items]
            self._write(connection, linking)
        final = [linking.resolve(story) for story in stories]
        return [
            StoryLink(id=item.id, story_id=story, is_duplicate=item.id != story)
            for item, story in zip(items, final, strict=True)
        ]

    def resolve(self, story_ids: Sequence[str]) -> Mapping[str, str]:
        """Return the present id for each story id; unknown ids map to themselves."""
        with self._database.read() as connection:
            aliases = self._aliases(connection, story_ids)
        return {story: aliases.get(story, story) for story in story_ids}

    def prune(self, *, now: datetime) -> int:
        """Forget bands unused for `BAND_LIFE` with what only they needed; return how many bands.

        Aliases stay as long as stored mentions may carry them: for good.
        """
        limit = to_rfc3339(now - BAND_LIFE)
        prune = partial(prune_rows, self._database, lock="stories")
        gone = prune(BANDS, BANDS.c.used_at < limit)
        prune(SIGNATURES, SIGNATURES.c.mention.not_in(select(BANDS.c.mention)))
        prune(STORY_MEMBERS, STORY_MEMBERS.c.linked_at < limit)
        used = select(STORY_MEMBERS.c.story).union(select(SIGNATURES.c.story), select(STORY_ALIASES.c.story))
        prune(STORIES, STORIES.c.id.not_in(used.scalar_subquery()))
        return gone

    def _write(self, connection: Connection, linking: "_Linking") -> None:
        now = linking.now
        put = self._database.put_rows
        founded = [{"id": id, "event_at": at, "founded_at": now} for id, at in linking.founded.items()]
        put(connection, STORIES, founded)
        for loser, winner in linking.merged.items():
            connection.execute(update(STORY_ALIASES).where(STORY_ALIASES.c.story == loser).values(story=winner))
            connection.execute(insert(STORY_ALIASES).values(alias=loser, story=winner, merged_at=now))
            connection.execute(update(SIGNATURES).where(SIGNATURES.c.story == loser).values(story=winner))
        joined = [{"mention": id, "story": story, "linked_at": now} for id, story in linking.joined.items()]
        put(connection, STORY_MEMBERS, joined)
        kept = [
            {"mention": id, "story": linking.owners[id].story, "signature": _pack(linking.owners[id].signature)}
            for id in linking.kept
        ]
        put(connection, SIGNATURES, kept, key="mention")
        touched = [{"band": band, "mention": id, "used_at": now} for band, id in linking.touched.items()]
        put(connection, BANDS, touched, key="band", change=("mention", "used_at"))

    def _load(self, connection: Connection, items: Sequence[StoryItem], now: datetime) -> "_Linking":
        among, these = self._database.among, self._database.these
        members: dict[str, str] = {}
        rows = select(STORY_MEMBERS.c.mention, STORY_MEMBERS.c.story).where(among(STORY_MEMBERS.c.mention))
        for part in chunked((item.id for item in items), AMONG):
            members.update((mention, story) for mention, story in connection.execute(rows, these(part)))
        bands: dict[str, tuple[str, str]] = {}
        owners: dict[str, _Owner] = {}
        joined = select(BANDS.c.band, BANDS.c.used_at, SIGNATURES.c.mention, SIGNATURES.c.story, SIGNATURES.c.signature)
        joined = joined.join(SIGNATURES, SIGNATURES.c.mention == BANDS.c.mention)
        joined = joined.where(among(BANDS.c.band), BANDS.c.used_at >= to_rfc3339(now - BAND_LIFE))
        for part in chunked((band for item in items if item.id not in members for band in item.bands), AMONG):
            for band, used_at, mention, story, signature in connection.execute(joined, these(part)):
                bands[band] = (mention, used_at)
                if mention not in owners:
                    owners[mention] = _Owner(story, _unpack(signature))
        stories = {owner.story for owner in owners.values()} | {item.id for item in items}
        events: dict[str, str] = {}
        known = select(STORIES.c.id, STORIES.c.event_at).where(among(STORIES.c.id))
        for part in chunked(sorted(stories), AMONG):
            events.update((id, at) for id, at in connection.execute(known, these(part)))
        return _Linking(
            now=to_rfc3339(now),
            stale=to_rfc3339(now - _TOUCH),
            members=members,
            bands=bands,
            owners=owners,
            events=events,
            aliases=self._aliases(connection, [*members.values(), *stories]),
        )

    def _aliases(self, connection: Connection, stories: Sequence[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        rows = select(STORY_ALIASES.c.alias, STORY_ALIASES.c.story)
        rows = rows.where(self._database.among(STORY_ALIASES.c.alias))
        for part in chunked(stories, AMONG):
            found.update((alias, story) for alias, story in connection.execute(rows, self._database.these(part)))
        return found


@dataclass(slots=True)
class _Owner:
    """A mention whose signature is kept, and its present story."""

    story: str
    signature: tuple[int, ...]


@dataclass(slots=True)
class _Linking:
    """The part of the index that one batch touches, and what the batch changes."""

    now: str
    stale: str
    members: dict[str, str]
    bands: dict[str, tuple[str, str]]
    owners: dict[str, _Owner]
    events: dict[str, str]
    aliases: dict[str, str]
    founded: dict[str, str] = field(default_factory=dict)
    joined: dict[str, str] = field(default_factory=dict)
    merged: dict[str, str] = field(default_factory=dict)
    kept: dict[str, None] = field(default_factory=dict)
    touched: dict[str, str] = field(default_factory=dict)

    def resolve(self, story: str) -> str:
        """Follow merges, those of this batch included."""
        story = self.aliases.get(story, story)
        while story in self.merged:
            story = self.merged[story]
        return story

    def story_of(self, item: StoryItem) -> str:
        known = self.members.get(item.id)
        if known is not None:
            return self.resolve(known)
        near = self._near(item)
        alike = {story for story, degree in near.items() if degree >= MERGED_STORIES}
        if len(alike) > 1:
            story = min(alike, key=self._age)
            for other in alike - {story}:
                self._merge(other, story)
        elif near:
            story = min(near, key=lambda each: (-near[each], self._age(each)))
        else:
            story = self._found(item)
        self.members[item.id] = self.joined[item.id] = story
        self._add_bands(item, story)
        return story

    def _age(self, story: str) -> tuple[str, str]:
        return self.events.get(story, ""), story

    def _near(self, item: StoryItem) -> dict[str, float]:
        """Return the stories of candidates that are similar enough, each with its best degree."""
        near: dict[str, float] = {}
        for mention in {self.bands[band][0] for band in item.bands if band in self.bands}:
            owner = self.owners[mention]
            degree = _similarity(owner.signature, item.signature)
            if degree >= SAME_STORY:
                story = self.resolve(owner.story)
                near[story] = max(degree, near.get(story, 0.0))
        return near

    def _found(self, item: StoryItem) -> str:
        if item.id not in self.events:
            self.founded[item.id] = self.events[item.id] = to_rfc3339(item.event_at)
        return self.resolve(item.id)

    def _merge(self, loser: str, winner: str) -> None:
        self.merged[loser] = winner
        for owner in self.owners.values():
            if owner.story == loser:
                owner.story = winner
        logger.info("stories merged from=%s into=%s", loser, winner)

    def _add_bands(self, item: StoryItem, story: str) -> None:
        for band in dict.fromkeys(item.bands):
            owner = self.bands.get(band)
            if owner is None:
                self.bands[band] = (item.id, self.now)
                self.touched[band] = item.id
                self.kept[item.id] = None
                self.owners[item.id] = _Owner(story, item.signature)
            elif owner[1] < self.stale and self.resolve(self.owners[owner[0]].story) == story:
                self.bands[band] = (owner[0], self.now)
                self.touched[band] = owner[0]


def _similarity(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    """Return the share of equal values; two empty ones that met in a band are equal."""
    if len(one) != len(other):
        return 0.0
    return sum(map(eq, one, other)) / len(one) if one else 1.0


def _pack(signature: tuple[int, ...]) -> bytes:
    return struct.pack(f"<{len(signature)}I", *signature)


def _unpack(raw: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(raw) // 4}I", raw)
