"""What storing a mention again may change, the same for every store."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from domain.added import kept_by_hand, kept_tags
from domain.codec import from_json
from domain.mention import Engagement, Flag, Mention, known_counts, with_text_of
from domain.ports import PutResult
from domain.tagging import BrandTag
from storage.text import doc_of, encodable

__all__ = ["Outcome", "PutTally", "Stored", "brand_tags", "has_counters", "is_counted", "last_of_each", "merge"]

_NEVER_COUNTED = frozenset({Flag.OWNED, Flag.DELETED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A mention in exactly the form in which a store gives it back."""

    mention: Mention
    """Moments cut to milliseconds, no lone surrogates."""
    doc: str
    """The same as JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a put does to one mention."""

    stored: Stored
    """The mention to keep."""
    created: bool
    """It was not there before."""
    changed: bool
    """Text, tags, flags, counters or another fact differ from before."""
    counted: bool
    """Its counters differ from before: a reading for the history."""


@dataclass(slots=True)
class PutTally:
    """Collects what a put does to each mention."""

    created: set[str] = field(default_factory=set)
    """Ids that were not there before."""
    updated: set[str] = field(default_factory=set)
    """Ids that changed."""
    unchanged: set[str] = field(default_factory=set)
    """Ids that did not."""

    def add(self, outcome: Outcome) -> None:
        """Count one outcome."""
        ids = self.created if outcome.created else self.updated if outcome.changed else self.unchanged
        ids.add(outcome.stored.mention.id)

    def result(self) -> PutResult:
        """Return the whole as callers see it."""
        return PutResult(
            created=frozenset(self.created), updated=frozenset(self.updated), unchanged=frozenset(self.unchanged)
        )


def merge(old: Mention | None, new: Mention, *, now: datetime) -> Outcome:
    """Return what to keep of a mention that is put while `old` is stored.

    The first collection, its source, its flag `backfill`, the story and the moment of
    indexing stay. So do counters that `new` does not show, and a text of which `new` shows
    only a part, with the tags that were made of it, and what people added by hand. Everything
    else is taken from `new`.
    """
    if old is None:
        stored = _stored(replace(new, indexed_at=now))
        return Outcome(stored=stored, created=True, changed=True, counted=has_counters(stored.mention.post.engagement))
    linked = old.story_id is not None
    flags = (new.flags - {Flag.BACKFILL}) | (old.flags & {Flag.BACKFILL})
    post, tags = replace(new.post, engagement=known_counts(old.post.engagement, new.post.engagement)), new.tags
    if _is_cut(old, new):
        post, tags = with_text_of(post, old.post), old.tags or new.tags
        flags = (flags - {Flag.TRUNCATED}) | (old.flags & {Flag.TRUNCATED})
    kept = replace(
        new,
        post=kept_by_hand(old.post, post),
        tags=kept_tags(old, tags),
        source=old.source,
        first_collected_at=old.first_collected_at,
        indexed_at=old.indexed_at,
        story_id=old.story_id if linked else new.story_id,
        is_duplicate=old.is_duplicate if linked else new.is_duplicate,
        flags=flags,
    )
    stored = _stored(kept)
    last = stored.mention.last_collected_at
    return Outcome(
        stored=stored,
        created=False,
        changed=stored.mention != replace(old, last_collected_at=last),
        counted=stored.mention.post.engagement != old.post.engagement,
    )


def _is_cut(old: Mention, new: Mention) -> bool:
    """Say whether `new` shows only a part of a text that is stored whole.

    A list that cuts its texts says so, one that has titles only is bare. What other roads give of
    an open-web page, such as the lines that a search engine found, does not say so.
    """
    before, now = old.post, new.post
    if len(now.text) >= len(before.text):
        return False
    if not now.text or (now.truncated and not before.truncated):
        return True
    return now.platform == "web" and new.source != old.source


def _stored(mention: Mention) -> Stored:
    doc = doc_of(mention)
    return Stored(mention=from_json(Mention, doc), doc=doc)


def has_counters(engagement: Engagement) -> bool:
    """Say whether the page showed any counter."""
    return engagement != Engagement()


def is_counted(mention: Mention) -> bool:
    """Say whether a mention counts for detection: it names a brand, stands, and is not ours."""
    return bool(mention.brands) and not mention.flags & _NEVER_COUNTED


def brand_tags(mention: Mention) -> list[BrandTag]:
    """Return one tag per brand, in order."""
    return list({tag.brand: tag for tag in mention.tags.brands}.values()) if mention.tags else []


def last_of_each(mentions: Sequence[Mention]) -> list[Mention]:
    """Return one mention per id, the last given, in the order of first appearance."""
    return list({encodable(mention.id): mention for mention in mentions}.values())
