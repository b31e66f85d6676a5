"""A mention: one public post, comment or article, as seen and as stored."""

from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from enum import StrEnum

from domain.moment import SHANGHAI
from domain.tagging import Tagging

__all__ = [
    "Author",
    "Engagement",
    "Flag",
    "Kind",
    "Mention",
    "Post",
    "Precision",
    "RepostOf",
    "Trend",
    "event_at",
    "known_counts",
    "not_after",
    "with_text_of",
]


class Kind(StrEnum):
    """What form a mention has."""

    POST = "post"
    REPOST = "repost"
    COMMENT = "comment"
    ARTICLE = "article"
    VIDEO = "video"


class Precision(StrEnum):
    """How exactly a page stated the time of publication."""

    SECOND = "second"
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"


class Flag(StrEnum):
    """Facts about how a mention came to us or what became of it."""

    BACKFILL = "backfill"
    LATE = "late"
    TRUNCATED = "truncated"
    PROMOTED = "promoted"
    DELETED = "deleted"
    OWNED = "owned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """The person or account that wrote a mention; personal data."""

    name: str | None = None
    """Shown name; None = not shown."""
    id: str | None = None
    """Native id on its platform; None = not shown."""
    followers: int | None = None
    """Followers, people; None = not shown, 0 = shown as zero."""
    verified: bool | None = None
    """Verified by the platform; None = not shown."""
    verified_type: int | None = None
    """The platform's own code of verification; None = not shown."""
    region: str | None = None
    """Region as the platform prints it; None = not shown or not kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engagement:
    """Counts at a moment: None = not shown, 0 = shown as zero."""

    views: int | None = None
    """Views or plays; None = not shown."""
    likes: int | None = None
    """Likes; None = not shown."""
    comments: int | None = None
    """Comments or answers; None = not shown."""
    shares: int | None = None
    """Shares or reposts; None = not shown."""
    favourites: int | None = None
    """Favourites or collections; None = not shown."""
    approx: frozenset[str] = frozenset()
    """Field names printed rounded, such as 1.2万."""
    lower_bound: frozenset[str] = frozenset()
    """Field names printed as a lower bound, such as 100万+."""


_COUNTS = tuple(each.name for each in fields(Engagement) if each.name not in ("approx", "lower_bound"))


@dataclass(frozen=True, slots=True, kw_only=True)
class RepostOf:
    """The original of a repost."""

    id: str | None = None
    """Native id of the original; None = not shown."""
    url: str | None = None
    """Permanent link of the original; None = not available."""
    author: str | None = None
    """Shown name of its author; None = not available."""
    text: str | None = None
    """Text of the original as embedded in the page; None = not available."""
    available: bool = False
    """Whether the original can still be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """What a parser read from one page: native ids, no facts about collecting."""

    platform: str
    """Platform of origin, a lower-case name such as weibo or web."""
    native_id: str
    """Id on its platform as a string; for open-web pages the guid or the link."""
    kind: Kind
    """What form it has."""
    text: str
    """Readable text, normalised; may be empty for a bare title."""
    title: str | None = None
    """Title; None where the platform has none."""
    url: str | None = None
    """Permanent link; None = none exists."""
    raw_url: str | None = None
    """Link as found, with the tokens that open it; None = same as url."""
    own_text: str | None = None
    """Part of a repost that its author wrote; None = not a repost chain."""
    author: Author = Author()
    """Who wrote it."""
    outlet: str | None = None
    """Account, medium or feed that published it; None = the author himself."""
    published_at: datetime | None = None
    """Time of publication, UTC; None = not shown."""
    published_precision: Precision | None = None
    """How exact published_at is; None = not shown."""
    published_raw: str | None = None
    """Time as printed; None = not shown."""
    engagement: Engagement = Engagement()
    """Counts as shown when it was read."""
    extra_counters: tuple[tuple[str, int | None], ...] = ()
    """Counters without a field of their own, (name, count), such as danmaku or coins."""
    repost_of: RepostOf | None = None
    """The original; None = not a repost."""
    parent_id: str | None = None
    """Native id of the post or comment it answers; None = top level."""
    root_id: str | None = None
    """Native id of the thread's first post; None = top level."""
    tags: tuple[str, ...] = ()
    """Hashtags without marks, in order of appearance."""
    at_users: tuple[str, ...] = ()
    """Names after @, in order of appearance."""
    links: tuple[str, ...] = ()
    """Targets of links in the text, unwrapped."""
    lang: str | None = None
    """ISO 639-1 code; None = not stated."""
    truncated: bool = False
    """The page showed only the beginning of the text."""
    needs: str | None = None
    """Endpoint that would complete it, such as longtext; None = complete."""
    promoted: bool = False
    """Marked as advertising."""
    extra: tuple[tuple[str, str], ...] = ()
    """Further facts a platform prints, (name, value), such as forum or company."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """One line of a hot list."""

    rank: int
    """Rank from 1 after dropping advertising and pinned lines."""
    title: str
    """Words of the line."""
    hot: int | None = None
    """The platform's own heat figure; None = not shown."""
    url: str | None = None
    """Link to the topic; None = none."""
    at: datetime | None = None
    """Time it entered the list, UTC; None = not shown."""
    label: str | None = None
    """The platform's mark, such as 爆; None = none."""
    is_ad: bool = False
    """Marked as advertising."""
    desc: str | None = None
    """What the list says about it; None = nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """A post with its identity, the facts of its collection, and its tags."""

    id: str
    """Store id, made by `domain.ids.mention_id` and nowhere else."""
    post: Post
    """What the parser read."""
    source: str
    """Name of the configured source that collected it first."""
    first_collected_at: datetime
    """When we first had it, UTC; never changes."""
    last_collected_at: datetime
    """When we last read it, UTC."""
    indexed_at: datetime | None = None
    """When the mention store took it, UTC; None = not stored yet."""
    flags: frozenset[Flag] = field(default_factory=frozenset)
    """Facts about how it came to us or what became of it."""
    deleted_at: datetime | None = None
    """When its platform was first found to say that it is gone, UTC; None = it stands, as far as is known."""
    outlet_tier: str | None = None
    """Tier of the outlet, from settings; None = unknown."""
    tags: Tagging | None = None
    """What the tagger said; None = not tagged yet."""
    story_id: str | None = None
    """Id of the first mention of its story; None = not linked yet."""
    is_duplicate: bool = False
    """Nearly the same text as an earlier mention of its story."""
    reach: int | None = None
    """Audience in people, stated or estimated; None = unknown."""

    @property
    def brands(self) -> tuple[str, ...]:
        """Ids of the watched brands it names, sorted; empty = a candidate or untagged."""
        return tuple(sorted(tag.brand for tag in self.tags.brands)) if self.tags else ()

    @property
    def event_at(self) -> datetime:
        """The moment that windows use, see `event_at`."""
        return event_at(self.post.published_at, self.post.published_precision, self.first_collected_at)


def event_at(published_at: datetime | None, precision: Precision | None, first_collected_at: datetime) -> datetime:
    """Return the moment that windows use for a mention, UTC.

    A publication time exact to the minute is taken as it is, but never later than the
    first collection (a page's clock may run ahead). A time exact to the hour or day only
    clamps the first collection into that hour or calendar day of Asia/Shanghai. Without
    a publication time it is the first collection.
    """
    if published_at is None:
        return first_collected_at
    if precision in {None, Precision.SECOND, Precision.MINUTE}:
        return min(published_at, first_collected_at)
    local = published_at.astimezone(SHANGHAI).replace(minute=0, second=0, microsecond=0)
    if precision is Precision.DAY:
        local = local.replace(hour=0)
    start = local.astimezone(first_collected_at.tzinfo)
    span = timedelta(days=1) if precision is Precision.DAY else timedelta(hours=1)
    last = start + span - timedelta(milliseconds=1)
    return min(max(first_collected_at, start), last, first_collected_at)


def known_counts(before: Engagement, now: Engagement) -> Engagement:
    """Return the newest reading of each counter: what a page does not show keeps the reading before."""
    if before == now:
        return now
    kept = {name: getattr(before, name) for name in _COUNTS if getattr(now, name) is None}
    return replace(
        now,
        **kept,
        approx=now.approx | (before.approx & kept.keys()),
        lower_bound=now.lower_bound | (before.lower_bound & kept.keys()),
    )


def with_text_of(post: Post, other: Post) -> Post:
    """Return a post with the text of another reading of it, and all that is read out of the text."""
    return replace(
        post,
        title=other.title or post.title,
        text=other.text,
        own_text=other.own_text,
        tags=other.tags,
        at_users=other.at_users,
        links=other.links,
        truncated=other.truncated,
        needs=other.needs,
    )


def not_after(post: Post, now: datetime) -> Post:
    """Return a post whose time of publication is `now` at the latest: no page knows tomorrow."""
    if post.published_at is None or post.published_at <= now:
        return post
    return replace(post, published_at=now)
