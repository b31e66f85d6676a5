"""What becomes of a delivery after a channel's answer: a pure function (channels contract, sections 8 and 9)."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from alerts.notifiers.base import Answer, Found
from domain.incident import HELD_MARK, Delivery, DeliveryState
from domain.outcome import DeliveryClass

__all__ = ["BACKOFF_CAP_S", "backoff_s", "look", "settle"]

BACKOFF_CAP_S = 300.0

_QUICK_TRIES = 3
_QUICK_S = 1.0
_FIRST_BACKOFF_S = 4.0
_LOOK_AFTER_S = 5.0
_LOOK_FOR_S = 600.0
_GIVE_UP_S = 86_400.0
_HOLD_S = 30.0
_LAST_FORM = 2


def settle(
    delivery: Delivery, answer: Answer, *, now: datetime, span: Callable[[float], timedelta], chance: random.Random
) -> Delivery:
    """Return the delivery as it stands after `answer`.

    Args:
        delivery: State `sending`, this attempt counted.
        answer: What the channel said.
        now: Domain time of the answer, UTC.
        span: Domain time of so many real seconds.
        chance: Source of jitter.

    Returns:
        State `pending` asks for another call at once, in a simpler form or without a thread.
    """
    after = replace(delivery, answer=answer.text)
    match answer.verdict:
        case DeliveryClass.OK:
            state = DeliveryState.DEGRADED if delivery.degrade else DeliveryState.DELIVERED
            return replace(after, state=state, sent_at=now, remote_ref=answer.remote_ref)
        case DeliveryClass.BROKEN:
            return replace(after, state=DeliveryState.BROKEN, not_before=now)
        case DeliveryClass.HELD:
            wait_s = _HOLD_S if answer.retry_after_s is None else answer.retry_after_s
            wait_s += chance.uniform(0.0, 1.0 + wait_s / 10)
            held = f"{HELD_MARK}{answer.text}"[:300]
            return replace(after, state=DeliveryState.HELD, not_before=now + span(wait_s), answer=held)
        case DeliveryClass.DEGRADE:
            return _degraded(after, answer, now)
        case DeliveryClass.UNCERTAIN:
            if answer.failed and (delivery.repeat or now - delivery.created_at > span(_GIVE_UP_S)):
                return _again(after, answer, now=now, span=span, chance=chance)
            if delivery.repeat:
                return replace(after, state=DeliveryState.DROPPED, answer=f"outcome unknown twice: {answer.text}"[:300])
            wait_s = max(_LOOK_AFTER_S, backoff_s(delivery.attempts, chance))
            return replace(after, state=DeliveryState.UNCERTAIN, not_before=now + span(wait_s))
        case DeliveryClass.TRANSIENT:
            return _again(after, answer, now=now, span=span, chance=chance)


def look(delivery: Delivery, found: Found, *, now: datetime, span: Callable[[float], timedelta]) -> Delivery:
    """Return a delivery of unknown outcome as it stands after a search for it.

    Args:
        delivery: State `uncertain`.
        found: What the search gave.
        now: Domain time, UTC.
        span: Domain time of so many real seconds.

    Returns:
        Delivered; or still uncertain, to be looked for again; or pending, to be sent again,
        marked as a repeat where the channel cannot be asked; or dropped after one such repeat.
    """
    if found.known and found.remote_ref:
        state = DeliveryState.DEGRADED if delivery.degrade else DeliveryState.DELIVERED
        return replace(delivery, state=state, sent_at=now, remote_ref=found.remote_ref, answer="found in the channel")
    if found.known:
        return replace(delivery, state=DeliveryState.PENDING, repeat=False)
    age = now - delivery.created_at
    if found.again_s is not None and age < span(_LOOK_FOR_S):
        return replace(delivery, not_before=now + max(span(found.again_s), min(age / 2, span(60.0))))
    if delivery.repeat:
        return replace(delivery, state=DeliveryState.DROPPED, answer="outcome unknown twice")
    return replace(delivery, state=DeliveryState.PENDING, repeat=True)


def _degraded(delivery: Delivery, answer: Answer, now: datetime) -> Delivery:
    if delivery.degrade >= _LAST_FORM:
        return replace(delivery, state=DeliveryState.DROPPED, answer=f"refused in every form: {answer.text}"[:300])
    form = _LAST_FORM if answer.to_text else delivery.degrade + 1
    return replace(delivery, state=DeliveryState.PENDING, degrade=form, not_before=now)


def _again(
    delivery: Delivery, answer: Answer, *, now: datetime, span: Callable[[float], timedelta], chance: random.Random
) -> Delivery:
    if answer.forget_thread:
        return replace(delivery, state=DeliveryState.PENDING, not_before=now)
    if now - delivery.created_at > span(_GIVE_UP_S):
        return replace(delivery, state=DeliveryState.DROPPED, answer=f"gave up after a day: {answer.text}"[:300])
    if answer.quick and delivery.attempts < _QUICK_TRIES:
        wait_s = _QUICK_S
    else:
        wait_s = backoff_s(delivery.attempts, chance)
    return replace(delivery, state=DeliveryState.HELD, not_before=now + span(wait_s))


def backoff_s(attempts: int, chance: random.Random) -> float:
    """Return real seconds until the next try: full jitter below 4 s · 2^(attempts−1), at most 5 min."""
    return max(0.5, chance.uniform(0.0, min(BACKOFF_CAP_S, _FIRST_BACKOFF_S * 2.0 ** min(attempts - 1, 10))))
