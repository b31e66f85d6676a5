"""When a mention is read again: often while its incident is young, then daily."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.outcome import FetchOutcome

__all__ = ["Refresh", "next_look"]

_LOOKS = tuple(timedelta(minutes=minutes) for minutes in (15, 30, 60, 120, 240, 480))
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresh:
    """The plan of one mention that is read again."""

    mention: str
    """Id of the mention."""
    begun_at: datetime
    """From when its looks are counted, UTC: when its incident opened, or when it was collected if that was later."""
    due_at: datetime
    """When it is read next, UTC."""
    road: str = ""
    """The site over which it is read: one mention at a time is asked of each; empty = not known."""
    looks: int = 0
    """Times that its platform answered, be it with the post or with the word that it is gone."""
    fails: int = 0
    """Times in a row that nothing could be said of it: a login, a captcha, a page that cannot be read."""
    last_outcome: FetchOutcome | None = None
    """What the last look came to; None = there was none."""
    gone_at: datetime | None = None
    """When it was first found gone in the present row of such answers, UTC; None = it was not."""
    text_hash: str | None = None
    """`domain.ids.text_hash` of what the last look showed; None = none showed a whole text yet."""


def next_look(begun_at: datetime, now: datetime) -> datetime:
    """Return the first look after `now`: 15 and 30 minutes, 1, 2, 4 and 8 hours after `begun_at`, then daily."""
    for after in _LOOKS:
        if begun_at + after > now:
            return begun_at + after
    last = begun_at + _LOOKS[-1]
    return last + ((now - last) // _DAY + 1) * _DAY
