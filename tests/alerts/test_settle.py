from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest

from alerts.notifiers.base import Answer
from alerts.settle import BACKOFF_CAP_S, backoff_s, settle
from domain.incident import Delivery, DeliveryKind, DeliveryState
from domain.outcome import DeliveryClass
from tests.alerts.kit import NOW

ROW = Delivery(
    id="d",
    incident="7K2QD",
    seq=1,
    kind=DeliveryKind.FIRING,
    receiver="pr",
    channel="slack",
    target="C1",
    payload="{}",
    state=DeliveryState.SENDING,
    attempts=1,
    not_before=NOW,
    created_at=NOW,
)


def after(answer: Answer, row: Delivery = ROW, *, scale: float = 1.0) -> Delivery:
    return settle(row, answer, now=NOW, span=lambda s: timedelta(seconds=s * scale), chance=random.Random(3))


def test_ok_is_delivered_with_its_handle_or_degraded() -> None:
    ok = Answer(verdict=DeliveryClass.OK, text="ok", remote_ref="C1 1.2")
    assert after(ok).state is DeliveryState.DELIVERED
    assert (after(ok).sent_at, after(ok).remote_ref) == (NOW, "C1 1.2")
    assert after(ok, replace(ROW, degrade=1)).state is DeliveryState.DEGRADED


def test_held_waits_as_told_in_real_time_plus_jitter() -> None:
    held = after(Answer(verdict=DeliveryClass.HELD, retry_after_s=60.0, text="45009"), scale=60.0)
    assert held.state is DeliveryState.HELD
    assert timedelta(minutes=60) <= held.not_before - NOW <= timedelta(minutes=67)
    assert after(Answer(verdict=DeliveryClass.HELD)).not_before >= NOW + timedelta(seconds=30)


def test_degrading_goes_to_lite_then_text_then_gives_up_visibly() -> None:
    refused = Answer(verdict=DeliveryClass.DEGRADE, text="msg_too_long")
    lite = after(refused)
    assert (lite.state, lite.degrade) == (DeliveryState.PENDING, 1)
    text = after(refused, lite)
    assert (text.state, text.degrade) == (DeliveryState.PENDING, 2)
    assert after(refused, text).state is DeliveryState.DROPPED
    assert after(replace(refused, to_text=True)).degrade == 2


def test_unknown_outcome_is_looked_into_once_and_then_dropped() -> None:
    lost = Answer(verdict=DeliveryClass.UNCERTAIN, text="TimeoutError")
    assert after(lost).state is DeliveryState.UNCERTAIN
    assert after(lost, replace(ROW, repeat=True)).state is DeliveryState.DROPPED


def test_busy_allows_three_quick_tries_and_then_backs_off() -> None:
    busy = Answer(verdict=DeliveryClass.TRANSIENT, quick=True)
    assert after(busy, replace(ROW, attempts=2)).not_before == NOW + timedelta(seconds=1)
    waits = {after(busy, replace(ROW, attempts=3)).not_before for _ in range(3)}
    assert waits != {NOW + timedelta(seconds=1)}


def test_a_day_of_failures_is_given_up_visibly() -> None:
    old = replace(ROW, created_at=NOW - timedelta(days=2))
    assert after(Answer(verdict=DeliveryClass.TRANSIENT), old).state is DeliveryState.DROPPED


def test_a_lost_thread_is_answered_with_a_new_root_at_once() -> None:
    assert after(Answer(verdict=DeliveryClass.TRANSIENT, forget_thread=True)).state is DeliveryState.PENDING


@pytest.mark.parametrize("attempts", [1, 2, 5, 9, 200])
def test_backoff_is_jittered_and_capped(attempts: int) -> None:
    waits = [backoff_s(attempts, random.Random(seed)) for seed in range(50)]
    assert min(waits) >= 0.5
    assert max(waits) <= min(BACKOFF_CAP_S, 4.0 * 2.0 ** (attempts - 1))
