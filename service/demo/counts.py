"""What the demo counts in the store at its end."""

from datetime import datetime

from domain.ports import MentionSearch
from domain.query import parse

__all__ = ["count_stored"]


def count_stored(mentions: MentionSearch, *, now: datetime, brand: str = "yunshan") -> tuple[int, int]:
    """Return how many mentions are stored, and how many of them name the brand."""
    return mentions.count(parse("*"), now=now), mentions.count(parse(f"brand: {brand}"), now=now)
