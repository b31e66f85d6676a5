"""A source's visits and health, as stored and as told to others."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.mention import Post
from domain.outcome import FetchOutcome

__all__ = ["FieldShare", "Rates", "SourceHealth", "SourceState", "VisitState"]


class SourceState(StrEnum):
    """What can be said of a source now."""

    NEW = "new"
    LIVE = "live"
    BLIND = "blind"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What a source brought lately."""

    recent: float = 0.0
    """New posts, each fading with a time constant of ten minutes: tells a burst."""
    slow: float = 0.0
    """New posts per second, moving average over about an hour: shares out the visits."""
    usual: float = 0.0
    """The same over about six hours: what a burst stands out from."""
    burst: bool = False
    """More comes than is usual: visits are as close as the source bears."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldShare:
    """How many of a source's posts have one field, over its visits."""

    field: str
    """time, author, text or url."""
    usual: float
    """Moving average of the share of posts that have it, 0 to 1."""
    visits: int = 0
    """Visits that the average stands for."""
    last: float = 0.0
    """Share in the last visit, 0 to 1."""
    low: int = 0
    """Visits in a row in which it was missing although it is usually there."""

    @property
    def lost(self) -> bool:
        """Say whether the field has gone: one odd page is no change of the layout, two are."""
        return self.low >= 2


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitState:
    """Everything that must survive a restart about the visits of one source."""

    source: str
    """Name of the source."""
    platform: str
    """Its platform."""
    due_at: datetime
    """When the next visit is due, UTC."""
    first_visit_at: datetime | None = None
    """First visit that proved life, UTC; None = none yet: the next one is backfill."""
    last_visit_at: datetime | None = None
    """Last visit begun, UTC."""
    last_success_at: datetime | None = None
    """Last visit that proved life, UTC."""
    last_outcome: FetchOutcome | None = None
    """Outcome of the last visit."""
    last_detail: str = ""
    """What was seen, for the operator; at most 300 characters, no secrets."""
    fails: int = 0
    """Visits in a row that did not prove life."""
    blind_since: datetime | None = None
    """First failed visit of the present row, UTC; None = it is not failing."""
    paused_until: datetime | None = None
    """No visit before this moment, UTC; None = none."""
    etag: str | None = None
    """ETag of the last good answer."""
    last_modified: str | None = None
    """Last-Modified of the last good answer."""
    newest_at: datetime | None = None
    """Newest publication seen, UTC."""
    pages_seen: int = 0
    """Pages read since the source was made."""
    posts_seen: int = 0
    """Posts read since the source was made, known ones included."""
    posts_new: int = 0
    """Posts that were new."""
    posts_matched: int = 0
    """New posts that named a brand, counted after tagging."""
    outcomes: tuple[tuple[str, int], ...] = ()
    """(outcome, number of visits), sorted by name."""
    drops: tuple[tuple[str, int], ...] = ()
    """(reason, number of posts or lines let go for it), sorted by name."""
    followed: tuple[tuple[str, int], ...] = ()
    """(outcome, number of pages behind entries), sorted by name."""
    pending: tuple[Post, ...] = ()
    """Entries that were read and whose pages are still to be, oldest visit first."""
    transport: str = ""
    """Road that this state was learnt over; another one begins with a closed breaker. Empty = not noted."""
    rates: Rates = Rates()
    """What it brought lately."""
    fields: tuple[FieldShare, ...] = ()
    """How complete its posts are, by field."""
    low_since: datetime | None = None
    """Since when it brings far less than in the weeks before, UTC; None = it does not."""
    low_detail: str = ""
    """How much less, such as `3 instead of about 40 in 6 h`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceHealth:
    """One source in one line, for people and for detection."""

    source: str
    """Name of the source."""
    platform: str
    """Its platform."""
    state: SourceState
    """new, live, blind or paused."""
    since: datetime | None = None
    """Since when it is in that state, UTC; None = unknown."""
    why: str = ""
    """Why it is blind, paused or read in part only, in the reader's language; empty = it is not."""
    fix: str = ""
    """What to do about it; empty = nothing."""
    last_success_at: datetime | None = None
    """Last visit that proved life, UTC."""
    newest_at: datetime | None = None
    """Newest publication seen, UTC."""
    outcomes: tuple[tuple[str, int], ...] = ()
    """(outcome, number of visits) since the source was made, sorted by name."""
    drops: tuple[tuple[str, int], ...] = ()
    """(reason, number of posts or lines let go for it) since then, sorted by name."""
    interval: timedelta = timedelta(minutes=5)
    """Time between visits."""
    lost_fields: tuple[str, ...] = ()
    """Fields that its posts used to have and have no more: the layout has changed."""
    low_since: datetime | None = None
    """Since when it brings far less than is usual, UTC; None = it does not."""
