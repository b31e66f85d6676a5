"""Mentions as the tests of the stores need them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from domain.ids import mention_id
from domain.mention import Author, Engagement, Flag, Kind, Mention, Post, Precision
from domain.tagging import BrandTag, Polarity, RiskTag, Sentiment, Tagging

NOW = datetime(2026, 6, 20, 8, 0, tzinfo=UTC)

N, U, P = Polarity.NEGATIVE, Polarity.NEUTRAL, Polarity.POSITIVE


def feeling(polarity: Polarity = N, p_negative: float = 0.5) -> Sentiment:
    return Sentiment(polarity=polarity, score=-0.25, p_negative=p_negative, confidence=0.75)


def tagging(
    brands: Mapping[str, Polarity] | None = None,
    *,
    topics: Sequence[str] = (),
    risks: Sequence[str] = (),
    p: float = 0.5,
) -> Tagging:
    tags = tuple(
        BrandTag(brand=name, sentiment=feeling(polarity, p)) for name, polarity in sorted((brands or {}).items())
    )
    return Tagging(
        sentiment=feeling(),
        brands=tags,
        topics=tuple(sorted(topics)),
        risks=tuple(RiskTag(category=name, severity=60) for name in risks),
        severity=60 if risks else 0,
        keywords=("咖啡",),
        brands_version="v1",
    )


def mention(
    native_id: str,
    text: str = "云杉咖啡喝出异物",
    *,
    minutes: float = 0,
    brands: Mapping[str, Polarity] | None = None,
    topics: Sequence[str] = (),
    risks: Sequence[str] = (),
    tags: Tagging | None = None,
    title: str | None = None,
    author: Author | None = None,
    platform: str = "weibo",
    source: str = "weibo-search",
    flags: Sequence[Flag] = (),
    story: str | None = None,
    engagement: Engagement | None = None,
    collected_after: float = 1,
    p: float = 0.5,
) -> Mention:
    """Return a mention published `minutes` after NOW and collected `collected_after` minutes later."""
    at = NOW + timedelta(minutes=minutes)
    collected = at + timedelta(minutes=collected_after)
    return Mention(
        id=mention_id(platform=platform, native_id=native_id, kind=Kind.POST),
        post=Post(
            platform=platform,
            native_id=native_id,
            kind=Kind.POST,
            text=text,
            title=title,
            url=f"https://{platform}.example/{native_id}",
            author=author or Author(name=f"用户{native_id}", id=f"u{native_id}"),
            published_at=at,
            published_precision=Precision.SECOND,
            engagement=engagement or Engagement(),
        ),
        source=source,
        first_collected_at=collected,
        last_collected_at=collected,
        flags=frozenset(flags),
        tags=tags or tagging(brands, topics=topics, risks=risks, p=p),
        story_id=story,
    )
