"""Searching the mention store page by page."""

from collections.abc import Iterator
from datetime import datetime

from domain.mention import Mention
from domain.ports import MentionSearch
from domain.query import parse

__all__ = ["find_mentions"]

PAGE = 500


def find_mentions(store: MentionSearch, query: str, *, now: datetime, limit: int) -> Iterator[Mention]:
    """Yield mentions that match, newest event first, at most `limit`; `now` is that of `now-24h`.

    Raises:
        domain.query.QueryError: the query has a mistake; position and hint are in the message.
    """
    node, after = parse(query), None
    while limit > 0:
        page = store.search(node, now=now, limit=min(limit, PAGE), after=after)
        yield from page.mentions
        limit -= len(page.mentions)
        if page.next is None or not page.mentions:
            return
        after = page.next
