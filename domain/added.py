"""What people add to a mention by hand: who brought it, what it counts for, and a picture of it."""

from dataclasses import replace

from domain.account import BRAND
from domain.mention import Mention, Post
from domain.tagging import Tagging

__all__ = ["COLLECTED_BY", "SCREENSHOT", "by_hand", "kept_by_hand", "kept_tags", "screenshots", "with_facts"]

COLLECTED_BY = "collected_by"
"""Name in a post's extra: who of our people brought it; may stand several times."""
SCREENSHOT = "screenshot"
"""Name in a post's extra: file name of a picture of it in `evidence/manual`; may stand several times."""

_NAMES = frozenset({COLLECTED_BY, SCREENSHOT, BRAND})


def by_hand(post: Post) -> bool:
    """Say whether one of our people brought a post."""
    return any(name == COLLECTED_BY for name, _ in post.extra)


def screenshots(post: Post) -> tuple[str, ...]:
    """Return the file names of the pictures of a post, in the order in which they were added."""
    return tuple(value for name, value in post.extra if name == SCREENSHOT)


def with_facts(post: Post, facts: tuple[tuple[str, str], ...]) -> Post:
    """Return a post with further facts, each once."""
    return replace(post, extra=tuple(dict.fromkeys((*post.extra, *facts))))


def kept_by_hand(before: Post, now: Post) -> Post:
    """Return a post as it is read now, with what people had added to it: no page knows of that."""
    if not by_hand(before):
        return now
    return with_facts(now, tuple(fact for fact in before.extra if fact[0] in _NAMES))


def kept_tags(before: Mention, tags: Tagging | None) -> Tagging | None:
    """Return the tags of a mention that is read again, with the brands that people said it counts for."""
    if tags is None or before.tags is None or not by_hand(before.post):
        return tags
    wanted = {value for name, value in before.post.extra if name == BRAND}
    have = {tag.brand for tag in tags.brands}
    kept = [tag for tag in before.tags.brands if tag.brand in wanted - have]
    if not kept:
        return tags
    return replace(tags, brands=tuple(sorted((*tags.brands, *kept), key=lambda tag: tag.brand)))
