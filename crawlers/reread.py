"""What reading a mention again came to, and the mention as it is afterwards. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime

from config.settings import SourceSettings
from crawlers.intake import ids_of
from crawlers.job import VisitResult
from domain.errors import DomainError
from domain.ids import other_ids, text_hash
from domain.mention import Flag, Mention, Post, known_counts, with_text_of
from domain.outcome import FetchOutcome

__all__ = ["Look", "deleted", "look_of", "seen_again", "shown_hash"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What can be said of a post after reading it again; neither = nothing."""

    seen: Post | None = None
    """The post as it stands now."""
    gone: bool = False
    """Its platform says that it is gone."""


def look_of(mention: Mention, source: SourceSettings, result: VisitResult) -> Look:
    """Return what a visit says of one mention.

    A login, a captcha, a block, a page that cannot be read or that shows another post say nothing.
    """
    if result.outcome is FetchOutcome.GONE:
        return Look(gone=True)
    if result.outcome is not FetchOutcome.OK:
        return Look()
    return Look(seen=next((post for post in result.posts if mention.id in _ids(post, source)), None))


def _ids(post: Post, source: SourceSettings) -> frozenset[str]:
    try:
        return frozenset((*ids_of([post], source), *other_ids(post)))
    except DomainError:
        return frozenset()


def shown_hash(seen: Post) -> str | None:
    """Return the hash of the text that a page shows; None = it shows a part of it, or none."""
    return None if seen.truncated or not seen.text else text_hash(seen.title, seen.text)


def seen_again(mention: Mention, seen: Post, *, before: str | None, now: datetime) -> Mention:
    """Return an untagged mention with what its page shows now.

    Its text is replaced where only a part of it was known, or where the page shows another than
    at the look before: two roads write one text in two ways, so a first look alone tells of no
    edit. The text of an open-web page stays, for a page shows more than its text.

    Args:
        mention: The mention as stored.
        seen: The post as its page shows it.
        before: `shown_hash` at the look before; None = there was none.
        now: Moment of the look, UTC.
    """
    post = _with_counts(mention.post, seen)
    shown = shown_hash(seen)
    edited = before is not None and shown != before
    whole = shown is not None and seen.platform != "web" and (mention.post.truncated or edited)
    if whole:
        post = with_text_of(post, seen)
    flags = mention.flags - ({Flag.DELETED, Flag.TRUNCATED} if whole else {Flag.DELETED})
    return _untagged(replace(mention, post=post, flags=flags, deleted_at=None, last_collected_at=now))


def deleted(mention: Mention, *, gone_at: datetime) -> Mention:
    """Return an untagged mention that is marked as deleted; what is known of it stays."""
    return _untagged(replace(mention, flags=mention.flags | {Flag.DELETED}, deleted_at=gone_at))


def _untagged(mention: Mention) -> Mention:
    return replace(mention, tags=None, story_id=None, is_duplicate=False, indexed_at=None)


def _with_counts(post: Post, seen: Post) -> Post:
    extra: dict[str, int | None] = {name: count for name, count in seen.extra_counters if count is not None}
    author = post.author
    followers = author.followers if seen.author.followers is None else seen.author.followers
    return replace(
        post,
        engagement=known_counts(post.engagement, seen.engagement),
        extra_counters=tuple((dict(post.extra_counters) | extra).items()),
        author=replace(author, followers=followers),
    )
