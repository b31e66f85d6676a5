"""Key figures of the trade, computed from counts, mentions and incidents; nothing unknown becomes 0.

Figures from counts hold for every mention; figures from mentions hold for those given, which
the caller may have to read in pages.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import median

from domain.counting import CountRow
from domain.incident import Incident
from domain.mention import Mention
from domain.tagging import Polarity

__all__ = [
    "HEALTH_PRIOR",
    "AuthorFigure",
    "EngagementFigure",
    "ReachFigure",
    "ResponseFigure",
    "engagement",
    "health_index",
    "negative_share",
    "net_sentiment",
    "platform_matrix",
    "reach",
    "response_time",
    "share_of_voice",
    "top_authors",
    "top_topics",
    "volume",
]

HEALTH_PRIOR = 10
"""Mentions of undecided mood that the health index assumes, so that a handful does not swing it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngagementFigure:
    """互动: what people did with the mentions."""

    likes: int | None
    """Likes over mentions that show them; None = none does."""
    comments: int | None
    """Comments, likewise."""
    shares: int | None
    """Shares, likewise."""
    favourites: int | None
    """Favourites, likewise."""
    total: int
    """Sum of the four where shown; views are no action and left out."""
    shown_by: int
    """Mentions that show at least one of the four."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachFigure:
    """触达: people who may have seen the mentions, by how the number was obtained."""

    stated_people: int
    """Sum of the reach that a mention carries (stated by the platform, or estimated at collection)."""
    stated_by: int
    """Mentions that carry one."""
    views: int
    """Sum of views of mentions without a reach; views are not people."""
    views_by: int
    """Mentions counted in `views`."""
    followers: int
    """Followers of the authors of the rest, each author once: an upper bound of the audience."""
    followers_by: int
    """Mentions counted in `followers`."""
    unknown: int
    """Mentions for which nothing is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseFigure:
    """Response time: from the opening of an incident until a person took it."""

    incidents: int
    """Incidents that opened."""
    taken: int
    """Of those, how many a person took."""
    median: timedelta | None
    """Median over those taken; None = nobody took any."""
    slowest: timedelta | None
    """Longest; None = nobody took any."""
    within_30_min: int
    """How many were taken within 30 minutes, the upper bound of a first assessment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorFigure:
    """One author among the given mentions."""

    platform: str
    """Platform."""
    name: str
    """Shown name, untrusted text."""
    mentions: int
    """Mentions by that author."""
    negative: int
    """Of those, how many are negative as a whole."""
    followers: int | None
    """Largest number of followers shown; None = not shown."""


def volume(rows: Iterable[CountRow]) -> Mapping[str, int]:
    """Return 声量 by brand id: mentions naming it, ours and deleted ones excluded by the counts.

    A mention of two brands counts once for each, so brands must not be added up.
    """
    found: Counter[str] = Counter()
    for row in rows:
        found[row.brand] += row.mentions
    return dict(found)


def negative_share(rows: Iterable[CountRow]) -> float | None:
    """Return 负面率 in [0, 1]: mentions negative about their brand ÷ all; None for no mention.

    Give the rows of one brand; with several, a mention of two brands counts twice.
    """
    counted = _by_polarity(rows)
    total = sum(counted.values())
    return counted[Polarity.NEGATIVE] / total if total else None


def net_sentiment(rows: Iterable[CountRow]) -> float | None:
    """Return (positive − negative) ÷ (positive + negative) in [-1, 1]; None without either.

    The usual "net sentiment" of media monitoring; neutral mentions do not dilute it.
    """
    counted = _by_polarity(rows)
    positive, negative = counted[Polarity.POSITIVE], counted[Polarity.NEGATIVE]
    return (positive - negative) / (positive + negative) if positive + negative else None


def health_index(rows: Iterable[CountRow]) -> float:
    """Return 健康指数 in (0, 100), 50 = even: 50 × (1 + (P − N) ÷ (P + N + 10)).

    Our own definition, net sentiment drawn towards 50 by `HEALTH_PRIOR` undecided mentions
    (additive smoothing), since no published index states its formula. 50 for no mention.
    """
    counted = _by_polarity(rows)
    positive, negative = counted[Polarity.POSITIVE], counted[Polarity.NEGATIVE]
    return 50.0 * (1.0 + (positive - negative) / (positive + negative + HEALTH_PRIOR))


def share_of_voice(volumes: Mapping[str, int], brands: Sequence[str] = ()) -> Mapping[str, float]:
    """Return SOV by brand: its volume ÷ the sum over `brands` (empty = all given); sums to 1.

    The denominator is the compared set, not the market: it says nothing of brands that are
    not watched. Empty when nothing was said of any.
    """
    compared = {brand: volumes.get(brand, 0) for brand in (brands or volumes)}
    total = sum(compared.values())
    return {brand: number / total for brand, number in compared.items()} if total else {}


def engagement(mentions: Iterable[Mention]) -> EngagementFigure:
    """Return 互动: likes + comments + shares + favourites of what is shown."""
    names = ("likes", "comments", "shares", "favourites")
    sums: dict[str, int | None] = dict.fromkeys(names)
    shown_by = 0
    for mention in mentions:
        known = {name: getattr(mention.post.engagement, name) for name in names}
        shown_by += any(value is not None for value in known.values())
        for name, value in known.items():
            if value is not None:
                sums[name] = (sums[name] or 0) + value
    total = sum(value for value in sums.values() if value is not None)
    return EngagementFigure(**sums, total=total, shown_by=shown_by)


def reach(mentions: Iterable[Mention]) -> ReachFigure:
    """Return 触达 in parts that must not be added up: stated people, views, followers, unknown."""
    stated = views = stated_by = views_by = followers_by = unknown = 0
    audience: dict[tuple[str, str], int] = {}
    for mention in mentions:
        author = mention.post.author
        if mention.reach is not None:
            stated, stated_by = stated + mention.reach, stated_by + 1
        elif mention.post.engagement.views is not None:
            views, views_by = views + mention.post.engagement.views, views_by + 1
        elif author.followers is not None:
            key = mention.post.platform, author.id or author.name or mention.id
            audience[key] = max(audience.get(key, 0), author.followers)
            followers_by += 1
        else:
            unknown += 1
    return ReachFigure(
        stated_people=stated,
        stated_by=stated_by,
        views=views,
        views_by=views_by,
        followers=sum(audience.values()),
        followers_by=followers_by,
        unknown=unknown,
    )


def response_time(incidents: Iterable[Incident]) -> ResponseFigure:
    """Return how fast people took incidents, from opened_at to acked_at.

    30 minutes is the upper bound of first assessments that crisis handbooks give (15 to
    30 min, Cision's triage page, read 2026-11-23).
    """
    opened = [each for each in incidents if each.opened_at is not None]
    waits = sorted(
        max(each.acked_at - each.opened_at, timedelta(0))
        for each in opened
        if each.acked_at is not None and each.opened_at is not None
    )
    return ResponseFigure(
        incidents=len(opened),
        taken=len(waits),
        median=timedelta(seconds=median(wait.total_seconds() for wait in waits)) if waits else None,
        slowest=waits[-1] if waits else None,
        within_30_min=sum(wait <= timedelta(minutes=30) for wait in waits),
    )


def top_authors(mentions: Iterable[Mention], limit: int = 20) -> tuple[AuthorFigure, ...]:
    """Return the authors with the most mentions, ties by followers then name; the unnamed are left out."""
    counted: dict[tuple[str, str], AuthorFigure] = {}
    for mention in mentions:
        author, platform = mention.post.author, mention.post.platform
        if author.name is None:
            continue
        key = platform, author.id or author.name
        before = counted.get(key)
        known = [each for each in (before.followers if before else None, author.followers) if each is not None]
        bad = mention.tags is not None and mention.tags.sentiment.polarity is Polarity.NEGATIVE
        counted[key] = AuthorFigure(
            platform=platform,
            name=author.name,
            mentions=(before.mentions if before else 0) + 1,
            negative=(before.negative if before else 0) + bad,
            followers=max(known) if known else None,
        )
    ranked = sorted(counted.values(), key=lambda each: (-each.mentions, -(each.followers or 0), each.name))
    return tuple(ranked[:limit])


def top_topics(rows: Iterable[CountRow], limit: int = 20) -> tuple[tuple[str, int, int], ...]:
    """Return (topic, mentions, negative ones), most first, from counts split by topic (`CountBy.TOPIC`)."""
    total: Counter[str] = Counter()
    negative: Counter[str] = Counter()
    for row in rows:
        if row.key is not None:
            total[row.key] += row.mentions
            negative[row.key] += row.mentions if row.polarity is Polarity.NEGATIVE else 0
    ranked = sorted(total.items(), key=lambda pair: (-pair[1], pair[0]))[:limit]
    return tuple((topic, number, negative[topic]) for topic, number in ranked)


def platform_matrix(rows: Iterable[CountRow]) -> Mapping[str, Mapping[Polarity, int]]:
    """Return mentions by platform and polarity, all three polarities present, largest platform first."""
    found: dict[str, Counter[Polarity]] = {}
    for row in rows:
        found.setdefault(row.platform, Counter())[row.polarity] += row.mentions
    ranked = sorted(found.items(), key=lambda pair: (-pair[1].total(), pair[0]))
    return {platform: {polarity: counted[polarity] for polarity in Polarity} for platform, counted in ranked}


def _by_polarity(rows: Iterable[CountRow]) -> Counter[Polarity]:
    counted: Counter[Polarity] = Counter()
    for row in rows:
        counted[row.polarity] += row.mentions
    return counted
