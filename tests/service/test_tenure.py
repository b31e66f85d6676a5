"""A role is held by one of several processes, and passes on when its holder ends or is lost."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from domain.clock import ManualClock
from domain.ports import DeskChange, Fence
from service.tenure import Tenure, machine_name
from storage import State, open_state
from storage.errors import FencedError, StoreError
from tests.postgres_node import postgres
from tests.storage.desk_sample import delivery

T = datetime(2026, 6, 20, 8, tzinfo=UTC)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.pg)])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[State]:
    opened = open_state(postgres().ready() if request.param == "postgresql" else None, tmp_path)
    yield opened
    opened.close()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.01)


class Holder:
    """A process that wants the role, in a thread."""

    def __init__(self, state: State, name: str, clock: ManualClock, **more: float) -> None:
        given = {"lease_s": 20.0, "renew_s": 0.02, "standby_s": 0.02, **more}
        self.tenure = Tenure(state.leases, "watch", owner=name, clock=clock, **given)
        self.fences: list[Fence] = []
        self.working = threading.Event()
        self.waited = 0
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.tenure.run, args=(self.stop, self._work, self._wait), daemon=True)
        self.thread.start()

    def _work(self, fence: Fence, ended: threading.Event) -> None:
        self.fences.append(fence)
        self.working.set()
        ended.wait()
        self.working.clear()

    def _wait(self) -> None:
        self.waited += 1

    def end(self) -> None:
        self.stop.set()
        self.thread.join(timeout=10)
        assert not self.thread.is_alive()


def test_one_works_the_other_stands_by_and_follows_when_the_first_stops(state: State) -> None:
    clock = ManualClock(T)
    first = Holder(state, "a", clock)
    assert first.working.wait(10)
    second = Holder(state, "b", clock)
    wait_until(lambda: second.waited > 3)
    assert not second.fences
    first.end()
    assert second.working.wait(10)
    assert second.fences[0].token > first.fences[0].token
    second.end()
    assert state.leases.holder("watch") is None


def test_a_holder_that_is_lost_is_followed_within_the_lease(state: State) -> None:
    clock = ManualClock(T)
    lost = state.leases.acquire("watch", owner="lost", lease=timedelta(seconds=20), now=T)
    assert lost is not None
    next_one = Holder(state, "b", clock)
    wait_until(lambda: next_one.waited > 3)
    clock.advance(timedelta(seconds=19))
    waited = next_one.waited
    wait_until(lambda: next_one.waited > waited + 3)
    clock.advance(timedelta(seconds=1))
    assert next_one.working.wait(10)
    with pytest.raises(FencedError):
        state.desk.fenced(lost).commit(DeskChange(deliveries=(delivery(1),)), now=T)
    next_one.end()


def test_a_holder_that_renews_keeps_the_role(state: State) -> None:
    clock = ManualClock(T)
    first = Holder(state, "a", clock)
    assert first.working.wait(10)
    second = Holder(state, "b", clock)
    for _ in range(5):
        clock.advance(timedelta(seconds=15))
        time.sleep(0.2)
    assert first.working.is_set() and not second.fences
    first.end()
    second.end()


def test_a_holder_that_was_replaced_ends_its_work_and_stands_by(state: State, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    clock = ManualClock(T)
    first = Holder(state, "a", clock, renew_s=0.2)
    assert first.working.wait(10)
    clock.advance(timedelta(seconds=60))
    taken = state.leases.acquire("watch", owner="b", lease=timedelta(seconds=20), now=clock.now())
    if taken is not None:  # else it renewed in the same moment, and nothing is to be seen
        wait_until(lambda: first.waited > 1)
        assert not first.working.is_set() and "taken over" in caplog.text
    first.end()


def test_a_restarted_process_takes_over_from_itself(state: State) -> None:
    lost = state.leases.acquire("watch", owner="a", lease=timedelta(seconds=20), now=T)
    assert lost is not None
    again = Holder(state, "a", ManualClock(T))
    assert again.working.wait(10)
    assert again.fences[0].token == lost.token + 1 and not again.waited
    again.end()


class Failing:
    """Leases whose store is away."""

    def __init__(self, state: State) -> None:
        self._leases = state.leases
        self.down = True

    def acquire(self, role: str, *, owner: str, lease: timedelta, now: datetime) -> Fence | None:
        if self.down:
            raise StoreError("away", retryable=True)
        return self._leases.acquire(role, owner=owner, lease=lease, now=now)

    def renew(self, fence: Fence, *, lease: timedelta, now: datetime) -> bool:
        if self.down:
            raise StoreError("away", retryable=True)
        return self._leases.renew(fence, lease=lease, now=now)

    def release(self, fence: Fence) -> None:
        if self.down:
            raise StoreError("away", retryable=True)
        self._leases.release(fence)


def test_a_store_that_is_away_is_waited_for(state: State, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    leases = Failing(state)
    holder = Holder.__new__(Holder)
    holder.fences, holder.working, holder.waited, holder.stop = [], threading.Event(), 0, threading.Event()
    tenure = Tenure(leases, "watch", owner="a", clock=ManualClock(T), renew_s=0.02, standby_s=0.02)
    holder.thread = threading.Thread(target=tenure.run, args=(holder.stop, holder._work, holder._wait), daemon=True)
    holder.thread.start()
    wait_until(lambda: holder.waited > 3)
    assert caplog.text.count("stands by") == 1
    leases.down = False
    assert holder.working.wait(10)
    leases.down = True
    wait_until(lambda: "not renewed" in caplog.text)
    assert holder.working.is_set()
    holder.end()
    assert "left to its lease" in caplog.text


def test_work_that_breaks_gives_the_role_up(state: State) -> None:
    def work(fence: Fence, ended: threading.Event) -> None:
        raise RuntimeError("broken")

    tenure = Tenure(state.leases, "watch", owner="a", clock=ManualClock(T))
    with pytest.raises(RuntimeError):
        tenure.run(threading.Event(), work, lambda: None)
    assert state.leases.holder("watch") is None


def test_an_installation_keeps_its_name(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    name = machine_name(tmp_path / "a")
    assert name == machine_name(tmp_path / "a") != machine_name(tmp_path / "b")


def test_a_name_that_was_cut_short_by_a_crash_is_made_anew(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "machine").touch()
    assert machine_name(tmp_path / "a") == machine_name(tmp_path / "a") != machine_name(tmp_path / "b")
