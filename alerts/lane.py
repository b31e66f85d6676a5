"""One channel and target: its notifier, its pace, whether it is held or broken."""

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerts.notifiers.base import Limit
from alerts.settle import HELD_MARK
from domain.clock import Clock
from domain.incident import Delivery, DeliveryState

__all__ = ["ChannelHealth", "Lane"]

_HOUR = timedelta(hours=1)
_ACCEPTED = (DeliveryState.DELIVERED, DeliveryState.DEGRADED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelHealth:
    """How one channel of one target is."""

    channel: str
    """Channel: slack, wecom_robot."""
    target: str
    """Its address without secrets."""
    state: str
    """ok, held or broken."""
    since: datetime | None = None
    """When it broke, or until when it is held, UTC; None = it is well."""
    answer: str = ""
    """What it last answered, masked; empty = it is well."""
    hint: str = ""
    """What to do; empty = nothing."""


class Lane:
    """Pace and state of a target; rebuilt from stored deliveries after a restart. Thread-safe."""

    def __init__(self, key: tuple[str, str], *, limit: Limit, per_hour: int, clock: Clock) -> None:
        self.key = key
        self.broken: Delivery | None = None
        """The delivery that showed the channel to be broken; None = it is not."""
        self._limit = limit
        self._per_hour = per_hour
        self._clock = clock
        self._calls: deque[datetime] = deque(maxlen=max(limit.calls, 1))
        self._sent: deque[datetime] = deque()
        self._held_until: datetime | None = None
        self._held_answer = ""
        self._lock = threading.RLock()

    def recall(self, deliveries: Iterable[Delivery]) -> None:
        """Take over what stored deliveries (oldest first) tell of this target."""
        with self._lock:
            self.broken, self._sent = None, deque()
            for delivery in deliveries:
                if (delivery.channel, delivery.target) == self.key:
                    self._recall_one(delivery)
            self._sent = deque(sorted(self._sent))
            self._calls = deque(self._sent, maxlen=self._limit.calls)

    def _recall_one(self, delivery: Delivery) -> None:
        if delivery.state in _ACCEPTED and delivery.sent_at is not None:
            self.broken = None
            self._sent.append(delivery.sent_at)
        elif delivery.state is DeliveryState.BROKEN and delivery.attempts:
            self.broken = delivery
        elif delivery.state is DeliveryState.HELD and delivery.answer.startswith(HELD_MARK):
            self.hold(delivery.not_before, delivery.answer)

    def hold(self, until: datetime, answer: str) -> None:
        """Let nothing through before `until`, UTC; an earlier, longer hold stays."""
        with self._lock:
            if self._held_until is None or until > self._held_until:
                self._held_until, self._held_answer = until, answer

    def note_call(self, at: datetime) -> None:
        """Count a call begun at `at`, UTC."""
        with self._lock:
            self._calls.append(at)

    def note_sent(self, at: datetime) -> None:
        """Count an accepted message at `at`, UTC; the call's own time moves to it."""
        with self._lock:
            self._sent.append(at)
            if self._calls:
                self._calls[-1] = max(self._calls[-1], at)

    def ready_at(self, now: datetime, *, waiting: int = 0) -> datetime:
        """Return when the pace allows a call, `now` or later, behind `waiting` others.

        A channel's own hold and the calls of the last window count, in real time.
        """
        with self._lock:
            window = self._clock.span(self._limit.window_s)
            ready = now if self._held_until is None else max(now, self._held_until)
            if len(self._calls) == self._limit.calls:
                ready = max(ready, self._calls[0] + window)
            return ready + window * (waiting // self._limit.calls)

    def left_in_hour(self, now: datetime) -> int:
        """Return how many more messages this hour bears, 0 or more."""
        with self._lock:
            while self._sent and self._sent[0] <= now - _HOUR:
                self._sent.popleft()
            return max(0, self._per_hour - len(self._sent))

    def next_hour_at(self, now: datetime) -> datetime:
        """Return when the hour's oldest message no longer counts; `now` if none does."""
        with self._lock:
            return self._sent[0] + _HOUR if self.left_in_hour(now) == 0 and self._sent else now

    def health(self, now: datetime) -> ChannelHealth:
        """Return how the target is, without a hint."""
        channel, target = self.key
        with self._lock:
            if self.broken is not None:
                since, answer = self.broken.created_at, self.broken.answer
                return ChannelHealth(channel=channel, target=target, state="broken", since=since, answer=answer)
            if self._held_until is not None and self._held_until > now:
                return ChannelHealth(
                    channel=channel, target=target, state="held", since=self._held_until, answer=self._held_answer
                )
        return ChannelHealth(channel=channel, target=target, state="ok")
