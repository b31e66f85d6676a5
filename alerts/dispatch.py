"""One round of one target: what is due goes out in order, what has to wait is put off together."""

import logging
import random
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from alerts.call import within
from alerts.delivery import is_readable, report_of
from alerts.digest import DIGEST_MARK, digest_of, is_common, overview_of, split
from alerts.hint import hint_of
from alerts.lane import LOOK_BACK, Lane
from alerts.lost import CLOSED, broken_notice, stand_in
from alerts.message import Message, compose
from alerts.notifiers.base import Answer, Found, Notifier
from alerts.roster import Roster
from alerts.settle import look, settle
from alerts.words import Locale
from domain.clock import Clock
from domain.errors import TingfengError
from domain.incident import HELD_MARK, Delivery, DeliveryKind, DeliveryState, IncidentState, Severity
from domain.outcome import DeliveryClass
from domain.ports import Desk, DeskChange

__all__ = ["Dispatch", "OutboxSettings"]

logger = logging.getLogger(__name__)

_STAND_IN_S = 900.0  # a channel that cannot be reached for so long gets its fallback's help
_CROWD_S = 60.0  # a critical message that must wait longer behind others is announced
_STANDING = (DeliveryKind.RESOLVED, DeliveryKind.NOTICE, DeliveryKind.TEST)
_OVER = f"{CLOSED} before this could be told"
_LOST = (DeliveryState.BROKEN, DeliveryState.DROPPED)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxSettings:
    """How the outbox goes about its work; all spans are real time."""

    owner: str
    """Name of this process, unique among all that deliver."""
    locale: Locale = "zh"
    """Language where a receiver names none."""
    operator: str | None = None
    """Receiver that hears of broken channels and of critical messages nobody else can be told; None = nobody."""
    messages_per_hour: int = 30
    """Most messages per target and hour of domain time; critical ones are exempt."""
    call_limit_s: float = 15.0
    """Hard limit of one call."""
    lease_s: float = 60.0
    """How long claimed deliveries are ours; well above `call_limit_s`."""
    claim: int = 5_000
    """Most deliveries taken at once."""
    wait_s: float = 2.0
    """How long one pass waits for its channels; a slower one goes on behind it."""


class Dispatch:
    """Sends and settles claimed deliveries; one object serves the threads of all targets."""

    def __init__(
        self,
        desk: Desk,
        roster: Roster,
        *,
        clock: Clock,
        settings: OutboxSettings,
        chance: random.Random,
        saved: Callable[[Delivery], None] = lambda delivery: None,
    ) -> None:
        self._desk = desk
        self._saved = saved
        self._roster = roster
        self._clock = clock
        self._settings = settings
        self._chance = chance
        self._guard = threading.Lock()
        self._accepted = 0
        self.failures = 0
        """Deliveries that broke off for a reason of our own; each is logged."""

    def take_accepted(self) -> int:
        """Return how many messages were accepted since this was last asked."""
        with self._guard:
            count, self._accepted = self._accepted, 0
        return count

    def round(self, group: Sequence[Delivery], lane: Lane | None, until: datetime) -> None:
        """Send deliveries to one target: critical ones, the digest of what is too much, the others.

        Args:
            group: Claimed deliveries, most important first.
            lane: Their target; None = it is no longer configured.
            until: When the claim ends, UTC.
        """
        waits: list[Delivery] = []
        allowed = 0
        if lane is not None:
            if lane.broken is not None:  # a test from another process may have cleared it
                lane.recall(self._desk.deliveries(limit=LOOK_BACK))
            group = self._search_digests(group)
            if self._announce(group, lane):
                return
            allowed = lane.left_in_hour(self._clock.now()) if lane.broken is None else 0
        alone, merged = split(group, allowed)
        self._each([one for one in alone if not is_common(one)], lane, until, waits)
        if merged and lane is not None:
            self._guarded(merged[0], partial(self._send_digest, merged, lane, until, waits))
        self._each([one for one in alone if is_common(one)], lane, until, waits)
        if waits and lane is not None:
            self._guarded(waits[0], partial(self._wait, waits, lane))

    def put_off(self, deliveries: Iterable[Delivery], until: datetime) -> None:
        """Give claimed deliveries back until `until`, UTC."""
        self._save([_waiting(one, until) for one in deliveries])

    def _each(self, deliveries: Sequence[Delivery], lane: Lane | None, until: datetime, waits: list[Delivery]) -> None:
        for delivery in deliveries:
            if waits and delivery.state is not DeliveryState.UNCERTAIN:
                waits.append(delivery)  # as long as the one before it
            else:
                self._guarded(delivery, partial(self._deliver, delivery, lane, until, waits))

    def _guarded(self, delivery: Delivery, act: Callable[[], object]) -> None:
        try:
            act()
        except TingfengError as err:
            logger.warning("delivery left to its claim delivery=%s why=%s", delivery.id, err)
        except Exception:
            self.failures += 1
            logger.exception("delivery broke off delivery=%s channel=%s", delivery.id, delivery.channel)

    # --- one delivery -----------------------------------------------------------------------------------------

    def _deliver(self, delivery: Delivery, lane: Lane | None, until: datetime, waits: list[Delivery]) -> None:
        notifier = self._roster.notifier(delivery)
        if notifier is None or lane is None:
            self._drop([delivery], "the receiver or its channel is no longer configured")
        elif not is_readable(delivery):
            self._drop([delivery], "its payload cannot be read")
        elif self._is_over(delivery):
            self._drop([delivery], _OVER)
        elif lane.broken is not None:
            now = self._clock.now()
            self._lose([replace(delivery, state=DeliveryState.BROKEN, not_before=now, answer=lane.broken.answer)])
        elif delivery.state is DeliveryState.UNCERTAIN:
            self._search(delivery, notifier, lane, until, waits)
        else:
            self._send(delivery, notifier, lane, until, waits)

    def _send(self, delivery: Delivery, notifier: Notifier, lane: Lane, until: datetime, waits: list[Delivery]) -> None:
        thread_ref = self._thread_ref(delivery)
        while True:
            now = self._clock.now()
            if not self._may_call(lane, now, until) or (is_common(delivery) and lane.next_hour_at(now) > now):
                waits.append(delivery)
                return
            delivery = replace(delivery, state=DeliveryState.SENDING, attempts=delivery.attempts + 1)
            if not self._save([delivery]):
                return
            lane.note_call(now)
            answer = self._call(notifier, delivery, self._message(delivery, now), thread_ref)
            done = self._settle(delivery, answer)
            if done.state is not DeliveryState.PENDING:
                self._finish([done], answer, lane)
                return
            delivery = done
            thread_ref = "" if answer.forget_thread else thread_ref

    def _may_call(self, lane: Lane, now: datetime, until: datetime) -> bool:
        return lane.ready_at(now) <= now and now + self._clock.span(self._settings.call_limit_s) < until

    def _call(self, notifier: Notifier, delivery: Delivery, message: Message, thread_ref: str) -> Answer:
        limit_s = self._settings.call_limit_s
        answer = within(partial(notifier.send, delivery, message, thread_ref=thread_ref), limit_s=limit_s)
        if answer is None:
            text = f"no answer within {limit_s:.0f} s"
            answer = Answer(verdict=DeliveryClass.UNCERTAIN, code="no_answer", text=text)
        logger.log(
            logging.INFO if answer.verdict is DeliveryClass.OK else logging.WARNING,
            "delivery answered delivery=%s channel=%s verdict=%s code=%s attempt=%d",
            delivery.id, delivery.channel, answer.verdict, answer.code, delivery.attempts,
        )  # fmt: skip
        return answer

    def _settle(self, delivery: Delivery, answer: Answer) -> Delivery:
        return settle(delivery, answer, now=self._clock.now(), span=self._clock.span, chance=self._chance)

    def _message(self, delivery: Delivery, now: datetime) -> Message:
        return compose(report_of(delivery), self._locale(delivery), repeat=delivery.repeat, sent_at=now)

    def _locale(self, delivery: Delivery) -> Locale:
        return self._roster.locale(delivery.receiver, self._settings.locale)

    def _thread_ref(self, delivery: Delivery) -> str:
        if delivery.incident is None:
            return ""
        return self._desk.remote_ref(incident=delivery.incident, receiver=delivery.receiver, channel=delivery.channel)

    def _is_over(self, delivery: Delivery) -> bool:
        if delivery.incident is None or delivery.kind in _STANDING or delivery.state is DeliveryState.UNCERTAIN:
            return False
        incident = self._desk.incident(delivery.incident)
        return incident is not None and incident.state is IncidentState.RESOLVED

    # --- unknown outcomes -------------------------------------------------------------------------------------

    def _search(
        self, delivery: Delivery, notifier: Notifier, lane: Lane, until: datetime, waits: list[Delivery]
    ) -> None:
        found = self._find(notifier, delivery, self._thread_ref(delivery))
        looked = look(delivery, found, now=self._clock.now(), span=self._clock.span)
        if looked.state is DeliveryState.PENDING:
            self._send(looked, notifier, lane, until, waits)
        else:
            self._keep([looked])

    def _find(self, notifier: Notifier, delivery: Delivery, thread_ref: str) -> Found:
        search = partial(notifier.find, delivery, thread_ref=thread_ref)
        return within(search, limit_s=self._settings.call_limit_s) or Found(known=False, again_s=5.0)

    def _search_digests(self, group: Sequence[Delivery]) -> list[Delivery]:
        """Look for digests of unknown outcome, each once for all its parts; return the other deliveries."""
        parts: dict[str, list[Delivery]] = {}
        rest = []
        for one in group:
            if one.state is DeliveryState.UNCERTAIN and one.answer.startswith(DIGEST_MARK):
                parts.setdefault(one.answer, []).append(one)
            else:
                rest.append(one)
        for mark, together in parts.items():
            self._guarded(together[0], partial(self._search_digest, mark, together))
        return rest

    def _search_digest(self, mark: str, parts: Sequence[Delivery]) -> None:
        notifier = self._roster.notifier(parts[0])
        whole = replace(parts[0], id=mark.removeprefix(DIGEST_MARK))
        found = self._find(notifier, whole, "") if notifier is not None else Found(known=False)
        looked = [look(one, found, now=self._clock.now(), span=self._clock.span) for one in parts]
        self._keep([replace(one, answer=mark, remote_ref="") if one.sent_at else one for one in looked])

    # --- many in one ------------------------------------------------------------------------------------------

    def _announce(self, group: Sequence[Delivery], lane: Lane) -> bool:
        """Queue an overview ahead of a crowd of critical messages; True = it goes first, the others wait for it."""
        now = self._clock.now()
        readable = [one for one in group if is_readable(one) and one.kind is not DeliveryKind.TEST]
        crowd = sum(one.priority == Severity.CRITICAL.rank for one in readable)
        last_s = (lane.ready_at(now, waiting=max(0, crowd - 1)) - now) / self._clock.span(1.0)
        if lane.broken is not None or crowd < 2 or last_s <= _CROWD_S:
            return False
        overview = overview_of(readable, round(last_s / 60.0) + 1, self._locale(readable[0]), now)
        if overview.id == lane.overview:
            return False
        lane.overview = overview.id
        self._desk.commit(DeskChange(deliveries=(overview,)), now=now)
        self.put_off(group, now)
        return True

    def _send_digest(self, merged: Sequence[Delivery], lane: Lane, until: datetime, waits: list[Delivery]) -> None:
        """Tell many waiting messages in one; each row shares the one call's outcome."""
        now = self._clock.now()
        notifier = self._roster.notifier(merged[0])
        if waits or notifier is None or not self._may_call(lane, now, until):
            waits.extend(merged)
            return
        over = {one.id for one in merged if self._is_over(one)}
        self._drop([one for one in merged if one.id in over], _OVER)
        parts = [one for one in merged if one.id not in over]
        if not parts:
            return
        locale = self._locale(parts[0])
        id = digest_of(parts, locale, now).id
        begun = self._save(
            [
                replace(one, state=DeliveryState.SENDING, attempts=one.attempts + 1, answer=DIGEST_MARK + id)
                for one in parts
            ]
        )
        if not begun:
            return
        whole = replace(digest_of(begun, locale, now), id=id, attempts=max(one.attempts for one in begun))
        lane.note_call(now)
        answer = self._call(notifier, whole, compose(report_of(whole), locale, repeat=whole.repeat), "")
        first = self._settle(begun[0], answer)
        self._finish([_part(self._settle(one, answer), first, id) for one in begun], answer, lane)

    # --- what becomes of them ---------------------------------------------------------------------------------

    def _finish(self, done: Sequence[Delivery], answer: Answer, lane: Lane) -> None:
        """Keep what one call came to, for the target as a whole and for each delivery that it told."""
        now = self._clock.now()
        if answer.verdict is DeliveryClass.HELD:
            lane.hold(done[0].not_before)
        if answer.verdict is DeliveryClass.BROKEN:
            self._break(lane, done[0], now)
        if answer.verdict is DeliveryClass.OK:
            lane.note_sent(now, counts=is_common(done[0]))
        self._keep(done)

    def _break(self, lane: Lane, broken: Delivery, now: datetime) -> None:
        lane.broken = broken
        operator = self._roster.receivers.get(self._settings.operator or "")
        locale = (operator.locale if operator else None) or self._settings.locale
        hint = hint_of(broken.channel, broken.answer, locale, receiver=broken.receiver)
        if rows := broken_notice(broken, operator, hint, locale, now):
            self._desk.commit(DeskChange(deliveries=rows), now=now)

    def _keep(self, done: Sequence[Delivery]) -> None:
        """Store new states; what is lost, or out of reach for long, gets its stand-ins first."""
        now = self._clock.now()
        self._lose([one for one in done if one.state in _LOST])
        kept = [one for one in done if one.state not in _LOST]
        late = [one for one in kept if not one.state.final and now - one.created_at > self._clock.span(_STAND_IN_S)]
        self._queue_stand_ins(late, now)
        self._save(kept)
        with self._guard:
            self._accepted += sum(one.sent_at is not None for one in kept)

    def _lose(self, lost: Sequence[Delivery]) -> None:
        """Queue what stands in for lost deliveries, then save the loss; in this order nothing is lost."""
        if not lost:
            return
        stand_ins = self._queue_stand_ins(lost, self._clock.now())
        for one in lost:
            logger.error(
                "delivery failed delivery=%s receiver=%s channel=%s stand_ins=%d answer=%s",
                one.id, one.receiver, one.channel, stand_ins, one.answer,
            )  # fmt: skip
        self._save(lost)

    def _queue_stand_ins(self, lost: Iterable[Delivery], now: datetime) -> int:
        receivers, operator = self._roster.receivers, self._settings.operator
        rows = tuple(row for one in lost for row in stand_in(one, receivers, now, operator=operator))
        if rows:
            self._desk.commit(DeskChange(deliveries=rows), now=now)
        return len(rows)

    def _drop(self, deliveries: Sequence[Delivery], why: str) -> None:
        for one in deliveries:
            logger.warning("delivery dropped delivery=%s channel=%s why=%s", one.id, one.channel, why)
        self._save([replace(one, state=DeliveryState.DROPPED, answer=why) for one in deliveries])

    def _wait(self, waits: Sequence[Delivery], lane: Lane) -> None:
        """Put off what the pace does not bear now: critical ones one behind the other, the rest behind them all."""
        now = self._clock.now()
        soon = now + self._clock.span(0.2)
        reds = [one for one in waits if not is_common(one)]
        others = max(soon, lane.ready_at(now, waiting=len(reds)), lane.next_hour_at(now))
        rows = [_waiting(one, max(soon, lane.ready_at(now, waiting=place))) for place, one in enumerate(reds)]
        self._save([*rows, *(_waiting(one, others) for one in waits if is_common(one))])

    def _save(self, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        if not deliveries:
            return ()
        saved = self._desk.save_deliveries(deliveries, owner=self._settings.owner, now=self._clock.now())
        if len(saved) < len(deliveries):
            logger.warning("deliveries left to another claim count=%d", len(deliveries) - len(saved))
        for delivery in saved:
            self._saved(delivery)
        return saved


def _waiting(delivery: Delivery, until: datetime) -> Delivery:
    """Put a delivery off for a reason of our own; that is no hold of its channel."""
    state = delivery.state if delivery.state is DeliveryState.UNCERTAIN else DeliveryState.HELD
    return replace(delivery, state=state, not_before=until, answer=delivery.answer.removeprefix(HELD_MARK))


def _part(done: Delivery, first: Delivery, digest: str) -> Delivery:
    """Return one part of a digest as the one call left it; all parts come due again together."""
    if done.sent_at is not None:
        return replace(done, remote_ref="", answer=DIGEST_MARK + digest)
    if done.state is DeliveryState.UNCERTAIN:  # it is looked for by the digest's id
        return replace(done, not_before=first.not_before, answer=DIGEST_MARK + digest)
    state = DeliveryState.HELD if done.state is DeliveryState.PENDING else done.state
    return replace(done, state=state, not_before=first.not_before)
