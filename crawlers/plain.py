"""Posts and trends as plain objects in the vocabulary of the contract (platforms, section 3.1)."""

from datetime import datetime
from typing import Any

from domain.mention import Engagement, Post, Trend
from domain.moment import SHANGHAI

__all__ = ["COUNTERS", "plain_post", "plain_trend"]

COUNTERS = {"reposts": "shares", "comments": "comments", "likes": "likes", "views": "views", "favorites": "favourites"}
"""Name in the contract to field of `Engagement`."""
_OF_AUTHOR = ("byline",)


def _local(moment: datetime | None) -> str | None:
    return moment.astimezone(SHANGHAI).isoformat(timespec="seconds") if moment else None


def _names(engagement: Engagement, fields: frozenset[str]) -> list[str]:
    return [name for name, field in COUNTERS.items() if field in fields and getattr(engagement, field) is not None]


def plain_post(post: Post, *, with_site: bool = False) -> dict[str, Any]:
    """Return a post as a JSON-ready object: native id, times in Beijing, null = unknown."""
    author = post.author
    plain: dict[str, Any] = {
        "id": post.native_id,
        "kind": post.kind.value,
        "url": post.url,
        "title": post.title,
        "text": post.text,
        "author": {
            "name": author.name,
            "id": author.id,
            "verified": author.verified,
            "verified_type": author.verified_type,
            "followers": author.followers,
        },
        "published_at": _local(post.published_at),
        "published_precision": post.published_precision.value if post.published_precision else None,
        "counters": {name: getattr(post.engagement, field) for name, field in COUNTERS.items()}
        | dict(post.extra_counters),
        "counters_approx": _names(post.engagement, post.engagement.approx),
        "counters_lower_bound": _names(post.engagement, post.engagement.lower_bound),
        "tags": list(post.tags),
        "at_users": list(post.at_users),
        "links": list(post.links),
        "truncated": post.truncated,
    }
    optional = {
        "region": author.region,
        "own_text": post.own_text,
        "parent_id": post.parent_id,
        "root_id": post.root_id,
        "needs": post.needs,
        "lang": post.lang,
        "site": post.outlet if with_site else None,
        "promoted": post.promoted or None,
        "raw_url": post.raw_url,
    }
    plain.update({name: value for name, value in optional.items() if value is not None})
    if post.repost_of is not None:
        origin = post.repost_of
        plain["repost_of"] = {
            "id": origin.id, "url": origin.url, "author": origin.author, "available": origin.available,
        }  # fmt: skip
    facts = {name: value == "true" if value in ("true", "false") else value for name, value in post.extra}
    plain["author"].update({name: facts.pop(name) for name in _OF_AUTHOR if name in facts})
    plain.update({name: value for name, value in facts.items() if name not in plain})
    return plain


def plain_trend(trend: Trend) -> dict[str, Any]:
    """Return a line of a hot list as a JSON-ready object."""
    return {
        "rank": trend.rank,
        "title": trend.title,
        "hot": trend.hot,
        "url": trend.url,
        "at": _local(trend.at),
        "label": trend.label,
        "is_ad": trend.is_ad,
        "desc": trend.desc,
    }
