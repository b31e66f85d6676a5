from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from alerts.lane import Lane
from alerts.notifiers.base import Limit
from domain.clock import ManualClock
from domain.incident import DeliveryState
from tests.alerts.kit import NOW
from tests.alerts.test_settle import ROW

SECOND = timedelta(seconds=1)


def lane(calls: int = 2, window_s: float = 10.0, per_hour: int = 3) -> Lane:
    return Lane(("slack", "C1"), limit=Limit(calls=calls, window_s=window_s), per_hour=per_hour, clock=ManualClock(NOW))


def test_calls_beyond_the_window_wait_for_it() -> None:
    one = lane()
    assert one.ready_at(NOW) == NOW
    one.note_call(NOW)
    one.note_call(NOW + SECOND)
    assert one.ready_at(NOW + SECOND) == NOW + timedelta(seconds=10)
    assert one.ready_at(NOW + SECOND, waiting=3) == NOW + timedelta(seconds=20)
    assert one.ready_at(NOW + 30 * SECOND) == NOW + 30 * SECOND


def test_the_longest_hold_counts() -> None:
    one = lane()
    one.hold(NOW + 60 * SECOND)
    one.hold(NOW + 5 * SECOND)
    assert one.ready_at(NOW) == NOW + 60 * SECOND
    assert one.ready_at(NOW + 61 * SECOND) == NOW + 61 * SECOND


def test_the_hour_counts_accepted_messages_in_domain_time() -> None:
    one = lane(per_hour=2)
    assert one.next_hour_at(NOW) == NOW
    one.note_sent(NOW)
    one.note_sent(NOW + SECOND)
    assert one.left_in_hour(NOW + SECOND) == 0
    assert one.next_hour_at(NOW + SECOND) == NOW + timedelta(hours=1)
    assert one.left_in_hour(NOW + timedelta(hours=1)) == 1


def test_state_is_rebuilt_from_stored_deliveries() -> None:
    sent = replace(ROW, state=DeliveryState.DELIVERED, sent_at=NOW)
    broken = replace(ROW, state=DeliveryState.BROKEN, answer="invalid_auth", not_before=NOW)
    held = replace(ROW, state=DeliveryState.HELD, answer="held: 429", not_before=NOW + 9 * SECOND)
    one = lane(per_hour=1)
    one.recall([sent, broken, held, replace(broken, target="other")])
    assert one.broken == broken
    assert one.left_in_hour(NOW) == 0
    assert one.ready_at(NOW) == NOW + 9 * SECOND
    one.recall([broken, sent])
    assert one.broken is None, "at the same moment the later row counts"
    one.recall([replace(sent, sent_at=NOW + SECOND), broken])
    assert one.broken is None
    one.recall([replace(broken, attempts=0)])
    assert one.broken is None, "a delivery that was never tried proves nothing"
