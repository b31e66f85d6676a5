"""A stretch of time cut into pieces, newest first."""

from collections.abc import Iterator
from datetime import datetime, timedelta

__all__ = ["spans"]

_MOST = 800


def spans(since: datetime, until: datetime, length: timedelta) -> Iterator[tuple[datetime, datetime]]:
    """Yield (start, end) pieces of at most `length` from `until` back to `since`; of very long times the newest 800."""
    end = until
    for _ in range(_MOST):
        if end <= since:
            return
        start = max(end - length, since)
        yield start, end
        end = start
