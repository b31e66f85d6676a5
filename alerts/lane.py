"""One channel and target: its notifier, its pace, whether it is held or broken."""

import threading
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from operator import itemgetter

from alerts.digest import DIGEST_MARK, is_common
from alerts.hint import hint_of
from alerts.lost import undelivered
from alerts.notifiers.base import Limit
from alerts.settle import HELD_MARK
from alerts.words import Locale
from domain.clock import Clock, ManualClock
from domain.incident import Delivery, DeliveryState

__all__ = ["LOOK_BACK", "ChannelHealth", "Lane", "channel_health"]

LOOK_BACK = 5_000
"""Stored deliveries that tell how a channel stands; more than a storm leaves."""

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
    undelivered: int = 0
    """Messages that this channel lost and that reached nobody else either."""


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
                    self.hold(delivery.not_before, delivery.answer)
            self.broken = broken[1]
            sent = sorted((at, is_common(one)) for one in posts.values() if (at := one.sent_at) is not None)
            self._calls = deque((at for at, _ in sent), maxlen=self._limit.calls)
            self._sent = deque(at for at, counts in sent if counts)

    def hold(self, until: datetime, answer: str) -> None:
        """Let nothing through before `until`, UTC; an earlier, longer hold stays."""
        with self._lock:
            if self._held_until is None or until > self._held_until:
                self._held_until, self._held_answer = until, answer

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

    def health(self, now: datetime) -> ChannelHealth:
        """Return how the target is, without a hint."""
        channel, target = self.key
        with self._lock:
            if self.broken is not None:
                since, answer = self.broken.not_before, self.broken.answer
                return ChannelHealth(channel=channel, target=target, state="broken", since=since, answer=answer)
            if self._held_until is not None and self._held_until > now:
                return ChannelHealth(
                    channel=channel, target=target, state="held", since=self._held_until, answer=self._held_answer
                )
        return ChannelHealth(channel=channel, target=target, state="ok")


def channel_health(deliveries: Sequence[Delivery], now: datetime, locale: Locale) -> tuple[ChannelHealth, ...]:
    """Return how each channel is as far as stored deliveries (oldest first) tell, for any process that reads them.

    Args:
        deliveries: Stored deliveries, oldest first.
        now: Domain time, UTC.
        locale: Language of the hints.

    Returns:
        One per channel and target that has deliveries, sorted; broken ones and lost messages count.
    """
    names = {(one.channel, one.target): one.receiver for one in deliveries}
    lost = [(one.channel, one.target) for one in undelivered(deliveries, now)]
    told = []
    for key in sorted(names):
        lane = Lane(key, limit=Limit(calls=1, window_s=1.0), per_hour=1, clock=ManualClock(now))
        lane.recall(deliveries)
        one = lane.health(now)
        hint = "" if one.state == "ok" else hint_of(key[0], one.answer, locale, receiver=names[key])
        told.append(replace(one, hint=hint, undelivered=lost.count(key)))
    return tuple(told)
