"""Visits that no source asks for by itself: a post read again, comments under a post, history on request."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from config.settings import SourceSettings
from crawlers.base import Fetch
from crawlers.job import VisitResult
from domain.mention import Kind, Post

__all__ = ["Errand", "ErrandBook"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """One visit over the road of a source, at that source's pace and while that source is not paused."""

    key: str
    """Names it among all errands; one of a name is done at a time."""
    source: SourceSettings
    """Whose road, credential and pace it uses."""
    fetches: tuple[Fetch, ...]
    """What it asks first, at least one."""
    deep: bool = False
    """Read on past pages that are known, up to the source's `pages`."""
    backfill: bool = False
    """What it brings is history: stored and searchable, never told of."""
    keep: bool = True
    """Take its posts in; False = only `done` looks at them."""
    extra: tuple[tuple[str, str], ...] = ()
    """Further facts, (name, value), that each comment among its posts carries, such as under whose post it stands."""

    def carry(self, posts: Iterable[Post]) -> list[Post]:
        """Return the posts that it brought, in order, comments with its `extra`; called before they are taken in."""
        return [_with(post, self.extra) if self.extra and post.kind is Kind.COMMENT else post for post in posts]


def _with(post: Post, extra: tuple[tuple[str, str], ...]) -> Post:
    return replace(post, extra=tuple(dict.fromkeys((*post.extra, *extra))))


class ErrandBook(Protocol):
    """Where errands come from; every call may block and is made in a thread."""

    def due(self, now: datetime, limit: int) -> Sequence[Errand]:
        """Return at most `limit` errands that are due; each is done or given back by `done`."""
        ...

    def done(self, errand: Errand, result: VisitResult | None, now: datetime) -> None:
        """Take note of what an errand came to; None = it was not begun, because its road is closed now."""
        ...
