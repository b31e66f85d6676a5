"""Aware moments: UTC inside, RFC 3339 with `Z` in storage, Beijing time for people."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from domain.errors import DomainError

__all__ = ["BUCKET", "SHANGHAI", "Window", "bucket_of", "from_rfc3339", "moment_text", "require_utc", "to_rfc3339"]

SHANGHAI = ZoneInfo("Asia/Shanghai")
BUCKET = timedelta(minutes=5)


def require_utc(moment: datetime) -> datetime:
    """Return `moment` in UTC.

    Raises:
        DomainError: `moment` is naive.
    """
    if moment.tzinfo is UTC:
        return moment
    if moment.tzinfo is None:
        raise DomainError(f"naive datetime {moment.isoformat()}: give it a time zone")
    return moment.astimezone(UTC)


@lru_cache(maxsize=1_024)  # what is read or stored together carries the same moments
def to_rfc3339(moment: datetime) -> str:
    """Write a moment as RFC 3339 in UTC with milliseconds and `Z`; sorts as text.

    Raises:
        DomainError: `moment` is naive.
    """
    return require_utc(moment).isoformat(timespec="milliseconds")[:-6] + "Z"


def from_rfc3339(text: str) -> datetime:
    """Read an RFC 3339 moment with an offset or `Z` as UTC.

    Raises:
        DomainError: `text` is no moment or has no offset.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as err:
        raise DomainError(f"not an RFC 3339 time: {text[:40]!r}; write 2026-06-20T15:30:00+08:00") from err
    return require_utc(moment)


def moment_text(moment: datetime) -> str:
    """Write an aware moment for people: month, day, hour and minute in Beijing."""
    return f"{moment.astimezone(SHANGHAI):%m-%d %H:%M}"


def bucket_of(moment: datetime) -> datetime:
    """Return the start of the 5-minute bucket (UTC) that holds `moment`."""
    utc = require_utc(moment)
    return utc.replace(minute=utc.minute - utc.minute % 5, second=0, microsecond=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A half-open span of time, `start <= t < end`."""

    start: datetime
    """First moment inside, UTC."""
    end: datetime
    """First moment after, UTC."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", require_utc(self.start))
        object.__setattr__(self, "end", require_utc(self.end))
        if self.end < self.start:
            raise DomainError(f"window ends before it starts: {self.start} .. {self.end}")

    @property
    def length(self) -> timedelta:
        """Length of the window, never negative."""
        return self.end - self.start

    def holds(self, moment: datetime) -> bool:
        """Say whether an aware `moment` lies inside."""
        return self.start <= moment < self.end
