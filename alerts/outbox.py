"""The outbox: queued deliveries go to their channels, at least once, paced, never blocking each other.

Each channel and target is a lane of its own: its deliveries go one after the other in a
thread of that lane, so a channel that hangs holds up nobody but itself. A row is saved as
`sending` before its call; a call has a hard limit well below the claim's lease; what the
answer means is decided by `alerts.settle`, what is sent when by `alerts.dispatch`.
"""

import logging
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from alerts.delivery import queue
from alerts.dispatch import Dispatch, OutboxSettings
from alerts.lane import LOOK_BACK
from alerts.roster import Roster
from alerts.trial import TestAnswer, send_test
from config.settings import NetworkSettings, ReceiverSettings
from domain.clock import Clock
from domain.errors import TingfengError
from domain.incident import Delivery
from domain.ports import Desk
from domain.spec import Spec

__all__ = ["Outbox", "OutboxSettings", "queue"]

logger = logging.getLogger(__name__)


class Outbox:
    """Delivers what is queued. Thread-safe; one object per process."""

    def __init__(
        self,
        desk: Desk,
        receivers: Sequence[ReceiverSettings],
        *,
        specs: Mapping[str, Spec],
        clock: Clock,
        settings: OutboxSettings,
        network: NetworkSettings | None = None,
        chance: random.Random | None = None,
        saved: Callable[[Delivery], None] = lambda delivery: None,
    ) -> None:
        self._desk = desk
        self._specs = specs
        self._network = network or NetworkSettings()
        self._clock = clock
        self._settings = settings
        self._roster = Roster(
            receivers,
            specs=specs,
            network=self._network,
            clock=clock,
            per_hour=settings.messages_per_hour,
            limit_s=settings.call_limit_s * 2 / 3,
        )
        self._dispatch = Dispatch(
            desk, self._roster, clock=clock, settings=settings, chance=chance or random.Random(), saved=saved
        )
        self._guard = threading.Lock()
        self._running: dict[tuple[str, str], threading.Thread] = {}
        deliveries = desk.deliveries(limit=LOOK_BACK)
        for lane in self._roster.lanes.values():
            lane.recall(deliveries)

    @property
    def failures(self) -> int:
        """Deliveries that broke off for a reason of our own; each is logged."""
        return self._dispatch.failures

    def deliver_due(self) -> int:
        """Send what is due and return how many messages were accepted since the last call.

        Waits at most `wait_s` real seconds; a lane that needs longer goes on in its thread
        and takes nothing new meanwhile.
        """
        now = self._clock.now()
        lease = self._clock.span(self._settings.lease_s)
        claimed = self._desk.claim_deliveries(
            owner=self._settings.owner, limit=self._settings.claim, lease=lease, now=now
        )
        lanes: dict[tuple[str, str], list[Delivery]] = {}
        for delivery in map(self._roster.place, claimed):
            lanes.setdefault((delivery.channel, delivery.target), []).append(delivery)
        threads = [self._start(key, group, now + lease) for key, group in lanes.items()]
        ends = threading.Event()
        waiter = threading.Thread(target=_join_all, args=(threads, ends), daemon=True)
        waiter.start()
        ends.wait(self._settings.wait_s)
        return self._dispatch.take_accepted()

    def _start(self, key: tuple[str, str], group: list[Delivery], until: datetime) -> threading.Thread | None:
        with self._guard:
            busy = self._running.get(key)
            if busy is None or not busy.is_alive():
                thread = threading.Thread(target=self._run, args=(key, group, until), daemon=True, name=f"to {key[0]}")
                self._running[key] = thread
                thread.start()
                return thread
        self._dispatch.put_off(group, self._clock.now() + self._clock.span(1.0))
        return None

    def _run(self, key: tuple[str, str], group: list[Delivery], until: datetime) -> None:
        try:
            self._dispatch.round(group, self._roster.lanes.get(key), until)
        except TingfengError as err:
            logger.warning("deliveries left to their claim channel=%s count=%d why=%s", key[0], len(group), err)

    def close(self, timeout_s: float = 20.0) -> bool:
        """Wait for running calls, at most `timeout_s` real seconds each; True = none is left."""
        with self._guard:
            running = list(self._running.values())
        for thread in running:
            thread.join(timeout_s)
        return not any(thread.is_alive() for thread in running)

    def send_test(self, receiver: ReceiverSettings) -> tuple[TestAnswer, ...]:
        """Send a marked test to every channel of a receiver, see `alerts.trial.send_test`."""
        return send_test(
            receiver,
            desk=self._desk,
            specs=self._specs,
            network=self._network,
            locale=self._settings.locale,
            now=self._clock.now(),
        )


def _join_all(threads: Sequence[threading.Thread | None], ends: threading.Event) -> None:
    for thread in threads:
        if thread is not None:
            thread.join()
    ends.set()
