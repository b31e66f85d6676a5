"""One channel and target: its notifier, its pace, whether it is held or broken."""

import threading
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from operator import itemgetter

from alerts.digest import DIGEST_MARK, is_common
from alerts.notifiers.base import Limit
from domain.clock import Clock
from domain.incident import HELD_MARK, Delivery, DeliveryState

__all__ = ["LOOK_BACK", "Lane"]

LOOK_BACK = 5_000
"""Stored deliveries that tell how a channel stands; more than a storm leaves."""

_HOUR = timedelta(hours=1)
_ACCEPTED = (DeliveryState.DELIVERED, DeliveryState.DEGRADED)


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
        self.overview = ""
        """Id of the last overview that went ahead of a crowd; empty = none did."""
        self._lock = threading.RLock()

    def recall(self, deliveries: Iterable[Delivery]) -> None:
        """Take over what stored deliveries (oldest first) tell of this target."""
        with self._lock:
            posts: dict[str, Delivery] = {}
            broken: tuple[datetime, Delivery | None] = (datetime.min.replace(tzinfo=UTC), None)
            for delivery in deliveries:
                if (delivery.channel, delivery.target) != self.key:
                    continue
                if delivery.state in _ACCEPTED and delivery.sent_at is not None:
                    posts[delivery.answer if delivery.answer.startswith(DIGEST_MARK) else delivery.id] = delivery
                    broken = max((delivery.sent_at, None), broken, key=itemgetter(0))
                elif delivery.state is DeliveryState.BROKEN and delivery.attempts:
                    broken = max((delivery.not_before, delivery), broken, key=itemgetter(0))
                elif delivery.state is DeliveryState.HELD and delivery.answer.startswith(HELD_MARK):
                    self.hold(delivery.not_before)
            self.broken = broken[1]
            sent = sorted((at, is_common(one)) for one in posts.values() if (at := one.sent_at) is not None)
            self._calls = deque((at for at, _ in sent), maxlen=self._limit.calls)
            self._sent = deque(at for at, counts in sent if counts)

    def hold(self, until: datetime) -> None:
        """Let nothing through before `until`, UTC; an earlier, longer hold stays."""
        with self._lock:
            if self._held_until is None or until > self._held_until:
                self._held_until = until

    def note_call(self, at: datetime) -> None:
        """Count a call begun at `at`, UTC."""
        with self._lock:
            self._calls.append(at)

    def note_sent(self, at: datetime, *, counts: bool = True) -> None:
        """Count an accepted message at `at`, UTC; the call's own time moves to it.

        One that does not count, because it is critical, takes no other's place in the hour.
        """
        with self._lock:
            if counts:
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
