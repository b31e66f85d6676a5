"""The clocks of the real service: the system's, and one that can be driven."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from domain.clock import Clock
from domain.errors import TingfengError
from domain.moment import require_utc
from service.errors import UsageError

__all__ = ["ClockOrder", "DrivenClock", "SystemClock", "clock_order", "make_clock", "noted_clock", "running_clock"]

_NOTE = "clock.json"


class SystemClock:
    """The system's own time."""

    def now(self) -> datetime:
        """Return the present moment, UTC."""
        return datetime.now(UTC)

    def real_s(self, span: timedelta) -> float:
        """Return `span` in seconds, never negative."""
        return max(0.0, span.total_seconds())

    def span(self, real_s: float) -> timedelta:
        """Return `real_s` as a span."""
        return timedelta(seconds=real_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockOrder:
    """How a driven clock runs; the same in every process of one service."""

    start: datetime
    """Domain time at `epoch_s`, UTC."""
    scale: float
    """Domain seconds for one real second, 1 to 10,000."""
    epoch_s: float
    """Unix time at which the domain stood at `start`."""

    def arguments(self) -> list[str]:
        """Return the command-line arguments that give a child process the same clock."""
        return [
            "--clock-start",
            self.start.isoformat(),
            "--clock-scale",
            repr(self.scale),
            "--clock-epoch",
            repr(self.epoch_s),
        ]


class DrivenClock:
    """A clock that starts where it is told and runs faster than the wall clock."""

    def __init__(self, order: ClockOrder) -> None:
        self._order = order
        # Wall time places the epoch; the monotonic clock carries on from there, so that a
        # step of the system's time changes nothing.
        self._monotonic_epoch = time.monotonic() - (time.time() - order.epoch_s)

    def now(self) -> datetime:
        """Return the present domain moment, UTC."""
        return self._order.start + self.span(time.monotonic() - self._monotonic_epoch)

    def real_s(self, span: timedelta) -> float:
        """Return how many real seconds `span` takes, never negative."""
        return max(0.0, span.total_seconds() / self._order.scale)

    def span(self, real_s: float) -> timedelta:
        """Return the domain time that passes in `real_s` real seconds."""
        return timedelta(seconds=real_s * self._order.scale)


def clock_order(start: str | None, scale: float | None, epoch_s: float | None) -> ClockOrder | None:
    """Read the hidden clock options; None = the system's time.

    Raises:
        UsageError: the start is no time with a zone, or the scale is out of 1 .. 10,000.
    """
    if start is None and scale is None:
        return None
    if start is None or scale is None:
        raise UsageError("--clock-start and --clock-scale go together")
    try:
        moment = require_utc(datetime.fromisoformat(start))
    except (ValueError, TingfengError) as err:
        raise UsageError(f"--clock-start {start!r}: write a time with a zone, 2026-06-20T15:30:00+08:00") from err
    if not 1 <= scale <= 10_000:
        raise UsageError(f"--clock-scale {scale}: between 1 and 10,000")
    return ClockOrder(start=moment, scale=scale, epoch_s=time.time() if epoch_s is None else epoch_s)


def make_clock(order: ClockOrder | None) -> Clock:
    """Return the driven clock of `order`, or the system's."""
    return SystemClock() if order is None else DrivenClock(order)


@contextmanager
def noted_clock(data_dir: Path, order: ClockOrder | None) -> Iterator[None]:
    """Leave a driven clock's order in the data folder while a service runs by it."""
    path = data_dir / _NOTE
    if order is None:
        path.unlink(missing_ok=True)
        yield
        return
    note = {"start": order.start.isoformat(), "scale": order.scale, "epoch_s": order.epoch_s, "pid": os.getpid()}
    path.write_text(json.dumps(note), encoding="utf-8")
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def running_clock(data_dir: Path) -> Clock:
    """Return the clock of the service that runs on this data folder, else the system's.

    What a person does on the command line then carries the time of that service.
    """
    try:
        note = json.loads((data_dir / _NOTE).read_text(encoding="utf-8"))
        os.kill(note["pid"], 0)
        start = datetime.fromisoformat(note["start"])
        return DrivenClock(ClockOrder(start=start, scale=note["scale"], epoch_s=note["epoch_s"]))
    except (OSError, ValueError, KeyError, TypeError):
        return SystemClock()
