"""The outbox: queued deliveries go to their channels, at least once, paced, never blocking each other.

Each channel and target is a lane of its own: its deliveries go one after the other in a
thread of that lane, so a channel that hangs holds up nobody but itself. A row is saved as
`sending` before its call; a call has a hard limit well below the claim's lease; what the
answer means is decided by `alerts.settle`.
"""

import logging
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from alerts.call import within
from alerts.delivery import is_readable, queue, report_of, stand_in
from alerts.digest import digest_of, split
from alerts.lane import ChannelHealth, Lane
from alerts.message import Message, compose
from alerts.notifiers.base import Answer, Found, Notifier
from alerts.roster import Roster
from alerts.settle import settle
from alerts.trial import TestAnswer, send_test
from alerts.words import Locale
from config.settings import NetworkSettings, ReceiverSettings
from domain.clock import Clock
from domain.errors import TingfengError
from domain.incident import Delivery, DeliveryKind, DeliveryState, IncidentState, Severity
from domain.outcome import DeliveryClass
from domain.ports import Desk, DeskChange
from domain.spec import Spec

__all__ = ["Outbox", "OutboxSettings", "queue"]

logger = logging.getLogger(__name__)

_LOOK_BACK = 500
_STAND_IN_S = 900.0  # a channel that cannot be reached for so long gets its fallback's help
_STANDING = (DeliveryKind.RESOLVED, DeliveryKind.NOTICE, DeliveryKind.TEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxSettings:
    """How the outbox goes about its work; all spans are real time."""

    owner: str
    """Name of this process, unique among all that deliver."""
    locale: Locale = "zh"
    """Language where a receiver names none."""
    messages_per_hour: int = 30
    """Most messages per target and hour of domain time; critical ones are exempt."""
    call_limit_s: float = 15.0
    """Hard limit of one call."""
    lease_s: float = 60.0
    """How long claimed deliveries are ours; well above `call_limit_s`."""
    claim: int = 1_000
    """Most deliveries taken at once."""
    wait_s: float = 2.0
    """How long one pass waits for its channels; a slower one goes on behind it."""


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
    ) -> None:
        self._desk = desk
        self._specs = specs
        self._network = network or NetworkSettings()
        self._clock = clock
        self._settings = settings
        self._chance = chance or random.Random()
        self._roster = Roster(
            receivers,
            specs=specs,
            network=self._network,
            clock=clock,
            per_hour=settings.messages_per_hour,
            limit_s=settings.call_limit_s * 2 / 3,
        )
        self._guard = threading.Lock()
        self._running: dict[tuple[str, str], threading.Thread] = {}
        self._delivered = 0
        self.failures = 0
        """Deliveries that broke off for a reason of our own; each is logged."""
        self._recall()

    def _recall(self) -> None:
        deliveries = self._desk.deliveries(limit=_LOOK_BACK)
        for lane in self._roster.lanes.values():
            lane.recall(deliveries)

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
        return self._take_delivered()

    def _take_delivered(self) -> int:
        with self._guard:
            count, self._delivered = self._delivered, 0
        return count

    def _start(self, key: tuple[str, str], group: list[Delivery], until: datetime) -> threading.Thread | None:
        with self._guard:
            busy = self._running.get(key)
            if busy is None or not busy.is_alive():
                thread = threading.Thread(target=self._run, args=(key, group, until), daemon=True, name=f"to {key[0]}")
                self._running[key] = thread
                thread.start()
                return thread
        for delivery in group:
            self._put_off(delivery, self._clock.now() + self._clock.span(1.0))
        return None

    def close(self, timeout_s: float = 20.0) -> bool:
        """Wait for running calls, at most `timeout_s` real seconds each; True = none is left."""
        with self._guard:
            running = list(self._running.values())
        for thread in running:
            thread.join(timeout_s)
        return not any(thread.is_alive() for thread in running)

    def health(self) -> tuple[ChannelHealth, ...]:
        """Return how each channel is, with what to do where one is broken or held."""
        return self._roster.health(self._clock.now(), self._settings.locale)

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

    def _run(self, key: tuple[str, str], group: list[Delivery], until: datetime) -> None:
        lane = self._roster.lanes.get(key)
        allowed = lane.left_in_hour(self._clock.now()) if lane and lane.broken is None else 0
        rest, merged = split(group, allowed)
        for place, delivery in enumerate(rest):
            self._guarded(delivery, partial(self._deliver, delivery, lane, until, waiting=place))
        if merged and lane:
            self._guarded(merged[0], partial(self._deliver_digest, merged, lane, until, waiting=len(rest)))

    def _guarded(self, delivery: Delivery, act: Callable[[], None]) -> None:
        try:
            act()
        except TingfengError as err:
            logger.warning("delivery left to its claim id=%s why=%s", delivery.id, err)
        except Exception:
            self.failures += 1
            logger.exception("delivery broke off id=%s channel=%s", delivery.id, delivery.channel)

    # --- one delivery -----------------------------------------------------------------------------------------

    def _deliver(self, delivery: Delivery, lane: Lane | None, until: datetime, *, waiting: int) -> None:
        notifier = self._roster.notifier(delivery)
        if notifier is None or lane is None:
            self._drop(delivery, "the receiver or its channel is no longer configured")
            return
        if not is_readable(delivery):
            self._drop(delivery, "its payload cannot be read")
            return
        if not delivery.attempts and self._is_over(delivery):
            self._drop(delivery, "the incident was closed before this could be told")
            return
        if self._is_broken(lane):
            answer = lane.broken.answer if lane.broken else ""
            self._fall_back(replace(delivery, state=DeliveryState.BROKEN, answer=answer))
            return
        thread_ref = self._thread_ref(delivery)
        if delivery.state is DeliveryState.UNCERTAIN:
            looked = self._look(delivery, notifier, thread_ref)
            if looked is None:
                return
            delivery = looked
        self._send(delivery, notifier, lane, until, thread_ref=thread_ref, waiting=waiting)

    def _send(
        self, delivery: Delivery, notifier: Notifier, lane: Lane, until: datetime, *, thread_ref: str, waiting: int
    ) -> None:
        while True:
            now = self._clock.now()
            ready = self._ready_at(delivery, lane, now)
            if ready > now or now + self._clock.span(self._settings.call_limit_s) >= until:
                behind = lane.ready_at(now, waiting=waiting) if ready > now else now
                self._put_off(delivery, max(ready, behind, now + self._clock.span(0.2)))
                return
            delivery = self._begin(delivery, now)
            lane.note_call(now)
            message = self._message(delivery, now)
            answer = self._call(partial(notifier.send, delivery, message, thread_ref=thread_ref))
            done = settle(delivery, answer, now=self._clock.now(), span=self._clock.span, chance=self._chance)
            self._log(done, answer)
            if done.state is not DeliveryState.PENDING:
                self._finish(done, answer, lane)
                return
            delivery = done
            thread_ref = "" if answer.forget_thread else thread_ref

    def _begin(self, delivery: Delivery, now: datetime) -> Delivery:
        begun = replace(delivery, state=DeliveryState.SENDING, attempts=delivery.attempts + 1)
        self._desk.save_delivery(begun, owner=self._settings.owner, now=now)
        return begun

    def _finish(self, done: Delivery, answer: Answer, lane: Lane) -> None:
        now = self._clock.now()
        if answer.verdict is DeliveryClass.HELD:
            lane.hold(done.not_before, done.answer)
        if answer.verdict is DeliveryClass.BROKEN:
            lane.broken = done
        if done.state in (DeliveryState.BROKEN, DeliveryState.DROPPED):
            self._fall_back(done)
            return
        if done.state is DeliveryState.HELD and now - done.created_at > self._clock.span(_STAND_IN_S):
            self._queue_stand_ins(done, now)
        self._desk.save_delivery(done, owner=self._settings.owner, now=now)
        if done.sent_at is not None:
            lane.note_sent(now)
            with self._guard:
                self._delivered += 1

    def _ready_at(self, delivery: Delivery, lane: Lane, now: datetime) -> datetime:
        ready = lane.ready_at(now)
        if delivery.priority < Severity.CRITICAL.rank and delivery.kind is not DeliveryKind.TEST:
            ready = max(ready, lane.next_hour_at(now))
        return ready

    def _message(self, delivery: Delivery, now: datetime) -> Message:
        locale = self._roster.locale(delivery.receiver, self._settings.locale)
        return compose(report_of(delivery), locale, repeat=delivery.repeat, sent_at=now)

    def _thread_ref(self, delivery: Delivery) -> str:
        if delivery.incident is None:
            return ""
        return self._desk.remote_ref(incident=delivery.incident, receiver=delivery.receiver, channel=delivery.channel)

    def _is_over(self, delivery: Delivery) -> bool:
        if delivery.incident is None or delivery.kind in _STANDING:
            return False
        incident = self._desk.incident(delivery.incident)
        return incident is not None and incident.state is IncidentState.RESOLVED

    def _is_broken(self, lane: Lane) -> bool:
        if lane.broken is None:
            return False
        lane.recall(self._desk.deliveries(limit=_LOOK_BACK))  # a test from another process may have cleared it
        return lane.broken is not None

    def _look(self, delivery: Delivery, notifier: Notifier, thread_ref: str) -> Delivery | None:
        """Return the delivery to send again, or None where it has arrived or may not go again."""
        found = within(
            partial(notifier.find, delivery, thread_ref=thread_ref), limit_s=self._settings.call_limit_s
        ) or Found(known=False)
        now = self._clock.now()
        if found.known and found.remote_ref:
            state = DeliveryState.DEGRADED if delivery.degrade else DeliveryState.DELIVERED
            done = replace(
                delivery, state=state, sent_at=now, remote_ref=found.remote_ref, answer="found in the channel"
            )
            self._desk.save_delivery(done, owner=self._settings.owner, now=now)
            with self._guard:
                self._delivered += 1
            return None
        if found.known:
            return replace(delivery, state=DeliveryState.PENDING, repeat=False)
        if delivery.repeat:
            self._fall_back(replace(delivery, state=DeliveryState.DROPPED, answer="outcome unknown twice"))
            return None
        return replace(delivery, state=DeliveryState.PENDING, repeat=True)

    # --- what becomes of it -----------------------------------------------------------------------------------

    def _put_off(self, delivery: Delivery, until: datetime) -> None:
        state = delivery.state if delivery.state is DeliveryState.UNCERTAIN else DeliveryState.HELD
        self._desk.save_delivery(
            replace(delivery, state=state, not_before=until), owner=self._settings.owner, now=self._clock.now()
        )

    def _drop(self, delivery: Delivery, why: str) -> None:
        logger.warning("delivery dropped id=%s channel=%s why=%s", delivery.id, delivery.channel, why)
        dropped = replace(delivery, state=DeliveryState.DROPPED, answer=why)
        self._desk.save_delivery(dropped, owner=self._settings.owner, now=self._clock.now())

    def _fall_back(self, lost: Delivery) -> None:
        """Queue what stands in for a lost delivery, then save the loss; in this order nothing is lost."""
        now = self._clock.now()
        stand_ins = self._queue_stand_ins(lost, now)
        logger.error(
            "delivery failed id=%s receiver=%s channel=%s stand_ins=%d answer=%s",
            lost.id, lost.receiver, lost.channel, stand_ins, lost.answer,
        )  # fmt: skip
        self._desk.save_delivery(lost, owner=self._settings.owner, now=now)

    def _queue_stand_ins(self, lost: Delivery, now: datetime) -> int:
        rows = stand_in(lost, self._roster.receivers, now)
        if rows:
            self._desk.commit(DeskChange(deliveries=rows), now=now)
        return len(rows)

    def _log(self, done: Delivery, answer: Answer) -> None:
        level = logging.INFO if answer.verdict is DeliveryClass.OK else logging.WARNING
        logger.log(
            level,
            "delivery answered id=%s channel=%s verdict=%s code=%s attempt=%d",
            done.id, done.channel, answer.verdict, answer.code, done.attempts,
        )  # fmt: skip

    def _deliver_digest(self, merged: Sequence[Delivery], lane: Lane, until: datetime, *, waiting: int) -> None:
        """Tell many waiting messages in one; each row shares the one call's outcome."""
        now = self._clock.now()
        ready = lane.ready_at(now, waiting=waiting)
        notifier = self._roster.notifier(merged[0])
        if ready > now or notifier is None or now + self._clock.span(self._settings.call_limit_s) >= until:
            for delivery in merged:
                self._guarded(delivery, partial(self._put_off, delivery, max(ready, now + self._clock.span(0.2))))
            return
        begun: list[Delivery] = []
        for delivery in merged:
            self._guarded(delivery, partial(self._begin_part, delivery, now, begun))
        if not begun:
            return
        locale = self._roster.locale(begun[0].receiver, self._settings.locale)
        whole = digest_of(begun, locale, now)
        lane.note_call(now)
        message = compose(report_of(whole), locale, repeat=whole.repeat)
        answer = self._call(partial(notifier.send, whole, message, thread_ref=""))
        self._log(whole, answer)
        lane.note_sent(self._clock.now())
        for delivery in begun:
            done = settle(delivery, answer, now=self._clock.now(), span=self._clock.span, chance=self._chance)
            self._guarded(delivery, partial(self._finish_part, done, answer, lane, whole.id))

    def _begin_part(self, delivery: Delivery, now: datetime, begun: list[Delivery]) -> None:
        begun.append(self._begin(delivery, now))

    def _finish_part(self, done: Delivery, answer: Answer, lane: Lane, whole: str) -> None:
        if done.sent_at is not None:
            done = replace(done, remote_ref="", answer=f"told in digest {whole}")
        if done.state is DeliveryState.UNCERTAIN:  # it cannot be looked up by its own id
            done = replace(done, state=DeliveryState.HELD, repeat=True)
        if done.state in (DeliveryState.BROKEN, DeliveryState.DROPPED):
            lane.broken = done if done.state is DeliveryState.BROKEN else lane.broken
            self._fall_back(done)
            return
        if answer.verdict is DeliveryClass.HELD:
            lane.hold(done.not_before, done.answer)
        self._desk.save_delivery(done, owner=self._settings.owner, now=self._clock.now())
        with self._guard:
            self._delivered += done.sent_at is not None

    # --- calls ------------------------------------------------------------------------------------------------

    def _call(self, act: Callable[[], Answer]) -> Answer:
        limit_s = self._settings.call_limit_s
        answer = within(act, limit_s=limit_s)
        if answer is None:
            return Answer(verdict=DeliveryClass.UNCERTAIN, code="no_answer", text=f"no answer within {limit_s:.0f} s")
        return answer


def _join_all(threads: Sequence[threading.Thread | None], ends: threading.Event) -> None:
    for thread in threads:
        if thread is not None:
            thread.join()
    ends.set()
