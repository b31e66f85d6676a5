"""The entries of one answer to posts, with a count of what is let go."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from domain.mention import Post
from domain.outcome import Drop

__all__ = ["MAX_ENTRIES", "Drops", "gather"]

MAX_ENTRIES = 10_000
"""Most entries of one answer that are read."""

Drops = tuple[tuple[Drop, int], ...]


def gather(
    found: Iterable[Post | None], *, unread: int = 0, unfinished: bool = False
) -> tuple[tuple[Post, ...], Drops]:
    """Return the posts in order, each id once, and how many entries were let go for which reason.

    Args:
        found: Posts as read; None = an entry with nothing to know it by. Where a page gives one
            guid to entries with different links, the link is the id of the later ones.
        unread: Entries beyond `MAX_ENTRIES`.
        unfinished: The answer broke off inside an entry.
    """
    posts: dict[str, Post] = {}
    drops: Counter[Drop] = Counter({Drop.OVER_LIMIT: unread, Drop.UNREADABLE: int(unfinished)})
    for post in found:
        if post is None:
            drops[Drop.NO_ID] += 1
            continue
        first = posts.setdefault(post.native_id, post)
        if first is post:
            continue
        if post.platform == "web" and post.url and post.url != first.url and post.url not in posts:
            posts[post.url] = replace(post, native_id=post.url)
        else:
            drops[Drop.DUPLICATE_IN_BATCH] += 1
    return tuple(posts.values()), tuple((reason, number) for reason, number in drops.items() if number)
