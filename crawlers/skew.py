"""How far this machine's clock is from those of the servers it reads."""

import logging
import statistics
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime

__all__ = ["LIMIT_S", "SkewBook"]

logger = logging.getLogger(__name__)

LIMIT_S = 30.0
"""A difference that people are told of, seconds."""
_LEAST_HOSTS = 3
_MOST_HOSTS = 200
_LIFE_S = 6 * 3600.0
_HALF_S = 0.5  # Date has whole seconds, cut off


class SkewBook:
    """Keeps the last difference to each host; their median lets single liars lie.

    Compares real time, also where the domain's clock is driven.

    Args:
        wall: Unix time of the system's clock.
    """

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        self._wall = wall
        self._hosts: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._is_off = False

    def note(self, host: str, headers: Mapping[str, str]) -> None:
        """Take in a fresh answer's `Date`; names of headers are in lower case.

        An answer out of a cache (`Age`, a hit in `X-Cache`) tells when it was made, not what time it is.
        """
        age = headers.get("age", "0").strip()
        if age not in ("", "0") or "hit" in headers.get("x-cache", "").lower():
            return
        try:
            told_s = parsedate_to_datetime(headers.get("date", "")).timestamp()
        except (TypeError, ValueError, OverflowError):
            return
        now_s = self._wall()
        self._hosts[host.lower()] = (now_s, now_s - told_s - _HALF_S)
        self._hosts.move_to_end(host.lower())
        while len(self._hosts) > _MOST_HOSTS:
            self._hosts.popitem(last=False)

    def offset_s(self) -> float | None:
        """Return our clock less theirs, seconds; None = fewer than three hosts were read in six hours.

        Logs once when it passes the limit, and once when it is well again.
        """
        now_s = self._wall()
        # A step of our own clock makes what was noted before it worthless, in either direction.
        fresh = [offset for at_s, offset in self._hosts.values() if abs(now_s - at_s) < _LIFE_S]
        if len(fresh) < _LEAST_HOSTS:
            return None
        offset_s = statistics.median(fresh)
        is_off = abs(offset_s) > LIMIT_S
        if is_off and not self._is_off:
            logger.warning("clock differs from that of servers offset_s=%.0f hosts=%d", offset_s, len(fresh))
        elif self._is_off and not is_off:
            logger.info("clock agrees with that of servers again offset_s=%.0f hosts=%d", offset_s, len(fresh))
        self._is_off = is_off
        return offset_s
