"""The wall clock, for a crawl started by `scrapy crawl` outside the service."""

import time
from datetime import UTC, datetime, timedelta

__all__ = ["WallClock"]


class WallClock:
    """Domain time that is real time."""

    def now(self) -> datetime:
        """Return the present moment, UTC."""
        return datetime.fromtimestamp(time.time(), UTC)

    def real_s(self, span: timedelta) -> float:
        """Return the span in seconds, never negative."""
        return max(span.total_seconds(), 0.0)

    def span(self, real_s: float) -> timedelta:
        """Return the same time as a span."""
        return timedelta(seconds=real_s)
