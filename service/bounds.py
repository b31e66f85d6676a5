"""What keeps one batch within bounds: its size, and the computing time of a text."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["BatchSize", "TooLongError", "computing_limit"]

TARGET_S = 5.0
_LEAST = 5


class TooLongError(Exception):
    """A piece of work took more computing time than it may."""


@contextmanager
def computing_limit(limit_s: float) -> Iterator[None]:
    """Break off what computes for longer than `limit_s` seconds of this process's own time.

    Computing time, not time of the wall: a busy or sleeping machine is no fault of a text. Outside
    the main thread, where a signal cannot break in, there is no limit.

    Raises:
        TooLongError: the time is used up; it may come from any line, also inside a regular expression.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def on_alarm(_number: int, _frame: object) -> None:
        raise TooLongError(f"more than {limit_s:g} s of computing")

    before = signal.signal(signal.SIGVTALRM, on_alarm)
    signal.setitimer(signal.ITIMER_VIRTUAL, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


class BatchSize:
    """How many mentions the next batch takes: fewer while a batch takes too long, more when it is quick again.

    Args:
        most: Rows of a batch when all is well, 1 or more.
        target_s: How long a batch may take, real seconds.
    """

    def __init__(self, most: int, target_s: float = TARGET_S) -> None:
        self._most, self._target_s = most, target_s
        self.rows = most
        """Rows of the next batch, at least 5 or all, at most `most`."""

    def note(self, rows: int, took_s: float) -> None:
        """Learn from a batch: halve when it took too long, grow by a quarter when a full one took half the time."""
        if took_s > self._target_s:
            self.rows = max(min(_LEAST, self._most), self.rows // 2)
        elif rows >= self.rows and took_s < self._target_s / 2:
            self.rows = min(self._most, self.rows + max(1, self.rows // 4))
