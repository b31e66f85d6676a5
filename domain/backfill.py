"""A request to read back what a source showed before we listened."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

__all__ = ["Backfill", "BackfillState"]


class BackfillState(StrEnum):
    """How far a backfill is."""

    WAITING = "waiting"
    GOING = "going"
    DONE = "done"
    FAILED = "failed"

    @property
    def final(self) -> bool:
        """Say whether nothing more is done about it."""
        return self in {BackfillState.DONE, BackfillState.FAILED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """One source that is read back for one brand."""

    id: str
    """Name of the request; one of a name is there at a time."""
    source: str
    """Name of the source, as `tingfeng sources` shows it."""
    brand: str
    """Id of the brand."""
    since: datetime
    """How far back, UTC."""
    asked_at: datetime
    """When it was asked for, UTC."""
    due_at: datetime
    """When it goes on, UTC."""
    state: BackfillState = BackfillState.WAITING
    """How far it is."""
    steps: tuple[str, ...] = ()
    """Requests still to be made, as JSON of the crawler's own; empty before the first and after the last."""
    pages: int = 0
    """Pages read."""
    posts: int = 0
    """Posts read, known ones included."""
    oldest_at: datetime | None = None
    """Oldest publication reached, UTC; None = none yet."""
    fails: int = 0
    """Failed tries in a row."""
    detail: str = ""
    """Why it waits, failed, or reached no further; at most 300 characters, no secrets."""
    ended_at: datetime | None = None
    """When it was done or given up, UTC; None = it is not."""

    @property
    def share(self) -> float:
        """Return how much of the time asked for has been read, 0 to 1."""
        if self.state is BackfillState.DONE:
            return 1.0
        whole = (self.asked_at - self.since).total_seconds()
        if self.oldest_at is None or whole <= 0:
            return 0.0
        return min(max((self.asked_at - self.oldest_at).total_seconds() / whole, 0.0), 1.0)
