"""Bounds how much is logged: what repeats is written a few times, then counted, and the count is told."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

__all__ = ["LogLimit", "Suppressed"]

_KEYS = 200
"""Most kinds of lines told apart in one window; what is beyond shares one per logger and level."""
_LOGGERS = 50
"""Most loggers told apart beyond that."""
_TEMPLATE_CHARS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppressed:
    """Lines of one kind that were counted instead of written."""

    logger: str
    """Name of their logger."""
    level: int
    """Their level."""
    event: str
    """Their template, at most 120 characters, or `…` for several kinds together."""
    number: int
    """How many, at least 1."""


class LogLimit:
    """Decides which lines are written. Not thread-safe: the handler's lock guards it.

    Args:
        same: lines of one text in a window.
        per_event: lines of one event (logger, level, template) in a window.
        total: lines in a window; as many errors go beside them, so that a flood of warnings hides none.
        window_s: length of a window, real seconds.
        monotonic: real seconds.
    """

    def __init__(
        self,
        *,
        same: int = 3,
        per_event: int = 60,
        total: int = 600,
        window_s: float = 60.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._same, self._per_event, self._total = same, per_event, total
        self.window_s = window_s
        """Length of a window, real seconds."""
        self._monotonic = monotonic
        self._counting = threading.Lock()
        self._untold: Counter[str] = Counter()
        self._begin()

    def _begin(self) -> None:
        self._until_s = self._monotonic() + self.window_s
        self._texts: Counter[int] = Counter()
        self._events: Counter[tuple[str, int, str]] = Counter()
        self._written: Counter[bool] = Counter()
        self._held: Counter[tuple[str, int, str]] = Counter()

    def admits(self, record: logging.LogRecord, text: str) -> bool:
        """Say whether a line is written; else it is counted. DEBUG is for people who asked for it, and passes."""
        if record.levelno < logging.INFO:
            return True
        key, error = self._key(record), record.levelno >= logging.ERROR
        line = hash(text)
        if (
            self._texts[line] < self._same
            and self._events[key] < self._per_event
            and self._written[error] < self._total
        ):
            self._texts[line] += 1
            self._events[key] += 1
            self._written[error] += 1
            return True
        self._held[key] += 1
        with self._counting:
            self._untold[record.levelname] += 1
        return False

    def _key(self, record: logging.LogRecord) -> tuple[str, int, str]:
        key = (record.name, record.levelno, str(record.msg)[:_TEMPLATE_CHARS])
        if key in self._events or len(self._events) + len(self._held) < _KEYS:
            return key
        loggers = {name for name, _, event in self._held if event == "…"}
        named = record.name if record.name in loggers or len(loggers) < _LOGGERS else "…"
        return (named, record.levelno, "…")

    def over(self) -> bool:
        """Say whether the window is over."""
        return self._monotonic() >= self._until_s

    def end(self) -> Sequence[Suppressed]:
        """End the window and return what was counted in it, worst level first, then most."""
        held = [Suppressed(logger=key[0], level=key[1], event=key[2], number=n) for key, n in self._held.items()]
        self._begin()
        return sorted(held, key=lambda each: (-each.level, -each.number))

    def take_counts(self) -> dict[str, int]:
        """Return how many lines were held since the last call, by level; safe from any thread."""
        with self._counting:
            taken, self._untold = self._untold, Counter()
        return dict(taken)
