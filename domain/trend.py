"""Lines of hot lists over time: how long a line stands on a list, and what it says of a brand."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.ids import mention_id
from domain.mention import Kind, Trend
from domain.tagging import Polarity

__all__ = ["BrandTrend", "TrendReading", "TrendSpell", "trend_mention", "trend_native_id"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendSpell:
    """One stay of a line on a hot list, from the look that first showed it to the last that did."""

    row: int
    """Number of the stay, unique."""
    source: str
    """Name of the source that reads the list."""
    platform: str
    """Platform of the list."""
    title: str
    """Words of the line, untrusted text."""
    entered_at: datetime
    """First look that showed it, UTC."""
    stated_at: datetime | None = None
    """When it entered as the platform says, UTC, never after `entered_at`; None = not shown."""
    last_seen_at: datetime
    """Last look that showed it, UTC."""
    looked_at: datetime
    """Last look that showed any line of the list, UTC, never before `last_seen_at`."""
    rank: int
    """Rank at the last look that showed it, from 1."""
    first_rank: int
    """Rank at the first look that showed it."""
    best_rank: int
    """Best rank of any look, the lowest number."""
    best_at: datetime
    """First look with that rank, UTC."""
    hot: int | None = None
    """The platform's own heat figure then, not comparable between platforms; None = not shown."""
    best_hot: int | None = None
    """Highest heat of any look; None = never shown."""
    label: str | None = None
    """The platform's mark, such as 爆; None = none."""
    url: str | None = None
    """Link to the topic, untrusted; None = none."""
    mention: str
    """Store id of the mention that the line became."""
    history: bool = False
    """It stood there at the first look at the list ever: nobody knows since when."""

    @property
    def on_list(self) -> bool:
        """Say whether the last look at the list showed it."""
        return self.last_seen_at >= self.looked_at

    @property
    def since(self) -> datetime:
        """When it entered, by the platform's word or else by our first look, UTC."""
        return self.stated_at or self.entered_at

    @property
    def stay(self) -> timedelta:
        """How long it is known to have stood there, never negative."""
        return self.last_seen_at - self.since


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendReading:
    """Where a line stood at one look."""

    at: datetime
    """Moment of the look, UTC."""
    rank: int
    """Rank from 1."""
    hot: int | None = None
    """Heat; None = not shown."""
    label: str | None = None
    """Mark; None = none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandTrend:
    """A stay on a hot list that names a watched brand."""

    spell: TrendSpell
    """The stay."""
    polarity: Polarity | None = None
    """What the line says of the brand; None = it is not analysed yet."""
    story_id: str | None = None
    """Story of its mention; None = not analysed yet."""


def trend_native_id(trend: Trend) -> str:
    """Return the native id of a line as a post.

    It holds the day on which the line entered the list: the same words on another day are another post, another rank
    is not.
    """
    day = trend.at.strftime("%Y%m%d") if trend.at else "0"
    return f"hot:{day}:{trend.title}"[:200]


def trend_mention(trend: Trend, platform: str) -> str:
    """Return the store id of the mention that a line becomes.

    Raises:
        DomainError: the platform's name is malformed.
    """
    return mention_id(platform=platform, native_id=trend_native_id(trend), kind=Kind.POST)
