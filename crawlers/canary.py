"""Canaries: a search for a word that always finds something, to tell a quiet source from a deaf one.

A search that finds nothing looks the same whether nobody speaks of the brand or the site shows strangers nothing any
more (contracts: crawling, section 7).
"""

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from config.settings import SourceSettings
from crawlers.ban import is_apart
from crawlers.platforms import build_platform
from domain.outcome import FetchOutcome

__all__ = ["FOUND_NOTHING", "canaries", "canary_name", "canary_outcome", "is_canary"]

FOUND_NOTHING = "the canary's word finds nothing"
"""Detail of a canary's visit that found nothing."""

_PREFIX = "canary:"


def canary_name(source: SourceSettings) -> str | None:
    """Return the name of the canary that speaks for a source; None = it has none.

    Sources that ask the same site over the same road share one.
    """
    word = _word(source)
    if not word:
        return None
    road = "\n".join((source.platform, source.transport, source.base_url or "", source.url or "", word))
    return f"{_PREFIX}{source.platform}-{hashlib.sha256(road.encode()).hexdigest()[:8]}"


def canaries(sources: Iterable[SourceSettings], interval: timedelta) -> tuple[SourceSettings, ...]:
    """Return the canaries of the sources that are really visited.

    Args:
        sources: The sources.
        interval: Time between two visits of one canary.
    """
    found: dict[str, SourceSettings] = {}
    for source in sources:
        name = canary_name(source)
        if name is not None:
            found.setdefault(
                name,
                replace(source, name=name, query=(_word(source),), brands=(), interval=interval, pages=1, follow=False),
            )
    return tuple(found.values())


def is_canary(source: SourceSettings) -> bool:
    """Say whether a source is a canary: what it brings is looked at, not taken in."""
    return source.name.startswith(_PREFIX)


def canary_outcome(outcome: FetchOutcome, seen: int) -> FetchOutcome:
    """Return what a canary's visit means: nothing found is no proof of life."""
    if outcome.proves_life and seen == 0:
        return FetchOutcome.EMPTY_OR_UPSTREAM_BLOCKED
    return outcome


def _word(source: SourceSettings) -> str:
    if is_apart(source):
        return ""
    platform = build_platform(source.platform, source.options)
    if not platform.searches(source):
        return ""
    return source.canary if source.canary is not None else platform.canary
