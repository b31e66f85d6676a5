"""Posts whose whole text is at hand, for as long as lists are likely to show them again."""

from collections.abc import Mapping

from domain.mention import Post

__all__ = ["CompletedPosts"]

_MOST_CHARACTERS = 4_000_000
"""Of all texts together, some 8 MB: about 2,000 articles."""
_EACH = 500
"""Counted for a post besides its text: author, links, counters."""


class CompletedPosts:
    """Remembers the posts that were completed last, within a bound on their text.

    Args:
        posts: The first ones, by `crawlers.merge.post_key`.
        most: Most characters of all posts together, with 500 for each besides its text.
    """

    def __init__(self, posts: Mapping[str, Post] | None = None, *, most: int = _MOST_CHARACTERS) -> None:
        self._most = most
        self._posts: dict[str, Post] = {}
        self._characters = 0
        self.add(posts or {})

    def get(self, key: str) -> Post | None:
        """Return a post by `crawlers.merge.post_key`; None = it is not, or no longer, remembered."""
        return self._posts.get(key)

    def add(self, posts: Mapping[str, Post]) -> None:
        """Remember posts by their keys; those that were added longest ago make room."""
        for key, post in posts.items():
            self._forget(key)
            self._posts[key] = post
            self._characters += _size(post)
        while self._characters > self._most:
            self._forget(next(iter(self._posts)))

    def _forget(self, key: str) -> None:
        post = self._posts.pop(key, None)
        if post is not None:
            self._characters -= _size(post)


def _size(post: Post) -> int:
    return len(post.text) + _EACH
