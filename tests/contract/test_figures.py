"""What pages and metrics ask of the state, on every state database."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from domain.incident import DeliveryState, IncidentState
from domain.ports import DeskChange
from storage import State
from tests.storage.desk_sample import K, delivery, incident, with_state
from tests.storage.sample import NOW, mention

MINUTE = timedelta(minutes=1)


def settle(opened: State, id: str, **changes: object) -> None:
    settle_all(opened, {id: changes})


def settle_all(opened: State, changes: Mapping[str, Mapping[str, object]]) -> None:
    claimed = opened.desk.claim_deliveries(owner="o", limit=9, lease=MINUTE, now=NOW + timedelta(hours=1))
    assert set(changes) <= {each.id for each in claimed}
    for one in claimed:
        if one.id in changes:
            saved = with_state(one, **changes[one.id])  # type: ignore[arg-type]  # fields by name
            opened.desk.save_delivery(saved, owner="o", now=NOW)


def test_an_empty_state_has_nothing_to_tell(state: State) -> None:
    figures = state.figures.read()
    assert (figures.inbox_rows, figures.inbox_oldest_at, figures.dead_letters) == (0, None, 0)
    assert (dict(figures.channels), figures.critical_since) == ({}, None)
    assert state.figures.ownerless(NOW) == ()
    assert (dict(figures.incidents), figures.watched_until) == ({}, None)


def test_the_inbox_tells_its_rows_and_the_age_of_the_oldest(state: State) -> None:
    state.inbox.append([mention("a")], now=NOW)
    state.inbox.append([mention("b"), mention("c")], now=NOW + MINUTE)
    row = state.inbox.lease(owner="w", limit=1, lease=MINUTE, now=NOW + MINUTE)[0]
    state.inbox.dead_letter(row.row, reason="x", owner="w", now=NOW + MINUTE)
    figures = state.figures.read()
    assert (figures.inbox_rows, figures.inbox_oldest_at, figures.dead_letters) == (2, NOW + MINUTE, 1)


def test_a_channel_is_broken_from_its_first_loss_after_the_last_success(state: State) -> None:
    ok, lost, later = delivery(1), delivery(2, minutes=1), delivery(3, minutes=2)
    state.desk.commit(DeskChange(deliveries=(ok,)), now=NOW)
    settle(state, ok.id, state=DeliveryState.DELIVERED, sent_at=NOW)
    for one in (lost, later):
        state.desk.commit(DeskChange(deliveries=(one,)), now=NOW)
        settle(state, one.id, state=DeliveryState.BROKEN, answer=f"seq {one.seq}")
    channel = state.figures.read().channels["pr-duty", "slack"]
    assert dict(channel.states) == {"broken": 2, "delivered": 1}
    assert channel.broken_since == NOW + MINUTE
    assert channel.last_broken is not None and channel.last_broken.answer == "seq 3"
    assert channel.last_accepted is not None and channel.last_accepted.id == ok.id
    cured = delivery(4, minutes=3)
    state.desk.commit(DeskChange(deliveries=(cured,)), now=NOW)
    settle(state, cured.id, state=DeliveryState.DEGRADED, sent_at=NOW + 3 * MINUTE)
    assert state.figures.read().channels["pr-duty", "slack"].broken_since is None


def test_a_channel_breaks_when_it_says_so_not_when_the_message_was_queued(state: State) -> None:
    early, late = delivery(1), delivery(1, incident="ZZ9ZZ", minutes=5)
    state.desk.commit(DeskChange(deliveries=(early, late)), now=NOW)
    settle_all(
        state,
        {
            late.id: {"state": DeliveryState.DELIVERED, "sent_at": NOW + 6 * MINUTE},
            early.id: {"state": DeliveryState.BROKEN, "not_before": NOW + 9 * MINUTE},
        },
    )
    assert state.figures.read().channels["pr-duty", "slack"].broken_since == NOW + 9 * MINUTE


def test_a_channel_is_held_by_its_own_wish_not_by_our_pace(state: State) -> None:
    asked, paced = delivery(1), delivery(1, incident="ZZ9ZZ", minutes=1)
    state.desk.commit(DeskChange(deliveries=(asked, paced)), now=NOW)
    settle_all(
        state,
        {
            paced.id: {
                "state": DeliveryState.HELD,
                "not_before": NOW + 90 * MINUTE,
                "answer": 'said "answer":"held: "',
            },
            asked.id: {"state": DeliveryState.HELD, "not_before": NOW + 80 * MINUTE, "answer": "held: ratelimited"},
        },
    )
    held = state.figures.read().channels["pr-duty", "slack"].last_held
    assert held is not None and held.id == asked.id


def test_what_waits_is_told_with_its_age_and_what_nobody_takes_by_its_id(state: State) -> None:
    urgent, other = delivery(1), delivery(1, incident="ZZ9ZZ", priority=1, minutes=-5)
    state.desk.commit(DeskChange(deliveries=(urgent, other)), now=NOW)
    figures = state.figures.read()
    assert figures.critical_since == NOW
    assert figures.channels["pr-duty", "slack"].oldest_waiting_at == NOW - 5 * MINUTE
    assert state.figures.ownerless(NOW - MINUTE) == (other.id,)
    state.desk.claim_deliveries(owner="o", limit=9, lease=timedelta(hours=1), now=NOW)
    assert state.figures.ownerless(NOW + MINUTE) == ()
    assert state.figures.ownerless(NOW + timedelta(hours=2)) == (other.id, urgent.id)


def test_a_message_behind_an_earlier_one_is_not_without_owner(state: State) -> None:
    first, second = delivery(1, kind=K.ACKED), delivery(2, kind=K.ACKED)
    state.desk.commit(DeskChange(deliveries=(first,)), now=NOW)
    state.desk.claim_deliveries(owner="o", limit=9, lease=timedelta(hours=1), now=NOW)
    state.desk.save_delivery(with_state(first, DeliveryState.SENDING), owner="o", now=NOW)
    state.desk.commit(DeskChange(deliveries=(second,)), now=NOW)
    assert state.figures.ownerless(NOW + MINUTE) == ()
    assert state.figures.ownerless(NOW + timedelta(hours=2)) == (first.id,)


def test_incidents_that_are_not_resolved_are_counted_by_severity_and_state(state: State) -> None:
    shown = (incident("AAAAA"), incident("BBBBB", state=IncidentState.ACKED), incident("CCCCC"))
    state.desk.commit(DeskChange(incidents=shown), now=NOW)
    over = replace(shown[2], state=IncidentState.RESOLVED, version=1)
    state.desk.commit(DeskChange(incidents=(over,)), now=NOW)
    counted = dict(state.figures.read().incidents)
    assert counted == {("critical", "open"): 1, ("critical", "acked"): 1}


def test_the_role_watch_is_held_until_its_lease_ends(state: State) -> None:
    fence = state.leases.acquire("watch", owner="a", lease=MINUTE, now=NOW)
    assert state.figures.read().watched_until == NOW + MINUTE
    assert fence is not None
    state.leases.release(fence)
    assert state.figures.read().watched_until in (None, NOW)
