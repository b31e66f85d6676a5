"""How many requests a day a key may make, spread over the day of Asia/Shanghai. Pure."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from config.settings import SourceSettings
from crawlers.base import Platform
from crawlers.platforms import build_platform
from domain.moment import SHANGHAI, from_rfc3339, require_utc

__all__ = ["allowance", "allowed_at", "day_of", "fit_intervals", "next_day", "quota_of"]

_DAY = timedelta(days=1)
_BURST = 0.1
_USED = 0.9
_ANY_TIME = from_rfc3339("2026-01-01T00:00:00Z")


def quota_of(source: SourceSettings, platform: Platform) -> int | None:
    """Return how many requests a day a source's key may make; None = no limit is known.

    The platform's own number is one of its keys; a source without key has only what it sets itself.
    """
    if source.quota is not None:
        return source.quota
    return platform.quota if source.transport == "official" else None


def day_of(now: datetime) -> str:
    """Return the day in Asia/Shanghai, such as 2026-06-20."""
    return now.astimezone(SHANGHAI).date().isoformat()


def next_day(now: datetime) -> datetime:
    """Return when the next day begins in Asia/Shanghai, UTC."""
    return _midnight(now) + _DAY


def allowance(quota: int, now: datetime) -> int:
    """Return how many requests may have been made by now: the passed share of the day and a tenth beforehand."""
    share = (require_utc(now) - _midnight(now)) / _DAY
    return min(int(quota * share + _burst(quota)), quota)


def allowed_at(quota: int, used: int, wanted: int, now: datetime) -> datetime | None:
    """Return when some more requests may be made together.

    Args:
        quota: Requests a day.
        used: Requests made today.
        wanted: Requests to be made; of more than fit into a burst, only a burst must be free.
        now: The present moment.

    Returns:
        A later moment, UTC; None = now.
    """
    total = used + min(wanted, _burst(quota))
    if total <= allowance(quota, now):
        return None
    if total > quota:
        return next_day(now)
    share = min((total - _burst(quota)) / quota, 1.0)
    return max(_midnight(now) + timedelta(seconds=math.ceil(share * _DAY.total_seconds()) + 1), require_utc(now))


def fit_intervals(sources: Sequence[SourceSettings]) -> tuple[SourceSettings, ...]:
    """Return the sources, in their order, with intervals at which all that share a key use 90 % of its quota at most.

    What they ask for is kept in proportion; a source whose interval is long enough stays as it is.

    Args:
        sources: Sources that are really visited, each checked to be complete.
    """
    asked: defaultdict[object, float] = defaultdict(float)
    for source in sources:
        asked[_key_of(source)] += _requests(source) * (_DAY / source.interval)
    return tuple(_fitted(source, asked[_key_of(source)]) for source in sources)


def _fitted(source: SourceSettings, asked: float) -> SourceSettings:
    quota = quota_of(source, build_platform(source.platform, source.options))
    if quota is None or asked <= quota * _USED:
        return source
    longer = source.interval * (asked / (quota * _USED))
    return replace(source, interval=timedelta(seconds=math.ceil(longer.total_seconds())))


def _requests(source: SourceSettings) -> int:
    platform = build_platform(source.platform, source.options)
    return len(platform.start(source, _ANY_TIME)) if quota_of(source, platform) is not None else 0


def _key_of(source: SourceSettings) -> object:
    """Return what a source shares its quota by: its key, else itself without the brand that it is made for."""
    if source.transport == "official" and (source.token or source.client_secret):
        return source.platform, source.token, source.client_id, source.client_secret
    brand = source.brands[0] if len(source.brands) == 1 else ""
    return source.name.removesuffix(f":{brand}")


def _burst(quota: int) -> int:
    return max(int(quota * _BURST), 1)


def _midnight(now: datetime) -> datetime:
    return require_utc(now.astimezone(SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0))
