"""Plans of what is read again, over every state database."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from domain.outcome import FetchOutcome
from domain.refresh import Refresh
from storage import State
from tests.storage.sample import NOW

MINUTE = timedelta(minutes=1)


def plan(id: str, *, due: float = 0, road: str = "") -> Refresh:
    return Refresh(mention=id, begun_at=NOW, due_at=NOW + due * MINUTE, road=road)


def take(state: State, owner: str = "a", *, at: float = 0, limit: int = 9, busy: Sequence[str] = ()) -> list[str]:
    now = NOW + at * MINUTE
    taken = (state.refreshes.take(owner=owner, busy=busy, until=now + 5 * MINUTE, now=now) for _ in range(limit))
    return [each.mention for each in taken if each is not None]


def test_a_plan_is_written_once(state: State) -> None:
    state.refreshes.plan([plan("weibo:1"), plan("weibo:2", due=3)])
    state.refreshes.plan([plan("weibo:1", due=99), plan("weibo:3")])
    state.refreshes.plan([])
    found = state.refreshes.load()
    assert {id: each.due_at for id, each in found.items()} == {
        "weibo:1": NOW, "weibo:2": NOW + 3 * MINUTE, "weibo:3": NOW,
    }  # fmt: skip


def test_the_longest_due_are_taken_first_and_by_one(state: State) -> None:
    state.refreshes.plan(
        [plan("weibo:1", due=2), plan("weibo:2", due=1), plan("weibo:3", due=3), plan("weibo:4", due=9)]
    )
    assert take(state, at=0.5) == []
    assert take(state, at=4, limit=2) == ["weibo:2", "weibo:1"]
    assert take(state, "b", at=4) == ["weibo:3"]
    assert take(state, "b", at=8.9) == []
    assert take(state, "b", at=9) == ["weibo:2", "weibo:1", "weibo:3", "weibo:4"]


def test_plans_over_a_busy_road_wait_and_hold_up_no_others(state: State) -> None:
    state.refreshes.plan(
        [plan("weibo:1", road="weibo/cookie"), plan("v2ex:1", due=1, road="v2ex/open"), plan("v2ex:2", due=2)]
    )
    assert take(state, at=3, busy=["weibo/cookie", "elsewhere"]) == ["v2ex:1", "v2ex:2"]
    state.refreshes.save(plan("v2ex:2", due=2, road="v2ex/open"), owner="a")
    assert take(state, at=3, busy=["v2ex/open"]) == ["weibo:1"]
    assert take(state, at=3) == ["v2ex:2"]


def test_a_saved_plan_is_given_up_and_waits_for_its_time(state: State) -> None:
    state.refreshes.plan([plan("weibo:1")])
    assert take(state) == ["weibo:1"]
    after = replace(plan("weibo:1", due=15), looks=1, last_outcome=FetchOutcome.GONE, gone_at=NOW)
    state.refreshes.save(after, owner="a")
    assert state.refreshes.load() == {"weibo:1": after}
    assert take(state, "b", at=14) == []
    assert take(state, "b", at=15) == ["weibo:1"]


def test_whoever_lost_a_plan_writes_nothing(state: State) -> None:
    state.refreshes.plan([plan("weibo:1"), plan("weibo:2")])
    assert take(state, "a", limit=1) == ["weibo:1"]
    assert take(state, "b", at=6, limit=1) == ["weibo:1"]
    state.refreshes.save(plan("weibo:1", due=60), owner="a")
    assert state.refreshes.load()["weibo:1"].due_at == NOW
    state.refreshes.drop(["weibo:1", "weibo:9"])
    state.refreshes.save(plan("weibo:1", due=60), owner="b")
    assert list(state.refreshes.load()) == ["weibo:2"]
