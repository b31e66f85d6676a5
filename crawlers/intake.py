"""From posts to untagged mentions."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from config.settings import SourceSettings
from crawlers.account_table import AccountTable
from crawlers.outlets import OutletTiers
from domain.errors import DomainError
from domain.ids import mention_id
from domain.mention import Flag, Mention, Post, not_after
from domain.outcome import Drop

__all__ = ["Intake", "ids_of", "take_in"]

_OLD_IMPORT = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """What a batch of posts became."""

    mentions: tuple[Mention, ...]
    """Untagged mentions in order, each id once."""
    drops: Mapping[Drop, int]
    """What was let go, by reason."""


def _id(post: Post, source: SourceSettings) -> str | None:
    try:
        return mention_id(
            platform=post.platform,
            native_id=post.native_id,
            kind=post.kind,
            url=post.url,
            feed_url=source.url or source.name,
        )
    except DomainError:
        return None


def ids_of(posts: Iterable[Post], source: SourceSettings) -> dict[str, str]:
    """Return store id to native id; posts without an identity are absent."""
    return {found: post.native_id for post in posts if (found := _id(post, source)) is not None}


def take_in(
    posts: Sequence[Post],
    source: SourceSettings,
    now: datetime,
    *,
    backfill: bool,
    outlets: OutletTiers | None = None,
    accounts: AccountTable | None = None,
) -> Intake:
    """Return the mentions of a visit's posts.

    Args:
        posts: What was read.
        source: Where it was read.
        now: Moment of collection, UTC.
        backfill: The source was never heard before: what it holds is history. Of imported
            files everything older than a day is history too.
        outlets: Tiers of media, for sources that state none; None = none are known.
        accounts: Accounts of ours, of rivals and of the watch list; None = there are none.
    """
    mentions: dict[str, Mention] = {}
    drops: Counter[Drop] = Counter()
    for post in posts:
        found = _id(post, source)
        if found is None:
            drops[Drop.NO_ID] += 1
        elif not post.text and not post.title:
            drops[Drop.NO_TEXT] += 1
        elif found in mentions:
            drops[Drop.DUPLICATE_IN_BATCH] += 1
        else:
            made = _mention(found, post, source, now, backfill, outlets)
            mentions[found] = accounts.mark(made) if accounts is not None else made
    return Intake(mentions=tuple(mentions.values()), drops=dict(drops))


def _mention(
    found: str, post: Post, source: SourceSettings, now: datetime, backfill: bool, outlets: OutletTiers | None
) -> Mention:
    post = not_after(post, now)
    post = replace(post, outlet=source.outlet) if source.outlet else post
    tier = source.tier
    if tier is None and outlets is not None:
        tier = outlets.tier(url=post.url, outlet=post.outlet)
    old = source.platform == "import" and (post.published_at is None or post.published_at < now - _OLD_IMPORT)
    flags = {Flag.BACKFILL} if backfill or old else set()
    if post.truncated:
        flags.add(Flag.TRUNCATED)
    if post.promoted:
        flags.add(Flag.PROMOTED)
    return Mention(
        id=found,
        post=post,
        source=source.name,
        first_collected_at=now,
        last_collected_at=now,
        flags=frozenset(flags),
        outlet_tier=tier,
    )
