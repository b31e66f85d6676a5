"""What the state must do for several machines, whatever is behind it: roles, fences, visits, sites."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.ports import DeskChange, Fence
from domain.source import VisitState
from storage import State
from storage.errors import ConflictError, FencedError
from tests.storage.desk_sample import S, delivery, incident, with_state
from tests.storage.sample import NOW

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


def acquire(state: State, owner: str, *, at: float = 0, role: str = "watch") -> Fence | None:
    return state.leases.acquire(role, owner=owner, lease=MINUTE, now=NOW + at * MINUTE)


def hold(state: State, owner: str, *, at: float = 0) -> Fence:
    fence = acquire(state, owner, at=at)
    assert fence is not None
    return fence


# --- roles ---------------------------------------------------------------------------------------------------


def test_a_role_is_held_by_one(state: State) -> None:
    assert state.leases.holder("watch") is None
    assert acquire(state, "a") == Fence(role="watch", owner="a", token=1)
    assert acquire(state, "b") is None
    assert acquire(state, "b", role="other") == Fence(role="other", owner="b", token=1)
    assert state.leases.holder("watch") == "a"


def test_a_role_that_is_not_renewed_goes_to_the_next_with_a_higher_token(state: State) -> None:
    first = hold(state, "a")
    assert acquire(state, "b", at=0.99) is None
    second = hold(state, "b", at=1)
    assert second.token > first.token
    assert not state.leases.renew(first, lease=MINUTE, now=NOW + MINUTE)
    assert state.leases.renew(second, lease=MINUTE, now=NOW + 1.5 * MINUTE)
    assert acquire(state, "a", at=2.4) is None
    assert hold(state, "a", at=2.5).token > second.token


def test_a_late_holder_whom_nobody_replaced_may_go_on(state: State) -> None:
    fence = hold(state, "a")
    assert state.leases.renew(fence, lease=MINUTE, now=NOW + 9 * MINUTE)


def test_a_role_given_up_is_free_at_once_and_its_tokens_go_on(state: State) -> None:
    first = hold(state, "a")
    state.leases.release(first)
    assert not state.leases.renew(first, lease=MINUTE, now=NOW)
    second = hold(state, "b")
    assert second.token == first.token + 1
    state.leases.release(first)
    assert state.leases.holder("watch") == "b"


def test_the_same_owner_begins_a_new_tenure(state: State) -> None:
    first = hold(state, "a")
    second = hold(state, "a")
    assert second.token == first.token + 1
    assert not state.leases.renew(first, lease=MINUTE, now=NOW)


# --- fences --------------------------------------------------------------------------------------------------


def test_a_former_holder_writes_nothing(state: State) -> None:
    old = state.desk.fenced(hold(state, "a"))
    old.commit(DeskChange(incidents=(incident(),), deliveries=(delivery(1),)), now=NOW)
    new = state.desk.fenced(hold(state, "b", at=1))
    with pytest.raises(FencedError, match="watch") as caught:
        old.commit(DeskChange(deliveries=(delivery(2),)), now=NOW)
    assert not caught.value.retryable
    with pytest.raises(FencedError):
        old.claim_deliveries(owner="a", limit=9, lease=MINUTE, now=NOW)
    assert [each.seq for each in new.claim_deliveries(owner="b", limit=9, lease=MINUTE, now=NOW)] == [1]
    new.commit(DeskChange(deliveries=(delivery(2),)), now=NOW)


def test_a_former_holder_begins_no_call_but_says_what_came_of_one(state: State) -> None:
    old = state.desk.fenced(hold(state, "a"))
    old.commit(DeskChange(deliveries=(delivery(1), delivery(1, incident="other"))), now=NOW)
    begun, waiting = old.claim_deliveries(owner="a", limit=9, lease=9 * MINUTE, now=NOW)
    old.save_delivery(with_state(begun, S.SENDING, attempts=1), owner="a", now=NOW)
    hold(state, "b", at=1)
    with pytest.raises(FencedError):
        old.save_delivery(with_state(waiting, S.SENDING, attempts=1), owner="a", now=NOW)
    old.save_delivery(with_state(begun, S.DELIVERED, attempts=1), owner="a", now=NOW)
    assert {each.id: each.state for each in state.desk.deliveries()} == {
        begun.id: S.DELIVERED,
        waiting.id: S.PENDING,
    }


def test_a_person_needs_no_role(state: State) -> None:
    hold(state, "a")
    state.desk.commit(DeskChange(incidents=(incident(),)), now=NOW)
    assert state.desk.incident(incident().id) is not None


# --- visits --------------------------------------------------------------------------------------------------


def visit_state(source: str = "feed") -> VisitState:
    return VisitState(source=source, platform="web", due_at=NOW)


def claim(state: State, owner: str, *, at: float = 0, source: str = "feed") -> bool:
    now = NOW + at * MINUTE
    return state.visits.claim(source, owner=owner, until=now + MINUTE, now=now)


def test_a_source_is_visited_by_one_at_a_time(state: State) -> None:
    assert claim(state, "a") and claim(state, "a")
    assert not claim(state, "b") and claim(state, "b", source="other")
    assert state.visits.load() == {} and state.visits.one("feed") is None
    state.visits.save(visit_state(), owner="a")
    assert state.visits.one("feed") == visit_state()
    assert claim(state, "b")


def test_a_visit_that_took_too_long_changes_nothing_once_another_has_begun(state: State) -> None:
    claim(state, "a")
    assert not claim(state, "b", at=0.9) and claim(state, "b", at=1)
    with pytest.raises(ConflictError):
        state.visits.save(replace(visit_state(), fails=7), owner="a")
    state.visits.save(replace(visit_state(), fails=1), owner="b")
    assert state.visits.load()["feed"].fails == 1
    with pytest.raises(ConflictError):
        state.visits.save(visit_state(), owner="b")


def test_claims_are_given_up_together_and_matched_posts_stay(state: State) -> None:
    state.visits.add_matched({"feed": 3})
    claim(state, "a")
    claim(state, "a", source="other")
    claim(state, "b", source="third")
    state.visits.release(owner="a")
    assert claim(state, "b") and claim(state, "b", source="other") and not claim(state, "a", source="third")
    state.visits.save(visit_state(), owner="b")
    found = state.visits.one("feed")
    assert found is not None and found.posts_matched == 3


# --- sites ---------------------------------------------------------------------------------------------------


def test_turns_at_a_site_lie_the_pace_apart_whoever_asks(state: State) -> None:
    turns = [state.sites.turn("a.cn", pace=2 * SECOND, now=NOW) for _ in range(3)]
    assert turns == [NOW, NOW + 2 * SECOND, NOW + 4 * SECOND]
    assert state.sites.turn("b.cn", pace=2 * SECOND, now=NOW) == NOW
    assert state.sites.turn("a.cn", pace=SECOND, now=NOW + 5 * SECOND) == NOW + 6 * SECOND
    assert state.sites.turn("a.cn", pace=SECOND, now=NOW + MINUTE) == NOW + MINUTE


def test_a_hold_keeps_the_longer_end_and_passes(state: State) -> None:
    assert state.sites.held_until("a.cn", now=NOW) is None
    state.sites.hold("a.cn", until=NOW + 5 * MINUTE, now=NOW)
    state.sites.hold("a.cn", until=NOW + MINUTE, now=NOW)
    assert state.sites.held_until("a.cn", now=NOW) == NOW + 5 * MINUTE
    assert state.sites.held_until("b.cn", now=NOW) is None
    assert state.sites.held_until("a.cn", now=NOW + 5 * MINUTE) is None
    state.sites.hold("a.cn", until=NOW + 9 * MINUTE, now=NOW)
    assert state.sites.held_until("a.cn", now=NOW) == NOW + 9 * MINUTE


def test_sites_long_not_asked_are_forgotten(state: State) -> None:
    state.sites.turn("a.cn", pace=MINUTE, now=NOW)
    state.sites.hold("b.cn", until=NOW + timedelta(days=3), now=NOW)
    state.prune(now=NOW + timedelta(days=2), evaluations=timedelta(days=30))
    assert state.sites.turn("a.cn", pace=MINUTE, now=NOW) == NOW
    assert state.sites.held_until("b.cn", now=NOW) is not None
