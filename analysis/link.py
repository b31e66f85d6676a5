"""The decision of the link step, as pure functions over candidate rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

__all__ = ["MIN_SIMILARITY", "Candidate", "choose_story", "similarity"]

MIN_SIMILARITY: Final = 0.6
"""Least estimated Jaccard similarity of two texts of one story."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An earlier mention that shares a band with the one in question."""

    id: str
    """Mention id."""
    story_id: str
    """Its story, aliases resolved."""
    signature: tuple[int, ...]
    """Its MinHash values; empty = it was found by an exact key."""
    event_at: datetime
    """Its event time, UTC."""


def similarity(first: Sequence[int], second: Sequence[int]) -> float:
    """Estimate the Jaccard similarity of two texts from their MinHash values, [0, 1].

    Two empty signatures that met in an exact band are alike (1.0); an empty one and a full
    one are not (0.0).
    """
    if not first and not second:
        return 1.0
    if len(first) != len(second):
        return 0.0
    return sum(one == other for one, other in zip(first, second, strict=True)) / len(first)


def choose_story(signature: Sequence[int], candidates: Sequence[Candidate]) -> str | None:
    """Choose the story of a mention among candidates that share a band with it.

    Args:
        signature: MinHash values of the mention; empty for an exact key.
        candidates: rows found through its bands, any order.

    Returns:
        Story of the most similar candidate at or above `MIN_SIMILARITY`, of equals the
        earliest, then the smallest id; None = it founds its own story.
    """
    alike = [
        (-degree, candidate.event_at, candidate.id, candidate.story_id)
        for candidate in candidates
        if (degree := similarity(signature, candidate.signature)) >= MIN_SIMILARITY
    ]
    return min(alike)[3] if alike else None
