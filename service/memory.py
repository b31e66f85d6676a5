"""When a role has grown too large or too old, and what it weighs."""

import time
from collections.abc import Callable

import psutil

__all__ = ["HARD", "RECYCLED", "Growth", "own_bytes"]

RECYCLED = 75
"""Exit code of a role that ended in order to be started afresh (EX_TEMPFAIL of sysexits.h)."""
HARD = 1.5
"""A role that passes so many times its limit is ended by force: it had its chance to end in order."""


def own_bytes(pid: int | None = None) -> int:
    """Return the memory of a process in bytes, 0 when it is gone; None = this one.

    Pages of mapped files do not count where the system tells them apart: a large mention
    store is read through them, and the system takes them back when it needs them.
    """
    try:
        memory = psutil.Process(pid).memory_info()
        return int(memory.rss) - int(getattr(memory, "shared", 0))
    except psutil.Error:
        return 0


class Growth:
    """Says when a role should end in order and be started afresh.

    Args:
        limit_bytes: memory it may have; 0 = any.
        age_s: how long it may run, real seconds; 0 = for ever.
        weigh: returns its memory in bytes.
        monotonic: real time in seconds.
    """

    def __init__(
        self,
        *,
        limit_bytes: int,
        age_s: float = 0.0,
        weigh: Callable[[], int] = own_bytes,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit_bytes, self._age_s = limit_bytes, age_s
        self._weigh, self._monotonic = weigh, monotonic
        self._begun_s = monotonic()
        self.bytes = 0
        """What it weighed at the last look."""

    def look(self) -> str:
        """Weigh the process and return why it should end now, empty = it may go on."""
        self.bytes = self._weigh()
        if self._limit_bytes and self.bytes > self._limit_bytes:
            return f"{self.bytes / 1e6:.0f} MB of memory, limit {self._limit_bytes / 1e6:.0f} MB"
        if self._age_s and self._monotonic() - self._begun_s > self._age_s:
            return f"running for {self._age_s / 3600:g} h"
        return ""
