"""Reads the stores for the pages, never longer than a page may take: a store that hangs hangs only the reader."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["Look", "Lookout"]

logger = logging.getLogger(__name__)

T = TypeVar("T")

FRESH_S = 0.5
"""Looks so close together are answered from one reading."""


@dataclass(frozen=True, slots=True)
class Look(Generic[T]):
    """What was last read."""

    value: T | None
    """The reading; None = none has succeeded yet."""
    stale_s: float
    """How long ago it was begun, or since the start if there is none, real seconds."""
    trouble: str
    """Why there is no newer one; empty = this is new."""


class Lookout(Generic[T]):
    """Keeps the last good reading. At most one reader runs, however many look. Thread-safe."""

    def __init__(self, read: Callable[[], T], *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._read = read
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._reader: threading.Thread | None = None
        self._value: T | None = None
        self._read_at_s = monotonic()
        self._trouble = "nothing was read yet"

    def look(self, wait_s: float) -> Look[T]:
        """Return what is known after at most `wait_s` real seconds."""
        with self._lock:
            if self._value is not None and not self._trouble and self._monotonic() - self._read_at_s < FRESH_S:
                return self._known()
            if self._reader is None or not self._reader.is_alive():
                self._reader = threading.Thread(target=self._run, daemon=True, name="lookout")
                self._reader.start()
            reader = self._reader
        reader.join(wait_s)
        with self._lock:
            return self._known("no answer yet" if reader.is_alive() else "")

    def _known(self, late: str = "") -> Look[T]:
        return Look(self._value, self._monotonic() - self._read_at_s, self._trouble or late)

    def _run(self) -> None:
        began_s = self._monotonic()
        try:
            value = self._read()
        except Exception as err:  # noqa: BLE001 - border of one reading: the page must say that it cannot see
            trouble = f"{type(err).__name__}: a store did not answer"
            with self._lock:
                if trouble != self._trouble:
                    logger.warning("figures not read, showing the last ones error=%s", err)
                self._trouble = trouble
            return
        with self._lock:
            self._value, self._read_at_s, self._trouble = value, began_s, ""
