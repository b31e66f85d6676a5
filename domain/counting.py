"""Counts as the mention stores give them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.tagging import Polarity

__all__ = ["CountBy", "CountRow", "HistogramBar", "TermCount"]


class CountBy(StrEnum):
    """What counts may be split by beyond the fixed keys."""

    TOPIC = "topic"
    STORY = "story"
    RISK = "risk"


@dataclass(frozen=True, slots=True, kw_only=True)
class CountRow:
    """One 5-minute bucket of event time for one brand, polarity, source and platform."""

    bucket: datetime
    """Start of the bucket, UTC."""
    brand: str
    """Brand id."""
    polarity: Polarity
    """What the mentions say about that brand."""
    source: str
    """Source that collected them."""
    platform: str
    """Platform of origin."""
    backfill: bool
    """They came by a first visit, a backfill or a history import; such never page."""
    key: str | None = None
    """Topic, story or risk id where the caller asked for one; None = not split."""
    mentions: int
    """Number of mentions."""
    new_authors: int
    """Authors first seen for that brand and polarity within 24 h; adds up over time."""
    p_negative: float
    """Sum of the calibrated probabilities of negative for that brand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistogramBar:
    """One bar of a histogram over event time."""

    start: datetime
    """Start of the bar, UTC."""
    mentions: int
    """Mentions in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TermCount:
    """One value of a field and how many mentions have it."""

    term: str
    """The value."""
    mentions: int
    """Mentions that have it."""
