"""Whether a source's posts still have the fields they used to have (contracts: crawling, section 7). Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from domain.mention import Post
from domain.source import FieldShare

__all__ = ["FIELDS", "after_fields", "shares"]

FIELDS = ("time", "author", "text", "url")

_LEAST_POSTS = 5
"""A page with fewer posts says nothing of the layout."""
_LEARNT = 5
"""Visits before the average counts."""
_USUALLY = 0.8
_LOST = 0.5
_WEIGHT = 0.1
_GIVEN_UP = 200
"""Visits after which the new layout is taken for what is usual."""


def shares(posts: Sequence[Post]) -> Mapping[str, float] | None:
    """Return for each of `FIELDS` the share of posts that have it, 0 to 1; None = too few posts to say."""
    if len(posts) < _LEAST_POSTS:
        return None
    has = {
        "time": sum(post.published_at is not None for post in posts),
        "author": sum(bool(post.author.name or post.author.id) for post in posts),
        "text": sum(bool(post.text or post.title) for post in posts),
        "url": sum(post.url is not None for post in posts),
    }
    return {field: has[field] / len(posts) for field in FIELDS}


def after_fields(known: Sequence[FieldShare], seen: Mapping[str, float] | None) -> tuple[FieldShare, ...]:
    """Return what is known of the fields after a visit.

    Args:
        known: What was known before it; empty at first.
        seen: Shares of the visit; None = it says nothing.
    """
    if seen is None:
        return tuple(known)
    before = {each.field: each for each in known}
    return tuple(_after(before.get(field), field, seen[field]) for field in FIELDS)


def _after(before: FieldShare | None, field: str, share: float) -> FieldShare:
    if before is None:
        return FieldShare(field=field, usual=share, visits=1, last=share)
    is_low = before.visits >= _LEARNT and before.usual >= _USUALLY and share < before.usual * _LOST
    if is_low and before.low < _GIVEN_UP:
        return replace(before, last=share, low=before.low + 1)
    weight = 1.0 if is_low else max(_WEIGHT, 1.0 / (before.visits + 1))
    usual = before.usual + weight * (share - before.usual)
    return FieldShare(field=field, usual=usual, visits=before.visits + 1, last=share)
