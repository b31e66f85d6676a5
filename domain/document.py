"""A mention under its public field names: query language, exports, Kibana."""

from datetime import datetime

from domain.mention import Mention
from domain.moment import to_rfc3339
from domain.tagging import Polarity

__all__ = ["PublicValue", "public_document", "public_fields"]

PublicValue = str | int | float | bool | datetime | tuple[str, ...] | None


def public_fields(mention: Mention) -> dict[str, PublicValue]:
    """Return every public field by its dotted name; None = unknown, () = none.

    Times are aware datetimes in UTC. The names are those of the query language, of the
    Elasticsearch mapping and of every export.
    """
    post, tags = mention.post, mention.tags
    sentiment = tags.sentiment if tags else None
    return {
        "id": mention.id,
        "kind": post.kind.value,
        "platform": post.platform,
        "source": mention.source,
        "outlet": post.outlet,
        "outlet_tier": mention.outlet_tier,
        "url": post.url,
        "title": post.title,
        "text": post.text,
        "lang": post.lang,
        "author.id": post.author.id,
        "author.name": post.author.name,
        "author.followers": post.author.followers,
        "author.verified": post.author.verified,
        "author.region": post.author.region,
        "event_at": mention.event_at,
        "published_at": post.published_at,
        "published_precision": post.published_precision.value if post.published_precision else None,
        "first_collected_at": mention.first_collected_at,
        "last_collected_at": mention.last_collected_at,
        "indexed_at": mention.indexed_at,
        "brand": mention.brands,
        "sentiment": sentiment.polarity.value if sentiment else None,
        "score": sentiment.score if sentiment else None,
        "p_negative": sentiment.p_negative if sentiment else None,
        "confidence": sentiment.confidence if sentiment else None,
        "negative_for": _brands_of(mention, Polarity.NEGATIVE),
        "neutral_for": _brands_of(mention, Polarity.NEUTRAL),
        "positive_for": _brands_of(mention, Polarity.POSITIVE),
        "topics": tags.topics if tags else (),
        "keywords": tags.keywords if tags else (),
        "risk": tuple(risk.category for risk in tags.risks) if tags else (),
        "severity": tags.severity if tags else None,
        "story_id": mention.story_id,
        "is_duplicate": mention.is_duplicate,
        "flags": tuple(sorted(flag.value for flag in mention.flags)),
        "engagement.views": post.engagement.views,
        "engagement.likes": post.engagement.likes,
        "engagement.comments": post.engagement.comments,
        "engagement.shares": post.engagement.shares,
        "engagement.favourites": post.engagement.favourites,
        "reach": mention.reach,
    }


def _brands_of(mention: Mention, polarity: Polarity) -> tuple[str, ...]:
    if mention.tags is None:
        return ()
    return tuple(sorted(tag.brand for tag in mention.tags.brands if tag.sentiment.polarity is polarity))


def public_document(mention: Mention) -> dict[str, object]:
    """Return the public fields as a nested JSON-ready object.

    `author.name` becomes `{"author": {"name": …}}`; times are RFC 3339, lists are lists. A deleted
    mention has `deleted_at` besides.
    """
    document: dict[str, object] = {}
    for name, value in public_fields(mention).items():
        plain: object = to_rfc3339(value) if isinstance(value, datetime) else value
        plain = list(plain) if isinstance(plain, tuple) else plain
        head, dot, tail = name.partition(".")
        if not dot:
            document[head] = plain
            continue
        group = document.setdefault(head, {})
        if isinstance(group, dict):
            group[tail] = plain
    if mention.deleted_at is not None:
        document["deleted_at"] = to_rfc3339(mention.deleted_at)
    return document
